"""What a load generator is asked to do and what it says of it, as plain data between processes.

Latencies are whole nanoseconds. Those of an open loop are counted from the moment at which a request was intended to be
sent, so that a server that stalls cannot hide what it does to those that come meanwhile (coordinated omission: Gil
Tene, "How not to measure latency").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Arrivals = Literal["closed", "constant", "poisson"]


@dataclass(frozen=True)
class Job:
    """Requests to send: each takes the next of ``bodies``, over ``connections`` connections.

    An open loop opens further ones, up to ``most_connections`` and as the limit of open files allows, when a request is
    due and all are busy: whoever asks of their own accord does not wait for others.
    ``rate`` is in requests a second over all processes, None in a closed loop. Each ``seconds`` long run is told in
    slices of ``slice_seconds``; a warm-up before it is not told at all. ``requests`` bounds those after the warm-up;
    ``until_failure`` ends the job with the first failure after it.
    """

    url: str
    path: str
    bodies: Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # it may hold a key
    arrivals: Arrivals = "closed"
    connections: int = 1
    most_connections: int = 0
    rate: float | None = None
    seconds: float = 2.0
    slice_seconds: float = 0.2
    warm_up_seconds: float = 0.3
    requests: int = 100_000_000
    until_failure: bool = False
    timeout_seconds: float = 10.0
    processes: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Slice:
    """What was answered in the slice that began ``second`` seconds after the measuring did, and lasted ``seconds``.

    The last one lasts until the last answer has come. ``histogram`` is HdrHistogram's compressed base64 of nanoseconds;
    beside the latencies of answers, it holds how long an open loop waited in vain for those that were given up.
    """

    second: float
    seconds: float
    answers: int
    failures: int
    histogram: str


@dataclass(frozen=True)
class Result:
    """What came of a job.

    ``answers``: by body number, every distinct content that was answered to it, up to 16; ``unchecked`` counts further
    ones. ``failures``: by what went wrong ("status 503", "timeout", "dropped", "not HTTP", "refused", "unreachable",
    "no TLS"), and how often, after the warm-up; ``failed`` holds the first words of the first answer of each. ``sent``
    counts the warm-up too. ``late`` counts requests that were sent more than 1 ms after their intended time though a
    connection was free; ``waited`` those for which there was none, nor could one be opened: ``connections`` is how many
    there were. ``busy_share`` is the part of a core that the busiest process used, but for watching the clock.
    """

    slices: Sequence[Slice]
    seconds: float
    sent: int
    answers: Sequence[Sequence[bytes]]
    unchecked: int = 0
    reconnected: int = 0
    late: int = 0
    waited: int = 0
    connections: int = 0
    busy_share: float = 0.0
    processes: int = 1
    failures: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
