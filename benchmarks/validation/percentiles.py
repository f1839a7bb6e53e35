"""Does the load generator report the latencies that the server really has, and see a stall?

The server follows a script, from which the true percentiles are computed. An open loop must report them within 5 %; a
closed loop must where nothing stalls, and is shown to be blind where something does.
"""

import argparse
import os
import statistics
from collections.abc import Sequence

from benchmarks.validation.scripted import LOAD_CORE, Script, percentiles, serving
from mlship.load.histograms import Histogram
from mlship.load.job import Job
from mlship.load.running import run

GOAL = 0.05
RATE, CONNECTIONS = 500.0, 256
WANTED = (50.0, 90.0, 99.0, 99.9)
#: Of a stall, the 90 % lie where the stall begins to show, so that a request more or less is another answer.
STALLED = (50.0, 95.0, 99.0, 99.9)
FIXED = Script("fixed: 5 ms", 0.005)
BIMODAL = Script("bimodal: 95 % 2 ms, 5 % 40 ms", 0.002, slow=0.04, share=0.05)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation percentiles", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many are printed")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run; a tenth of it is stalled")
    given = parser.parse_args(arguments)
    os.sched_setaffinity(0, {LOAD_CORE})
    seconds, missed = given.seconds, 0
    stall = Script(
        f"stall: {seconds / 10:g} s of {seconds:g} s, else 2 ms", 0.002, stall=seconds / 10, stall_at=0.45 * seconds
    )
    print(f"open loop: {RATE:g} requests a second; medians of {given.rounds} runs of {seconds:g} s; goal: {GOAL:.0%}")
    for script, wanted in ((FIXED, WANTED), (BIMODAL, WANTED), (stall, STALLED)):
        truth = script.truth(RATE, seconds, wanted)
        runs = {
            name: [_run(script, seconds, rate, wanted) for _ in range(given.rounds)] for name, rate in _LOOPS.items()
        }
        told = {name: [statistics.median(each) for each in zip(*runs[name], strict=True)] for name in runs}
        print(f"\n{script.name}\n{'':<26}" + "".join(f"{f'p{each:g}':>20}" for each in wanted))
        print(_row("by the script", truth))
        for name, values in told.items():
            print(_row(name, values, truth))
        must = ["open loop"] if script.stall else ["open loop", "closed loop"]
        missed += sum(
            abs(value / true - 1) > GOAL for name in must for value, true in zip(told[name], truth, strict=True)
        )
    print(f"\n{missed} percentiles are off by more than {GOAL:.0%}")
    return int(missed > 0)


_LOOPS = {"open loop": RATE, "closed loop": None}
_CLOSED_CONNECTIONS = 8


def _run(script: Script, seconds: float, rate: float | None, wanted: Sequence[float]) -> list[float]:
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
    return told


def _row(name: str, values: Sequence[float], truth: Sequence[float] | None = None) -> str:
    if truth is None:
        return f"{name:<26}" + "".join(f"{f'{value * 1e3:.3f} ms':>20}" for value in values)
    both = zip(values, truth, strict=True)
    return f"{name:<26}" + "".join(f"{f'{value * 1e3:.3f} ms ({value / true - 1:+.1%})':>20}" for value, true in both)


def _values(values: Sequence[float]) -> str:
    return " ".join(f"{value * 1e3:.3f}" for value in values) + " ms"
