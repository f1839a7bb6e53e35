"""Which requests are put on a service: a closed loop of connections, or an open loop at a rate."""

from dataclasses import dataclass
from typing import Literal

from mlship.hosts import usable_cores
from mlship.load.job import Arrivals, Job
from mlship.trials.target import Payloads, Target

#: Connections of an open loop at its start, and at most, as all that are busy when a request is due are not enough:
#: where that many wait for an answer, a request waits for one too, and its latency counts from when it was due.
OPEN_CONNECTIONS, MOST_CONNECTIONS = 64, 1_000

#: Slices that a run is told in, and the shortest of them in seconds.
SLICES, SHORTEST = 20, 0.1

_MOST_PROCESSES = 4


@dataclass(frozen=True)
class Plan:
    """Requests of ``rows`` golden rows each for ``seconds``; ``rate`` is in requests a second, None in a closed loop.

    Without ``slice_seconds`` there are 20 slices, or fewer in a short run.
    """

    arrivals: Arrivals
    connections: int
    rows: int
    seconds: float
    rate: float | None = None
    slice_seconds: float | None = None
    warm_up_seconds: float = 0.3
    timeout_seconds: float = 10.0

    @property
    def name(self) -> str:
        """Return the name of the load: c8, c1x100, 500/s, 500/s-poisson, 500/sx10."""
        many = f"x{self.rows}" if self.rows > 1 else ""
        if self.rate is None:
            return f"c{self.connections}{many}"
        return f"{self.rate:.10g}/s{'-poisson' if self.arrivals == 'poisson' else ''}{many}"

    @property
    def told(self) -> str:
        """Say the load in words."""
        rows = f"{self.rows:,} row{'s' * (self.rows > 1)} a request"
        if self.rate is None:
            return f"{self.connections} connection{'s' * (self.connections > 1)}, {rows}"
        return f"{self.rate:,.10g} requests a second, {rows}"

    def job(self, target: Target, sent: Payloads, seed: int, *, until_failure: bool = False) -> Job:
        """Return what the load generator is asked to do; ``until_failure`` ends it with the first."""
        return Job(
            url=target.url,
            path=target.dialect.path,
            bodies=sent.bodies,
            headers={"Content-Type": "application/json", **target.headers},
            arrivals=self.arrivals,
            connections=self.connections,
            most_connections=self.connections if self.rate is None else MOST_CONNECTIONS,
            rate=self.rate,
            seconds=self.seconds,
            slice_seconds=self.slice_seconds or max(self.seconds / SLICES, min(SHORTEST, self.seconds)),
            warm_up_seconds=self.warm_up_seconds,
            timeout_seconds=self.timeout_seconds,
            processes=min(generators(), self.connections),
            seed=seed,
            until_failure=until_failure,
        )


def closed_loop(connections: int, *, rows: int = 1, seconds: float = 2.0) -> Plan:
    """Plan that each connection sends its next request when it has the answer to the last one."""
    return Plan("closed", connections, rows, seconds)


def open_loop(
    rate: float,
    *,
    arrivals: Literal["constant", "poisson"] = "constant",
    rows: int = 1,
    seconds: float = 10.0,
    connections: int = OPEN_CONNECTIONS,
) -> Plan:
    """Plan ``rate`` requests a second, whether or not those before them are answered."""
    return Plan(arrivals, connections, rows, seconds, rate)


def generators() -> int:
    """Return how many processes generate load: one for every four cores, so that the service has the others."""
    return max(min(usable_cores() // 4, _MOST_PROCESSES), 1)
