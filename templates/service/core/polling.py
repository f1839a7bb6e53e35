"""Busy polling: whoever asks again at once, as a proxy beside the service does, finds it awake."""

from asyncio import AbstractEventLoop
from time import perf_counter

#: After a request that did not come in time, so many others have to before the loop looks for one again.
_CAUTION = 16


class BusyPoll:
    """Has the loop look for the next request for ``seconds`` before it sleeps, where the last one came as soon.

    To fall asleep and to be woken costs a virtual core about as much time as a prediction takes, and as much CPU time
    as to look for that long. Where requests are farther apart, the loop sleeps at once: a wait that was in vain makes
    it cautious, so that at the worst one request of 18 costs ``seconds`` for nothing.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0
        self._polled = False
        self._trust = 0  # in that it is worth it, if above 0

    def arrived(self) -> None:
        """Take note of a request."""
        if perf_counter() < self._until:
            self._trust = min(self._trust + 1, 1)
        else:
            self._trust = -_CAUTION if self._polled else min(self._trust, 0)
        self._until, self._polled = 0.0, False

    def wait(self, loop: AbstractEventLoop) -> None:
        """Wait for the next request; this returns at once."""
        self._until, self._polled = perf_counter() + self._seconds, self._trust > 0
        if self._polled:
            self._look(loop)

    def _look(self, loop: AbstractEventLoop) -> None:
        if perf_counter() < self._until:
            loop.call_soon(self._look, loop)
