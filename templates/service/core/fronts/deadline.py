"""An end to waiting for slow clients, with one timer for all: one for each would cost twice what a prediction does."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Deadline:
    """Lets tasks of one event loop wait at most ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Until when each task may wait, the first to end first; None where it waited too long.
        self._ends: dict[asyncio.Task[object] | None, float | None] = {}
        self._watched = False

    async def wait(self, awaited: Awaitable[T]) -> T:
        """Return what ``awaited`` returns; where that takes too long it is cancelled, and TimeoutError raised."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        end = self._ends[task] = loop.time() + self._seconds
        if not self._watched:
            self._watch(loop, end)
        try:
            return await awaited
        except asyncio.CancelledError:
            if task and self._ends[task] is None and not task.uncancel():
                raise TimeoutError from None
            raise
        finally:
            del self._ends[task]

    def _watch(self, loop: asyncio.AbstractEventLoop, end: float) -> None:
        self._watched = True
        loop.call_at(end, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        self._watched = False
        now = loop.time()
        for task, end in self._ends.items():
            if end is not None and end > now:
                self._watch(loop, end)
                break
            if task and end is not None:
                self._ends[task] = None
                task.cancel()
