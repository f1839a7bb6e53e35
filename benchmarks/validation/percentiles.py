"""Does the load generator report the latencies that the server really has, and see a stall?

The server follows a script, from which the true percentiles are computed. An open loop must report them within 5 %; a
closed loop must where nothing stalls, and is shown to be blind where something does.
"""

import argparse
import statistics
from collections.abc import Sequence

from benchmarks.validation.calm import calm
from benchmarks.validation.scripted import LOAD_CORE, Script, percentiles, serving
from mlship.load.histograms import Histogram
from mlship.load.job import Job
from mlship.load.running import run

GOAL = 0.05
RATE, CONNECTIONS = 500.0, 256
WANTED = (50.0, 90.0, 99.0, 99.9)
#: Of a stall, the 90 % lie where the stall begins to show, so that a request more or less is another answer.
STALLED = (50.0, 95.0, 99.0, 99.9)
#: Beyond the 99 %, a machine that is shared with others shows what those do: they are printed but not judged.
_JUDGED = 3
FIXED = Script("fixed: 5 ms", 0.005)
BIMODAL = Script("bimodal: 95 % 2 ms, 5 % 40 ms", 0.002, slow=0.04, share=0.05)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation percentiles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many are printed")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run; a tenth of it is stalled")
    given = parser.parse_args(arguments)
    print(f"open loop: {RATE:g} requests a second; medians of {given.rounds} runs of {given.seconds:g} s")
    with calm(LOAD_CORE) as told:
        print(told)
        missed = sum(_compare(script, wanted, given) for script, wanted in _scripts(given.seconds))
    print(f"\n{missed} percentiles are off by more than {GOAL:.0%}")
    return int(missed > 0)


def _scripts(seconds: float) -> list[tuple[Script, Sequence[float]]]:
    told = f"stall: {seconds / 10:g} s of {seconds:g} s, else 2 ms"
    stall = Script(told, 0.002, stall=seconds / 10, stall_at=0.45 * seconds)
    return [(FIXED, WANTED), (BIMODAL, WANTED), (stall, STALLED)]


def _compare(script: Script, wanted: Sequence[float], given: argparse.Namespace) -> int:
    """Print the percentiles of a script and what is reported; return how many of those that must be right are not.

    A neighbour may hold the server up too, so what it really took is the truth. Of a stall that is only a part, as most
    of those who wait have not reached the server: there the script is.
    """
    truth, missed = script.truth(RATE, given.seconds, wanted), 0
    rows = [_row("by the script", truth)]
    for name, rate in _LOOPS.items():
        runs = [_run(script, given.seconds, rate, wanted) for _ in range(given.rounds)]
        told, took = ([statistics.median(each) for each in zip(*side, strict=True)] for side in zip(*runs, strict=True))
        if not script.stall:
            truth = took
            rows.append(_row("what the server took", truth))
        rows.append(_row(name, told, truth))
        if rate or not script.stall:
            off = [abs(value / true - 1) > GOAL for value, true in zip(told, truth, strict=True)]
            missed += sum(off[:_JUDGED])
    print(f"\n{script.name}\n{'':<26}" + "".join(f"{f'p{each:g}':>22}" for each in wanted))
    print("\n".join(rows), flush=True)
    return missed


_LOOPS = {"open loop": RATE, "closed loop": None}
_CLOSED_CONNECTIONS = 8


def _run(
    script: Script, seconds: float, rate: float | None, wanted: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the percentiles that are reported, and those that the server took."""
    with serving(script) as server:
        connections = CONNECTIONS if rate else _CLOSED_CONNECTIONS
        arrivals = "constant" if rate else "closed"
        job = Job(
            server.url, "/predict", [b"{}"], arrivals=arrivals, rate=rate, connections=connections, seconds=seconds
        )
        result = run(job)
        took = percentiles(server.took(), wanted)
    if result.failures:
        raise RuntimeError(f"{script.name}: {result.failed}")
    told = Histogram.decode(*(each.histogram for each in result.slices)).percentiles(wanted)
    print(f"{script.name}, {'open' if rate else 'closed'}: {_values(told)}; late {result.late} of {result.sent}; "
          f"busy {result.busy_share:.0%}; the server took {_values(took)}", flush=True)  # fmt: skip
    return told, took


def _row(name: str, values: Sequence[float], truth: Sequence[float] | None = None) -> str:
    if truth is None:
        return f"{name:<26}" + "".join(f"{f'{value * 1e3:.3f} ms':>22}" for value in values)
    both = zip(values, truth, strict=True)
    return f"{name:<26}" + "".join(f"{f'{value * 1e3:.3f} ms ({value / true - 1:+.1%})':>22}" for value, true in both)


def _values(values: Sequence[float]) -> str:
    return " ".join(f"{value * 1e3:.3f}" for value in values) + " ms"
