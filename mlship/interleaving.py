"""Time candidates that take turns in random order, so that what disturbs the machine disturbs all of them alike."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlship.measure import Sample

#: Runs a number of calls and returns the seconds that each of them took.
Burst = Callable[[int], Sequence[float]]

#: Rounds that a time budget is divided into, and the fewest that an interval is worth anything with.
ROUNDS, FEWEST = 25, 5

_STABLE = 0.1
_IDLE, _PATIENCE = 0.002, 50
_LARGEST_BURST = 2000


def interleaved(
    candidates: Mapping[str, Callable[[], object]], *, seconds: float = 2.0, rounds: int = ROUNDS, seed: int = 0
) -> dict[str, Sample]:
    """Time ``candidates`` against each other: in each round all of them, in random order, some calls each.

    ``seconds`` is the budget for all candidates together, warm-up left out; ``rounds`` how many rounds it is divided
    into.
    """
    bursts = {name: burst(call) for name, call in candidates.items()}
    return interleaved_bursts(bursts, seconds=seconds, rounds=rounds, seed=seed)


def interleaved_bursts(
    candidates: Mapping[str, Burst],
    *,
    seconds: float = 2.0,
    rounds: int = ROUNDS,
    least: int = 1,
    seed: int = 0,
    enough: Callable[[Mapping[str, Sample]], bool] = lambda samples: False,
) -> dict[str, Sample]:
    """Do what ``interleaved`` does with candidates that time themselves, in another process for instance.

    Each round gives every candidate the same share of time, and at least one call; at least ``FEWEST`` rounds are made
    unless that takes more than twice the budget, and ``least`` in any case. After every round ``enough`` says whether
    the samples so far will do. Threads that one candidate leaves spinning are waited for.
    """
    share = seconds / rounds / max(len(candidates), 1)
    warm = {name: _warm_up(candidate, seconds / len(candidates) / 4) for name, candidate in candidates.items()}
    calls = {name: min(max(int(share / max(each, 1e-9)), 1), _LARGEST_BURST) for name, (each, _) in warm.items()}
    measured: dict[str, list[NDArray[np.float64]]] = {name: [] for name in candidates}
    shuffle, order, spent = random.Random(seed), list(candidates), 0.0  # noqa: S311
    for done in range(1, max(rounds, least) + 1):
        shuffle.shuffle(order)
        for name in order:
            settle()
            started = time.perf_counter()
            measured[name].append(np.asarray(candidates[name](calls[name]), dtype=np.float64))
            spent += time.perf_counter() - started
        up = spent > 2 * seconds or (spent > seconds and done >= FEWEST)
        samples = {name: Sample(tuple(measured[name]), warm[name][1]) for name in candidates}
        if (up and done >= least) or enough(samples):
            break
    return samples


def burst(call: Callable[[], object]) -> Burst:
    """Make a burst of ``call``: each call is timed on its own."""

    def run(times: int) -> list[float]:
        clock, marks = time.perf_counter, []
        for _ in range(times):
            started = clock()
            call()
            marks.append(clock() - started)
        return marks

    return run


def settle() -> None:
    """Wait until this process is idle: ONNX Runtime's pool spins for some 35 ms after a call and slows the next one."""
    for _ in range(_PATIENCE):
        before = time.process_time()
        time.sleep(_IDLE)
        if time.process_time() - before < _IDLE / 4 and not _others_run():
            return


def _others_run() -> bool:
    """Say whether a thread beside this one runs, or waits for a core, which looks idle (state R of proc(5))."""
    own = str(threading.get_native_id())
    others = [task / "stat" for task in Path("/proc/self/task").glob("*") if task.name != own]
    try:
        return any(stat.read_text(encoding="utf-8").rpartition(") ")[2].startswith("R") for stat in others)
    except OSError:
        return True  # one has ended meanwhile


def _warm_up(candidate: Burst, budget: float) -> tuple[float, bool]:
    """Call until two bursts in a row agree or time is up; return the median seconds of a call, and whether they did."""
    settle()
    started, times = time.perf_counter(), 1
    before = float(np.median(candidate(times)))
    while (left := budget - (time.perf_counter() - started)) > 0:
        times = min(times * 2, max(int(left / max(before, 1e-9)), 1), _LARGEST_BURST)
        now = float(np.median(candidate(times)))
        if times > 4 and abs(now - before) <= _STABLE * before:
            return now, True
        before = now
    return before, False
