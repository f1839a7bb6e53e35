"""Put load on a running server, and check what it answers: wrk for rates, an open loop for latency."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving import open_loop
from benchmarks.serving.models import Question
from benchmarks.serving.running import LOAD_CORE, FailedError, Running
from mlship.load.job import Job
from mlship.load.running import run
from mlship.measure import cpu_seconds, percentile

_SCRIPT = Path(__file__).with_name("rotate.lua")
#: A checking pass asks so often at most, and for so long at most.
_CHECKS, _CHECK_SECONDS = 512, 1.0


@dataclass(frozen=True)
class Load:
    """What is put on a server: closed loops of ``connections``, or ``rate`` requests a second in an open loop."""

    model: str
    connections: int
    rows: int = 1
    rate: float = 0.0


@dataclass(frozen=True)
class Measured:
    """One round of one server: answers a second, milliseconds, and CPU microseconds (user and system) an answer.

    ``lag`` is the p99 in milliseconds of how late an open loop sent; 0 for closed loops.
    """

    rate: float
    p50: float
    p99: float
    cpu: float
    lag: float = 0.0


def measure(target: Running, questions: Sequence[Question], asked: Load, seconds: float) -> Measured:
    """Check, measure, and check once more; raises FailedError at the first wrong or missing answer."""
    bodies = check(target, questions, asked.connections)
    before = cpu_seconds(target.pid)
    if asked.rate:
        told = _open(target, questions, bodies, asked, seconds)
        count = len(told.latencies_ns)
        times = [percentile(told.latencies_ns, q) / 1e6 for q in (50, 99)]
        rate, lag = asked.rate, percentile(told.lags_ns, 99) / 1e6
    else:
        wrk = _closed(target, bodies, asked, seconds)
        count, rate, lag = wrk["requests"], wrk["requests"] / wrk["microseconds"] * 1e6, 0.0
        times = [wrk["p50"] / 1e3, wrk["p99"] / 1e3]
    spent = cpu_seconds(target.pid) - before
    check(target, questions, asked.connections)
    return Measured(rate, times[0], times[1], spent / count * 1e6, lag)


def check(target: Running, questions: Sequence[Question], connections: int) -> list[str]:
    """Ask everything on ``connections`` at a time, compare with the original, and return what was sent.

    Raises FailedError at the first answer that is missing or another.
    """
    dialect = target.server.dialect
    bodies = [json.dumps(dialect.ask(question.rows)) for question in questions]
    job = Job(
        f"http://127.0.0.1:{target.port}",
        dialect.path,
        [body.encode() for body in bodies],
        {"Content-Type": "application/json"},
        connections=connections,
        seconds=_CHECK_SECONDS,
        slice_seconds=_CHECK_SECONDS,
        warm_up_seconds=0.0,
        requests=_CHECKS,
    )
    result = run(job)
    if result.failures or not any(result.answers):
        raise FailedError(f"{dict(result.failures) or 'no answer'}")
    _compare(target, questions, result.answers)
    return bodies


def _compare(target: Running, questions: Sequence[Question], answers: Sequence[Sequence[bytes]]) -> None:
    if not target.server.checked:
        return
    for question, several in zip(questions, answers, strict=True):
        for answer in several:
            if target.server.dialect.read(json.loads(answer)) != question.answer:
                raise FailedError(f"answered {answer[:200]!r} where the original says {question.answer[:10]}")


def _closed(target: Running, bodies: Sequence[str], asked: Load, seconds: float) -> dict[str, Any]:
    url = f"http://127.0.0.1:{target.port}{target.server.dialect.path}"
    options = ["--threads", "1", "--connections", str(asked.connections), "--duration", f"{seconds:.0f}"]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(f"{body}\n" for body in bodies))
        file.flush()
        command = ["taskset", "--cpu-list", str(LOAD_CORE), "wrk", *options, "--script", str(_SCRIPT), url]
        done = subprocess.run([*command, "--", file.name], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if told["refused"] or told["broken"] or not told["requests"]:
        raise FailedError(f"wrk: {told}")
    return told


def _open(
    target: Running, questions: Sequence[Question], bodies: Sequence[str], asked: Load, seconds: float
) -> open_loop.Result:
    job = open_loop.Job(target.port, target.server.dialect.path, bodies, asked.rate, seconds, asked.connections)
    command = ["taskset", "--cpu-list", str(LOAD_CORE), sys.executable, "-m", "benchmarks.serving.open_loop"]
    done = subprocess.run(command, input=json.dumps(asdict(job)), capture_output=True, text=True, check=True)
    result = open_loop.Result(**json.loads(done.stdout))
    if result.problem:
        raise FailedError(result.problem)
    _compare(target, questions, result.answers)
    return result
