"""The closed loop: each connection asks again as soon as it is answered, as so many clients do who wait for each other.

It finds what a service can do at most. Latencies of a service that stalls are few here, as nobody else asks meanwhile:
for those take an open loop.
"""

import math

from mlship.load.connection import Connection
from mlship.load.engine import Engine, clock
from mlship.load.poller import Poller, Ready


class Closed:
    """Asks until ``end`` (nanoseconds), and at most ``requests`` times after ``begin``."""

    intended = False
    spun = 0

    def __init__(self, engine: Engine, end: int, requests: int) -> None:
        self._engine, self._end, self._requests = engine, end, requests
        self._left: float = math.inf

    def begin(self) -> None:
        """See ``Pace``, as for the methods below."""
        self._left = self._requests

    def wait(self, watched: Poller, now: int, care: int) -> Ready:
        return watched.wait(max(care - now, 0) * 1e-9)

    def turn(self) -> None:
        """Do nothing: there is no moment at which something is due."""

    def freed(self, connection: Connection) -> None:
        now = clock()
        if now < self._end and self._left > 0:
            self._left -= 1
            self._engine.ask(connection, now, now)

    def refused(self, kind: str, words: str) -> None:
        """Count each attempt, as each would have been a request."""
        self._engine.fail(kind, words, clock())

    def lost(self, connection: Connection) -> None:
        """Do nothing: it is asked as soon as it is open again."""

    def overdue(self, moment: int) -> None:
        """Do nothing: no request waits for a connection."""

    def more(self, now: int) -> bool:
        return now < self._end and self._left > 0
