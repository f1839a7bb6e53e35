"""Jobs and results between the one who asks for a load and the processes that make it: lines of JSON.

Latencies follow their line as they are in memory: to pack them takes milliseconds, in which a generator would be late.
"""

import base64
import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from mlship.load.job import Job, Result
from mlship.load.tally import Counted


@dataclass(frozen=True)
class Share:
    """What one process does of a job: a job of its own, from body number ``body`` on, ``first`` nanoseconds later."""

    job: Job
    body: int = 0
    first: int = 0


def write_share(share: Share) -> bytes:
    """Return a line that ``read_share`` reads."""
    job = {**vars(share.job), "headers": dict(share.job.headers), "bodies": [_text(body) for body in share.job.bodies]}
    return _line({"job": job, "body": share.body, "first": share.first})


def read_share(line: bytes) -> Share:
    """Return what ``write_share`` wrote."""
    share = json.loads(line)
    bodies = [base64.b64decode(body) for body in share["job"]["bodies"]]
    return Share(Job(**{**share["job"], "bodies": bodies}), share["body"], share["first"])


def write_counted(counted: Counted) -> bytes:
    """Return a line that holds a slice, and the latencies behind it."""
    latencies = counted.latencies.tobytes()
    return _line({"counted": {**vars(counted), "latencies": len(latencies)}}) + latencies


def read_counted(line: Mapping[str, Any], rest: IO[bytes]) -> Counted:
    """Return what ``write_counted`` wrote, from its decoded line and what comes behind it."""
    latencies = array("q")
    latencies.frombytes(rest.read(line["latencies"]))
    return Counted(**{**line, "latencies": latencies})


def write_result(result: Result) -> bytes:
    """Return a line that holds a result without its slices, which were told before."""
    answers = [[_text(answer) for answer in each] for each in result.answers]
    return _line({"result": {**vars(result), "slices": [], "answers": answers}})


def read_result(line: Mapping[str, Any]) -> Result:
    """Return what ``write_result`` wrote, once decoded."""
    answers = [[base64.b64decode(answer) for answer in each] for each in line["answers"]]
    return Result(**{**line, "answers": answers})


def _line(data: Any) -> bytes:
    return json.dumps(data).encode("ascii") + b"\n"


def _text(body: bytes) -> str:
    return base64.b64encode(body).decode("ascii")
