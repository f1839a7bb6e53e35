"""Do our percentiles agree with wrk2's method, written anew and plainly?

wrk2 gives each connection a constant schedule of its own, and times a request from the moment at which that schedule
meant it to be sent (https://github.com/giltene/wrk2). Here that is some lines of asyncio.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence

from benchmarks.validation.scripted import LOAD_CORE, Script, percentiles, serving
from mlship.load.histograms import Histogram
from mlship.load.job import Job
from mlship.load.running import run

GOAL = 0.1
RATE, CONNECTIONS = 1000.0, 64
WANTED = (50.0, 90.0, 99.0, 99.9)
STALLED = (50.0, 97.5, 99.0, 99.9)
#: Asyncio wakes up up to a millisecond late: from so many seconds before, it does nothing but come back.
_SPIN = 0.002
_REQUEST = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation wrk2", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="in turns; medians are printed")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    given = parser.parse_args(arguments)
    os.sched_setaffinity(0, {LOAD_CORE})
    seconds, missed = given.seconds, 0
    spread = Script("log-normal delays, median 5 ms", 0.005, sigma=0.6)
    stall = Script(
        f"the same with a stall of {seconds / 20:g} s", 0.005, sigma=0.6, stall=seconds / 20, stall_at=seconds / 2
    )
    print(f"{RATE:g} requests a second on {CONNECTIONS} connections; medians of {given.rounds} rounds of {seconds:g} s")
    for script, wanted in ((spread, WANTED), (stall, STALLED)):
        ours, theirs = [], []
        for _ in range(given.rounds):
            ours.append(_ours(script, seconds, wanted))
            theirs.append(_theirs(script, seconds, wanted))
        print(f"\n{script.name}")
        for place, percentile in enumerate(wanted):
            mine, other = (statistics.median(each[place] for each in rounds) for rounds in (ours, theirs))
            missed += abs(mine / other - 1) > GOAL
            both = f"ours {mine * 1e3:9.3f} ms   wrk2's method {other * 1e3:9.3f} ms"
            print(f"  p{percentile:<5g} {both}   {mine / other - 1:+.1%}", flush=True)
    print(f"\n{missed} percentiles differ by more than {GOAL:.0%}")
    return int(missed > 0)


def _ours(script: Script, seconds: float, wanted: Sequence[float]) -> list[float]:
    with serving(script) as server:
        job = Job(
            server.url, "/predict", [b"{}"], arrivals="constant", rate=RATE, connections=CONNECTIONS, seconds=seconds,
            warm_up_seconds=0.0,
        )  # fmt: skip
        result = run(job)
    if result.failures:
        raise RuntimeError(f"{script.name}: {result.failed}")
    return Histogram.decode(*(each.histogram for each in result.slices)).percentiles(wanted)


def _theirs(script: Script, seconds: float, wanted: Sequence[float]) -> list[float]:
    with serving(script) as server:
        return percentiles(asyncio.run(_reference(server.port, seconds)), wanted)


async def _reference(port: int, seconds: float) -> list[float]:
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    start, count = time.perf_counter() + 0.1, int(RATE * seconds / CONNECTIONS)
    tasks = [_connection(*line, start + number / RATE, count) for number, line in enumerate(lines)]
    latencies = await asyncio.gather(*tasks)
    for _, writer in lines:
        writer.close()
    return [latency for each in latencies for latency in each]


async def _connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: float, count: int
) -> list[float]:
    """Send ``count`` requests, each when it is due or as soon as the one before is answered."""
    latencies = []
    for number in range(count):
        due = first + number * CONNECTIONS / RATE
        await asyncio.sleep(max(due - time.perf_counter() - _SPIN, 0))
        while time.perf_counter() < due:
            await asyncio.sleep(0)
        writer.write(_REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))
        latencies.append(time.perf_counter() - due)
    return latencies
