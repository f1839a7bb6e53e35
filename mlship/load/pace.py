"""What decides when something is asked: a closed or an open loop. Moments are nanoseconds of the engine's clock."""

from typing import Protocol

from mlship.load.connection import Connection
from mlship.load.poller import Poller, Ready


class Pace(Protocol):
    """Asks on connections of an engine, which tells it what becomes of them."""

    #: Whether a request is timed from a moment that does not depend on how the service answers.
    intended: bool
    #: Nanoseconds since ``begin`` in which it looked for the next moment again and again, with nothing else to do.
    spun: int

    def begin(self) -> None:
        """Forget what was counted in the warm-up."""

    def wait(self, watched: Poller, now: int, care: int) -> Ready:
        """Wait for sockets, until ``care`` at the latest, or until there is something to ask."""

    def turn(self) -> None:
        """Ask what is due."""

    def freed(self, connection: Connection) -> None:
        """Ask on a connection that has become free, or keep it for later."""

    def refused(self, kind: str, words: str) -> None:
        """Count that a connection could not be made."""

    def lost(self, connection: Connection) -> None:
        """Keep a connection no longer: it was closed while it was free."""

    def overdue(self, moment: int) -> None:
        """Give up what was due before ``moment`` and still waits for a connection."""

    def more(self, now: int) -> bool:
        """Say whether something will be asked yet, or waits to be."""
