"""Measure the scaffolded service over HTTP: first whether it answers right, then how fast, on how much memory."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from mlship import serving
from mlship.benchmarks.load import Job, Result
from mlship.benchmarks.plots import curve
from mlship.benchmarks.rows import batches
from mlship.errors import GateError, ServiceError
from mlship.golden import Golden
from mlship.measure import cpu_seconds, resident, summary
from mlship.parity import Tolerance, compare
from mlship.replay import arrays, payload, replay
from mlship.signature import Signature

#: Beyond this share of one core, the load generator may be what limits a figure.
BUSY = 0.85


class Http:
    """The measurements of one running service, by the golden set and what its answers may differ."""

    def __init__(self, running: serving.Running, golden: Golden, signature: Signature, tolerance: Tolerance) -> None:
        self.running, self.golden, self.signature, self.tolerance = running, golden, signature, tolerance
        self.rss_at_start = resident(running.pid)
        named = [output.name for output in signature.outputs]
        self._path = "/predict" if "prediction" in named else "/predict?outputs=all"

    def prove(self) -> dict[str, Any]:
        """Replay the golden set; raises GateError when an answer is wrong, since its speed is worth nothing then."""
        verdict = replay(self.running.url, self.golden, self.signature, self.tolerance)
        if not verdict.passed:
            raise GateError(
                f"the service answers wrong: {verdict.sentence()}",
                "if service/ has edits of yours, compare it with .mlship/scaffold/service",
            )
        return verdict.to_json()

    def load(self, connections: int, rows: int, *, seconds: float, seed: int) -> dict[str, Any]:
        """Measure a closed loop of ``connections`` that post ``rows`` golden rows a request; all answers are checked.

        Raises ServiceError when a request fails, GateError when an answer is wrong.
        """
        drawn = batches(self.golden, rows, seed)
        bodies = [json.dumps(payload(self.golden, self.signature, batch), allow_nan=False) for batch in drawn]
        address = urlsplit(self.running.url)
        job = Job(address.hostname or "", address.port or 80, self._path, bodies, connections, seconds)
        before = cpu_seconds(self.running.pid)
        result = _generate(job)
        if result.problem or not result.latencies_ns:
            message = f"the service failed under load ({connections} connections, {rows} rows a request)"
            raise ServiceError(f"{message}: {result.problem or 'no answer in time'}", "mlship verify")
        self._check(result, drawn)
        used = (cpu_seconds(self.running.pid) - before) / result.sent
        return {"connections": connections, "rows": rows, **_figures(result, rows), "cpu_seconds_per_request": used}

    def _check(self, result: Result, drawn: Sequence[Any]) -> None:
        for batch, answers in zip(drawn, result.answers, strict=True):
            for answer in answers:
                actual = arrays(json.loads(answer), self.signature, len(batch))
                taken = self.golden.take(batch)
                expected = Golden(
                    taken.inputs,
                    {name: values for name, values in taken.outputs.items() if name in actual},
                    taken.origins,
                )
                verdict = compare(expected, actual, self.tolerance)
                if not verdict.passed or not actual:
                    raise GateError(f"the service answers wrong under load: {verdict.sentence()}", "mlship verify")


def _generate(job: Job) -> Result:
    command = [sys.executable, "-P", "-m", "mlship.benchmarks.load"]
    patience = 2 * (job.seconds + job.warm_up_seconds) + 3 * job.timeout_seconds
    try:
        done = subprocess.run(
            command, input=json.dumps(asdict(job)).encode(), capture_output=True, check=True, timeout=patience
        )
    except subprocess.TimeoutExpired:
        raise ServiceError(f"the load generator did not end within {patience:g} s") from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ServiceError(f"the load generator failed: {' '.join(last)}") from error
    return Result(**json.loads(done.stdout))


def _figures(result: Result, rows: int) -> dict[str, Any]:
    latencies = np.array(result.latencies_ns, dtype=np.float64) * 1e-9
    rate = len(latencies) / result.seconds
    return {
        "seconds": result.seconds,
        "requests_per_second": rate,
        "rows_per_second": rate * rows,
        "latency": {**summary(latencies), "curve": curve(latencies)},
        "answers_checked": result.sent - result.unchecked,
        "reconnected": result.reconnected,
        "generator_cpu_share": result.cpu_share,
        "generator_was_bottleneck": result.cpu_share > BUSY,
    }
