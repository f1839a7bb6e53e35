"""One run for every request of the same turn of the event loop, without waiting for more."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from core.predictor import Answer, Predictor
from core.problems import InvalidRequestError, invalid

Outputs = tuple[str, ...]
Done = Callable[[Answer | InvalidRequestError], object]


class Batcher:
    """Collects requests until the loop has handed out what had arrived, and answers them in one run.

    There is no timer: a request waits for those that are already there, never for those that may come. One that is
    alone in its turn, as the last one was, is answered within ``submit``. At most ``most_bytes`` are held back, so that
    large bodies, which gain nothing by it, are not collected.
    """

    def __init__(self, predictor: Predictor, most_bytes: int) -> None:
        self._predictor = predictor
        self._most_bytes = most_bytes
        self._waiting: dict[Outputs, tuple[list[bytes], list[Done]]] = {}
        self._bytes = 0
        #: Requests of this turn and of the last one; a turn begins with its first request.
        self._now = 0
        self._last = 0

    @property
    def waiting(self) -> int:
        """Return how many requests wait for the end of the turn."""
        return sum(len(bodies) for bodies, _ in self._waiting.values())

    def submit(self, body: bytes, outputs: Outputs, done: Done) -> None:
        """Answer the body of a POST /predict by calling ``done`` once, within this call or at the end of this turn.

        ``outputs`` are what ``Predictor.choose`` returned. ``done`` must not raise: others wait behind it. To be called
        in the thread of the running loop.
        """
        self._now += 1
        if self._now == 1:
            asyncio.get_running_loop().call_soon(self._end_turn)
            if self._last <= 1:
                self._answer(outputs, [body], [done])
                return
        bodies, waiting = self._waiting.setdefault(outputs, ([], []))
        bodies.append(body)
        waiting.append(done)
        self._bytes += len(body)
        if self._bytes > self._most_bytes:
            self.flush()

    def flush(self) -> None:
        """Answer at once what waits."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        with ExitStack() as stack:  # should one of them fail, the others are answered all the same
            for outputs, (bodies, done) in waiting.items():
                stack.callback(self._answer, outputs, bodies, done)

    def _end_turn(self) -> None:
        self._last, self._now = self._now, 0
        self.flush()

    def _answer(self, outputs: Outputs, bodies: list[bytes], waiting: list[Done]) -> None:
        answers: list[Answer | InvalidRequestError] = []
        try:
            answers = self._predictor.answers(bodies, outputs)
        finally:
            # Should the code fail, the error goes its way, and still nobody waits for ever.
            answers = answers or [_failure()] * len(bodies)
            for done, answer in zip(waiting, answers, strict=True):
                done(answer)


def _failure() -> InvalidRequestError:
    return invalid((), "the service failed to answer", "internal", status=500)
