"""One run for every request of the same turn of the event loop, without waiting for more."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any, Literal

from core.exchange import Exchange
from core.http import Reply
from core.polling import BusyPoll
from core.predictor import Predictor, Work
from core.problems import InvalidRequestError, invalid

#: What is answered together: requests for the same outputs of POST /predict, or the ``work`` of other routes.
Together = tuple[str, ...] | Literal["work"]
Send = Callable[[Exchange, Reply], None]
#: A body, or work; whose it is; and who is told of the answer.
Asked = tuple[Any, Exchange, Send]
Note = Callable[[Sequence[tuple[Exchange, Reply]], float], None]


class Batcher:
    """Collects requests until the loop has handed out what had arrived, and answers them in one run.

    There is no timer: a request waits for those that are already there, never for those that may come. The loop is let
    look twice, as some arrive while it hands out the first: with 8 clients, runs are of 8 then, and not of 4. One that
    is alone in its turn, as the last one was, is answered within ``submit``. At most ``most_bytes`` are held back, so
    that large bodies, which gain nothing by it, are not collected.

    Once the answers of a run have been sent, ``note`` is told of all of them, and when they were there
    (``perf_counter``); of one that was alone, once the loop goes on, as its client waits for nothing else.
    """

    def __init__(self, predictor: Predictor, most_bytes: int, note: Note, poll: BusyPoll) -> None:
        self._predictor = predictor
        self._note = note
        self._poll = poll
        self._most_bytes = most_bytes
        #: By the outputs of POST /predict, its bodies; by "work", that of other routes.
        self._waiting: dict[Together, list[Asked]] = {}
        self._bytes = 0
        #: Requests of this turn and of the last one; a turn begins with its first request.
        self._now = 0
        self._last = 0
        #: Of one that was alone: what ``note`` is to be told.
        self._owed: tuple[list[tuple[Exchange, Reply]], float] | None = None
        #: Which this turn is of. To ask which one runs takes Python a system call, so that it is done once in a turn.
        self.loop: asyncio.AbstractEventLoop

    @property
    def waiting(self) -> int:
        """Return how many requests wait for the end of the turn."""
        return sum(map(len, self._waiting.values()))

    def submit(self, exchange: Exchange, item: bytes | Work[Reply], size: int, by: Together, send: Send) -> None:
        """Answer ``item``: have ``send`` called once, within this call or at the end of this turn.

        It is the body of a POST /predict, ``by`` the outputs that ``Predictor.choose`` returned; or what another route
        made of ``size`` bytes, by "work". ``send`` must not raise: others wait behind it. To be called in the thread of
        the running loop.
        """
        self._now += 1
        if self._now == 1:
            self.loop = asyncio.get_running_loop()
            self.loop.call_soon(self._look_again)
            self._poll.arrived()
            if self._last <= 1:
                self._answer_alone(exchange, item, by, send)
                return
        if by not in self._waiting:
            self._waiting[by] = []
        self._waiting[by].append((item, exchange, send))
        self._bytes += size
        if self._bytes > self._most_bytes:
            self.flush()

    def flush(self) -> None:
        """Answer at once what waits."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        with ExitStack() as stack:  # should one of them fail, the others are answered all the same
            for by, asked in waiting.items():
                stack.callback(self._answer, by, asked)

    def _look_again(self) -> None:
        self.loop.call_soon(self._end_turn)
        if self._owed:
            owed, self._owed = self._owed, None
            self._note(*owed)

    def _end_turn(self) -> None:
        self._last, self._now = self._now, 0
        if self._waiting:
            self.flush()
        elif self._last == 1:
            self._poll.wait(self.loop)

    def _run(self, items: list[Any], by: Together) -> Sequence[Reply | InvalidRequestError]:
        return self._predictor.run(items) if by == "work" else self._predictor.answers(items, by)

    def _answer_alone(self, exchange: Exchange, item: bytes | Work[Reply], by: Together, send: Send) -> None:
        [answer] = self._run([item], by)
        reply = answer if isinstance(answer, Reply) else exchange.problem(answer)
        exchange.noted = True
        self._owed = [(exchange, reply)], perf_counter()
        send(exchange, reply)

    def _answer(self, by: Together, asked: list[Asked]) -> None:
        answers: Sequence[Reply | InvalidRequestError] = ()
        try:
            answers = self._run([item for item, _, _ in asked], by)
        finally:
            # Should the code fail, the error goes its way, and still nobody waits for ever.
            fresh, now = [], perf_counter()
            try:
                for (_, exchange, send), answer in zip(asked, answers or [_failure()] * len(asked), strict=True):
                    reply = answer if isinstance(answer, Reply) else exchange.problem(answer)
                    if not exchange.noted:
                        exchange.noted = True  # by this, once all are sent: nobody waits for that
                        fresh.append((exchange, reply))
                    send(exchange, reply)
            finally:
                self._note(fresh, now)


def _failure() -> InvalidRequestError:
    return invalid((), "the service failed to answer", "internal", status=500)
