"""An end to waiting for slow clients, with one timer for all: one for each would cost twice what a prediction does."""

import asyncio
from collections.abc import Awaitable, Generator
from functools import partial
from types import TracebackType, coroutine
from typing import Any, TypeVar

from core.exchange import too_slow

T = TypeVar("T")


class Deadline:
    """Lets tasks of one event loop wait at most ``seconds``.

    Where a task waits longer, what it waits for is cancelled, and InvalidRequestError raised (408).
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Until when each task may wait, the first to end first; None where it waited too long.
        self._ends: dict[asyncio.Task[object] | None, float | None] = {}
        self._watched = False

    @coroutine
    def wait(self, awaited: Awaitable[T]) -> Generator[Any, Any, T]:
        """Wait for it, and return it; what need not be waited for, as most bodies, has no deadline."""
        steps = awaited.__await__()
        step = partial(next, steps)
        try:
            asked = step()
            with self:
                while True:  # as ``yield from steps`` does
                    try:
                        yield asked
                        step = partial(next, steps)
                    except BaseException as error:  # noqa: BLE001  # it is for what is waited for, and may come back
                        step = partial(steps.throw, error)
                    asked = step()
        except StopIteration as done:
            found: T = done.value
            return found

    def __enter__(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        end = self._ends[task] = loop.time() + self._seconds
        if not self._watched:
            self._watch(loop, end)

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        task = asyncio.current_task()
        late = self._ends.pop(task, 0.0) is None
        if task and late and kind is asyncio.CancelledError and not task.uncancel():
            raise too_slow(self._seconds) from None

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
