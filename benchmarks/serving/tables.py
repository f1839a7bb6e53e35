"""Prints the ratios beside their goals, and the absolute figures behind them."""

import statistics

from benchmarks.serving.figures import (
    FAST,
    FIGURES,
    LOADS,
    MEMORY,
    PLAIN,
    START_SECONDS,
    Figure,
    Found,
    cpu_ratio,
    ratio,
    summary,
)
from benchmarks.serving.loads import Measured
from benchmarks.serving.rounds import Outcome
from benchmarks.serving.servers import KINDS


def ratios(outcome: Outcome) -> None:
    """Print each figure: the median of the rounds, the lowest and highest, the goal, and the same by CPU time."""
    print(f"\n{'figure':<40}{'plain ASGI':<52}fast path")
    for figure in FIGURES:
        cells = [
            _cell(figure, name, goal, outcome) if name else ""
            for name, goal in zip((figure.plain, figure.fast), figure.goals, strict=True)
        ]
        if any(cells):
            print(f"{figure.title:<40}{cells[0]:<52}{cells[1]}".rstrip())
    for title, place, goal, unit in (("start, s", 0, START_SECONDS, 1), ("memory (PSS), MB", 1, MEMORY, 1e6)):
        told = [summary([values[place] / unit for values in outcome.starts.get(name, ())]) for name in (PLAIN, FAST)]
        if any(told):
            cells = [_found(found, goal / unit, at_least=False) if found else "" for found in told]
            print(f"{title:<40}{cells[0]:<52}{cells[1]}".rstrip())


def absolute(outcome: Outcome) -> None:
    """Print medians of all rounds, by load and server."""
    for load in (name for name in LOADS if any(name == load for load, _ in outcome.measured)):
        print(f"\n{load:<32}{'answers/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU us':>9}")
        for name in KINDS:
            rounds = [one for one in outcome.measured.get((load, name), ()) if one is not None]
            if rounds:
                print(f"  {name:<30}{_line(rounds)}")
    if outcome.starts:
        print(f"\n{'start':<32}{'seconds':>10}{'PSS MB':>9}")
    for name in KINDS:
        if starts := outcome.starts.get(name):
            seconds, memory = (statistics.median(values) for values in zip(*starts, strict=True))
            print(f"  {name:<30}{seconds:>10.2f}{memory / 1e6:>9.0f}")


def _cell(figure: Figure, name: str, goal: float | None, outcome: Outcome) -> str:
    found = ratio(figure, name, outcome.measured)
    if found is None:
        return ""
    by_cpu = cpu_ratio(figure, name, outcome.measured)
    told = _found(found, goal, at_least=figure.at_least)
    return told + (f", CPU {_number(by_cpu.median)}" if by_cpu else "")


def _found(found: Found, goal: float | None, *, at_least: bool) -> str:
    told = f"{_number(found.median)} ({_number(found.low)} to {_number(found.high)})"
    if goal is None:
        return told
    sign, mark = (">=" if at_least else "<="), ("" if found.reaches(goal, at_least=at_least) else " MISSED")
    return f"{told} {sign} {goal:g}{mark}"


def _line(rounds: list[Measured]) -> str:
    rate, p50, p99, cpu, lag = (
        statistics.median(getattr(one, name) for one in rounds) for name in ("rate", "p50", "p99", "cpu", "lag")
    )
    sender = f"   sent {lag:.3f} ms late (p99)" if lag else ""
    return f"{rate:>10,.0f}{p50:>9.3f}{p99:>9.3f}{cpu:>9.1f}{sender}"


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
