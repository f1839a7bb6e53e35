"""The open loop: requests are sent when they are due, however the service answers, as independent clients do.

Latencies count from when a request was due. One that no connection is free for waits, and that counts too: so a service
that stalls is charged for all who came meanwhile, instead of keeping them away (coordinated omission: Gil Tene, "How
not to measure latency"). A request that is given up has no answer but has a latency, the time that was waited for it:
left out, the worst ones would be missing among the percentiles.
"""

import math
from collections import deque
from collections.abc import Iterator

from mlship.load.connection import Connection
from mlship.load.engine import Engine, clock
from mlship.load.poller import Poller, Ready

#: A timer wakes up some 0.1 ms late: from so many nanoseconds before a request is due, the clock is watched instead.
_SPIN = 150_000
#: Later than this, the generator did not keep its promise.
_LATE = 1_000_000


class Open:
    """Asks at the ``arrivals`` (nanoseconds since ``start``, in rising order) before ``end``; at most ``requests``
    after ``begin``.

    ``late`` counts requests after ``begin`` that were sent more than 1 ms after they were due though a connection was
    free: the generator's fault. To wait for a connection is the service's, unless so many are busy that no other can be
    opened: ``waited`` counts those.
    """

    intended = True

    def __init__(self, engine: Engine, arrivals: Iterator[int], start: int, end: int, requests: int) -> None:
        self._engine, self._arrivals = engine, arrivals
        self._start, self._end, self._requests = start, end, requests
        self._left: float = math.inf
        self._free: deque[Connection] = deque()
        self._waiting: deque[int] = deque()
        self.spun = self.late = self.waited = 0
        self._due = start + next(arrivals)

    def begin(self) -> None:
        """See ``Pace``, as for the methods below."""
        self._left = self._requests
        self.spun = self.late = self.waited = 0

    def wait(self, watched: Poller, now: int, care: int) -> Ready:
        left = math.inf if self._over() else self._due - now - _SPIN
        if left > 0:
            return watched.doze(max(min(left, care - now), 0) * 1e-9)
        ready, later = watched.doze(0), now
        while not ready and later < self._due:
            ready, later = watched.doze(0), clock()
        self.spun += later - now
        return ready

    def turn(self) -> None:
        while not self._over() and self._due <= (now := clock()):
            if self._free:
                self.late += now - self._due > _LATE
                self._engine.ask(self._free.popleft(), self._due, now)
            else:
                self._waiting.append(self._due)
                self.waited += not self._engine.grow(len(self._waiting))
            self._left -= 1
            self._due = self._start + next(self._arrivals)

    def freed(self, connection: Connection) -> None:
        if self._waiting:
            self._engine.ask(connection, self._waiting.popleft(), clock())
        else:
            self._free.append(connection)

    def refused(self, kind: str, words: str) -> None:
        """Let the one that has waited longest for a connection have failed, if there is one."""
        if self._waiting:
            self._engine.fail(kind, words, self._waiting.popleft())

    def lost(self, connection: Connection) -> None:
        self._free.remove(connection)

    def overdue(self, moment: int) -> None:
        now = clock()
        while self._waiting and self._waiting[0] <= moment:
            due = self._waiting.popleft()
            self._engine.fail("timeout", "no connection was free", due, now - due)

    def more(self, now: int) -> bool:
        return not self._over() or bool(self._waiting)

    def _over(self) -> bool:
        return self._due >= self._end or self._left <= 0
