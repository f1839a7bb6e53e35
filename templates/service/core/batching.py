"""One run for every request of the same turn of the event loop, without waiting for more."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from core.http import Reply
from core.predictor import Answer, Predictor, Work
from core.problems import InvalidRequestError, invalid

Outputs = tuple[str, ...]
Done = Callable[[Any], object]


class Batcher:
    """Collects requests until the loop has handed out what had arrived, and answers them in one run.

    There is no timer: a request waits for those that are already there, never for those that may come. One that is
    alone in its turn, as the last one was, is answered within ``submit``. At most ``most_bytes`` are held back, so that
    large bodies, which gain nothing by it, are not collected.
    """

    def __init__(self, predictor: Predictor, most_bytes: int) -> None:
        self._predictor = predictor
        self._most_bytes = most_bytes
        #: By the outputs of POST /predict, its bodies; by None, the work of other routes.
        self._waiting: dict[Outputs | None, tuple[list[Any], list[Done]]] = {}
        self._bytes = 0
        #: Requests of this turn and of the last one; a turn begins with its first request.
        self._now = 0
        self._last = 0

    @property
    def waiting(self) -> int:
        """Return how many requests wait for the end of the turn."""
        return sum(len(items) for items, _ in self._waiting.values())

    def submit(self, body: bytes, outputs: Outputs, done: Callable[[Answer | InvalidRequestError], object]) -> None:
        """Answer the body of a POST /predict by calling ``done`` once, within this call or at the end of this turn.

        ``outputs`` are what ``Predictor.choose`` returned. ``done`` must not raise: others wait behind it. To be called
        in the thread of the running loop.
        """
        self._submit(outputs, body, len(body), done)

    def submit_work(self, work: Work[Reply], size: int, done: Callable[[Reply | InvalidRequestError], object]) -> None:
        """Do the same for what another route made of ``size`` bytes."""
        self._submit(None, work, size, done)

    def _submit(self, outputs: Outputs | None, item: Any, size: int, done: Done) -> None:
        self._now += 1
        if self._now == 1:
            asyncio.get_running_loop().call_soon(self._end_turn)
            if self._last <= 1:
                self._answer(outputs, [item], [done])
                return
        items, waiting = self._waiting.setdefault(outputs, ([], []))
        items.append(item)
        waiting.append(done)
        self._bytes += size
        if self._bytes > self._most_bytes:
            self.flush()

    def flush(self) -> None:
        """Answer at once what waits."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        with ExitStack() as stack:  # should one of them fail, the others are answered all the same
            for outputs, (items, done) in waiting.items():
                stack.callback(self._answer, outputs, items, done)

    def _end_turn(self) -> None:
        self._last, self._now = self._now, 0
        self.flush()

    def _answer(self, outputs: Outputs | None, items: list[Any], waiting: list[Done]) -> None:
        answers: Sequence[Answer | Reply | InvalidRequestError] = ()
        try:
            answers = self._predictor.run(items) if outputs is None else self._predictor.answers(items, outputs)
        finally:
            # Should the code fail, the error goes its way, and still nobody waits for ever.
            for done, answer in zip(waiting, answers or [_failure()] * len(items), strict=True):
                done(answer)


def _failure() -> InvalidRequestError:
    return invalid((), "the service failed to answer", "internal", status=500)
