"""The end of a proof: what a container makes of the largest requests, and of being asked to end."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from signal import SIGKILL
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from mlship.images.proofs.counting import charged, serving, stats, tells_peak
from mlship.images.proofs.strain import Largest, Strain, strain

#: Seconds between SIGTERM and SIGKILL: what ``docker stop`` gives.
GRACE = 10
_KILLED = 128 + SIGKILL


@dataclass(frozen=True)
class Endured:
    """What became of a container.

    ``strain``: of the largest requests, None where it is not known how large they may be; ``peak``: the most bytes that
    were held against its limit, file cache and all; ``oom_killed``: they were more than ``memory``; ``restarted``:
    other processes served afterwards; ``exit_code``: of its end, 137 where it was killed.
    """

    memory: str
    strain: Strain | None
    peak: int
    oom_killed: bool
    restarted: bool
    exit_code: int

    def to_json(self) -> dict[str, Any]:
        """Return the facts of a build that this tells."""
        ends = {"memory_limit": self.memory, "oom_killed": self.oom_killed, "restarted": self.restarted}
        at_the_limit = asdict(self.strain) | ends if self.strain else None
        return {"peak_bytes": self.peak, "at_the_limit": at_the_limit, "exit_code": self.exit_code}

    def notes(self) -> tuple[str, ...]:
        """Return what the user must be told although the image passed."""
        if self.oom_killed and self.strain:
            return (
                f"the image needs more memory for its largest requests: {self.memory} were not enough for several of "
                f"{self.strain.rows:,} rows at once; give it more, or lower MAX_ROWS and MAX_BODY_BYTES",
            )
        if self.exit_code == _KILLED:
            return (f"the image did not end within {GRACE} s of SIGTERM: what it was answering then was cut off",)
        return ()


def endure(container: Container, url: str, memory: str, request: Largest | None, counted: Mapping[str, Any]) -> Endured:
    """Send ``request``, where there is one, from several clients at once; then ask the container to end.

    ``counted`` is what the engine told before.
    """
    served = serves = serving(container)
    found, peak = _strained(container, url, request, counted) if request else (None, charged(counted))
    with suppress(APIError):  # it may have been killed by now
        serves = serving(container)
    container.stop(timeout=GRACE)
    container.reload()
    state = container.attrs["State"]
    killed = bool(state["OOMKilled"])
    return Endured(
        memory=memory,
        strain=found,
        peak=int(container.attrs["HostConfig"]["Memory"]) if killed else peak,
        oom_killed=killed,
        restarted=bool(serves) and serves != served,
        exit_code=int(state["ExitCode"]),
    )


def _strained(container: Container, url: str, request: Largest, counted: Mapping[str, Any]) -> tuple[Strain, int]:
    """Return what became of the requests, and the most bytes that were seen until then."""
    seen = [charged(counted)]

    def look() -> None:
        seen.append(charged(stats(container)))

    # an engine may take a second to count: it is asked as seldom as can be
    found = strain(url, request, (lambda: None) if tells_peak(counted) else look)
    look()
    return found, max(seen)
