"""What becomes of a service when the largest requests that it takes come all at once."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any, Literal

from mlship.client import Client
from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.replay import payload, sendable
from mlship.signature import Signature

#: How many ask at once, how often each, and seconds after which no answer is waited for.
CLIENTS, ROUNDS, SECONDS = 8, 2, 8.0
_LOOK = 0.1
_REFUSALS = frozenset({413, 429, 503})

Fate = Literal["answered", "refused", "failed"]


@dataclass(frozen=True)
class Largest:
    """The largest request: its body, and how many rows are in it."""

    body: bytes
    rows: int


@dataclass(frozen=True)
class Strain:
    """What became of ``requests``, each of ``rows`` rows and ``size`` bytes.

    ``refused``: answered with 413, 429 or 503; ``failed``: with another status, or not within the time.
    """

    requests: int
    rows: int
    size: int
    answered: int
    refused: int
    failed: int


def largest(golden: Golden, signature: Signature, info: Mapping[str, Any]) -> Largest | None:
    """Return the largest request that the limits in ``info`` allow, made of golden rows; None where it tells none."""
    limits = info.get("limits")
    if not isinstance(limits, dict):
        return None
    most, size = limits.get("max_rows"), limits.get("max_body_bytes")
    rows = payload(golden, signature, sendable(golden))["features"]
    if not isinstance(most, int) or not isinstance(size, int) or not rows:
        return None
    written = [json.dumps(row, allow_nan=False).encode() for row in rows]
    start, end = b'{"features": [', b"]}"
    chosen: list[bytes] = []
    left = size - len(start) - len(end)
    for row in islice(cycle(written), most):
        left -= len(row) + 1
        if left < 0:
            break
        chosen.append(row)
    return Largest(start + b",".join(chosen) + end, len(chosen)) if chosen else None


def strain(url: str, request: Largest, watch: Callable[[], None]) -> Strain:
    """Send ``request`` from several clients at once, several times; ``watch`` is called while they wait.

    It takes little more than ``SECONDS``; requests of a second round are not sent when the time is up.
    """
    deadline = time.monotonic() + SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(_client, url, request.body, deadline) for _ in range(CLIENTS)]
        while wait(clients, _LOOK).not_done:
            watch()
        fates = [fate for client in clients for fate in client.result()]
    counts = {fate: fates.count(fate) for fate in ("answered", "refused", "failed")}
    return Strain(len(fates), request.rows, len(request.body), **counts)


def _client(url: str, body: bytes, deadline: float) -> list[Fate]:
    fates: list[Fate] = []
    while len(fates) < ROUNDS and (left := deadline - time.monotonic()) > 0:
        fates.append(_ask(url, body, left))
    return fates


def _ask(url: str, body: bytes, seconds: float) -> Fate:
    try:
        with Client(url, seconds) as client:
            status, _, _ = client.request("POST", "/predict?outputs=all", body)
    except ServiceError:  # that it broke off is what is to be found out
        return "failed"
    if status in _REFUSALS:
        return "refused"
    return "answered" if status == 200 else "failed"
