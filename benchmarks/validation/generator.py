"""Is the load generator fast enough? wrk and ours in turns against nginx, which answers a constant on one core."""

import argparse
import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.validation.scripted import LOAD_CORE, SERVER_CORE
from mlship.load.histograms import Histogram
from mlship.load.job import Job, Result
from mlship.load.running import run

GOAL, OPEN_RATE, LATE_GOAL = 0.5, 20_000.0, 0.01
_NGINX = Path(__file__).parents[1] / "serving" / "peers" / "nginx" / "start.sh"
_BODIES = [b'{"features":[[5.1,3.5,1.4,0.%d]]}' % number for number in range(10)]
_LUA = """wrk.method = "POST"
wrk.body = '{"features":[[5.1,3.5,1.4,0.2]]}'
wrk.headers["Content-Type"] = "application/json"
"""
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True)
class Figures:
    """Requests a second, and seconds."""

    rate: float
    p50: float
    p99: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.validation generator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="in turns; medians are printed")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run")
    given = parser.parse_args(arguments)
    if missing := [name for name in ("wrk", "nginx", "taskset") if shutil.which(name) is None]:
        print(f"needs {' and '.join(missing)}", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, {LOAD_CORE})
    with _nginx() as url:
        ratios = [_closed(url, connections, given.rounds, given.seconds) for connections in (1, 8, 64)]
        late = [_open(url, arrivals, given.rounds, given.seconds) for arrivals in ("constant", "poisson")]
    return int(ratios[-1] < GOAL or max(late) > LATE_GOAL)


def _closed(url: str, connections: int, rounds: int, seconds: float) -> float:
    """Print both, and return the median of the ratios of their rates."""
    pairs = [(_wrk(url, connections, seconds), _ours(url, connections, seconds)) for _ in range(rounds)]
    ratio = statistics.median(ours.rate / wrk.rate for wrk, ours in pairs)
    goal = f" (goal: {GOAL})" if connections == 64 else ""
    print(f"{connections} connections: ours over wrk {ratio:.2f}{goal}")
    for name, figures in zip(("wrk", "ours"), zip(*pairs, strict=True), strict=True):
        rate, p50, p99 = (statistics.median(getattr(each, what) for each in figures) for what in ("rate", "p50", "p99"))
        print(f"  {name:<5} {rate:9,.0f}/s   p50 {p50 * 1e6:6.0f} us   p99 {p99 * 1e6:6.0f} us", flush=True)
    return ratio


def _open(url: str, arrivals: str, rounds: int, seconds: float) -> float:
    """Print what an open loop does, and return the median share of requests that were late."""
    runs = [_run(url, connections=64, rate=OPEN_RATE, arrivals=arrivals, seconds=seconds) for _ in range(rounds)]
    late = statistics.median(result.late / result.sent for result in runs)
    busy = statistics.median(result.busy_share for result in runs)
    p50, p99 = (statistics.median(_percentiles(result)[place] for result in runs) for place in (0, 1))
    print(f"open loop, {OPEN_RATE:,.0f}/s {arrivals}: late {late:.2%} (goal: {LATE_GOAL:.0%}), busy {busy:.0%}, "
          f"p50 {p50 * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us", flush=True)  # fmt: skip
    return late


def _ours(url: str, connections: int, seconds: float) -> Figures:
    result = _run(url, connections=connections, seconds=seconds)
    rate = sum(told.answers for told in result.slices) / result.seconds
    return Figures(rate, *_percentiles(result))


def _run(url: str, **options: object) -> Result:
    result = run(Job(url, "/predict", _BODIES, **options))  # type: ignore[arg-type]
    if result.failures or any(answers != [b'{"prediction":[0]}'] for answers in result.answers):
        raise RuntimeError(f"nginx failed: {result.failed}")
    return result


def _percentiles(result: Result) -> list[float]:
    return Histogram.decode(*(told.histogram for told in result.slices)).percentiles([50, 99])


def _wrk(url: str, connections: int, seconds: float) -> Figures:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_LUA)
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency", "-s", script.name, url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    values = {
        name: float(value) * _UNITS[unit] for name, value, unit in re.findall(r"(\d+%)\s+([\d.]+)(us|ms|s)\b", told)
    }
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate
    return Figures(float(rate[1]), values["50%"], values["99%"])


@contextlib.contextmanager
def _nginx() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as work:
        environment = {**os.environ, "WORK": work, "PORT": str(port)}
        command = ["taskset", "--cpu-list", str(SERVER_CORE), "sh", str(_NGINX)]
        with subprocess.Popen(command, env=environment) as process:
            try:
                _wait(port)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
