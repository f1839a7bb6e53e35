"""The fast path: plain requests answered by the protocol, without the scope, task and cycle of an ASGI request.

Those take longer than a prediction. What is not plain goes to uvicorn, as the very bytes that arrived.
"""

from asyncio import TimerHandle, Transport
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from core.exchange import Exchange
from core.fronts.answering import ask
from core.http import Reply
from core.service import Service
from limited import LimitedProtocol
from wire import Heads, Plain, UsualAnswers

#: Seconds that the rest of a request may take, as many clients send its body apart; then uvicorn waits for it.
_APART = 1.0


class FastProtocol(LimitedProtocol):
    """Answers the plain requests of one connection, one after the other; what all share is named by a subclass.

    Requests of all connections that arrive in the same turn of the event loop are answered in one run.
    """

    service: ClassVar[Service]
    heads: ClassVar[Heads]
    answers: ClassVar[UsualAnswers]
    _never = False  # uvicorn is to do what is not done here
    _begun = False  # uvicorn has read a part of a request
    _busy = False  # a plain request waits for its answer, or those behind it for their turn
    _rest = b""  # what came behind it; where none waits, a plain request without all of its body
    _late: TimerHandle  # where it waits for that body
    _ending = False
    _plain: Plain | None = None  # the head of the last one, whose exchange serves all with the same
    _exchange: Exchange
    _answered = 0.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._never = self.limit_concurrency is not None or self.access_log or bool(self.root_path)

    def data_received(self, data: bytes) -> None:
        if self._busy:
            self._rest += data
            self.flow.pause_reading()
        elif self._never or self._begun or (self.cycle is not None and not self.cycle.response_complete):
            super().data_received(data)
        elif self._rest:
            self._late.cancel()
            self._take(self._rest + data)
        else:
            self._take(data)

    def _take(self, data: bytes, *, behind: bool = False) -> None:
        """Answer the request that ``data`` begins with, maybe ``behind`` another one, or leave all to uvicorn."""
        if (plain := self._plain) and data.startswith(plain.start):
            end = len(plain.start)
        else:
            plain, end = self.heads.find(data)
        whole = end + plain.length if plain else 0
        if len(data) < whole or (end < 4 and behind):
            self._leave(data) if self._rest else self._keep(data)
        elif not plain:
            self._leave(data)
        elif self.flow.write_paused:
            self._busy, self._rest = True, data
            self.flow.pause_reading()
        else:
            self._busy, self._rest = True, data[whole:]
            if plain is not self._plain or self._exchange.held:
                self._plain, self._exchange = plain, plain.exchange(self.client)
            exchange = self.service.enter(self._exchange.renew())
            ask(self.service, exchange, data[end:whole], self._send, plain.known.by)

    def _keep(self, data: bytes) -> None:
        """Wait for the rest of a request, once: one that comes in many pieces is left to uvicorn."""
        self._rest = data
        self.flow.resume_reading()
        seconds = min(_APART, self.service.settings.body_timeout)
        self._late = self.loop.call_later(seconds, lambda: self._leave(self._rest))

    def _leave(self, data: bytes) -> None:
        self._rest = b""
        self.flow.resume_reading()
        if data:
            super().data_received(data)
        if self._ending:
            super().shutdown()

    def _send(self, exchange: Exchange, reply: Reply) -> None:
        self.server_state.total_requests += 1
        answer, last = self.answers.noted(exchange, reply, self.server_state.default_headers, last=self._ending)
        if self.transport.is_closing():
            return
        self._answered = self.loop.time()
        self.transport.write(answer)
        if last:
            self.transport.close()
        elif self._rest and not self.flow.write_paused:
            self.loop.call_soon(self._take_rest)
        elif not self._rest:
            self._busy = False
            self.flow.resume_reading()

    def _take_rest(self) -> None:
        if not self.transport.is_closing():
            data, self._rest, self._busy = self._rest, b"", False
            self._take(data, behind=True)

    def timeout_keep_alive_handler(self) -> None:
        # The timer runs on while requests are answered: to set one for each would take a tenth of its time.
        left = self._answered + self.timeout_keep_alive - self.loop.time()
        if self._busy or left > 0 or b"\r\n\r\n" in self._rest:
            seconds = left if left > 0 else _APART
            self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._begun = False
        super().on_message_complete()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._busy:
            self._take_rest()

    def shutdown(self) -> None:
        self._ending = True
        if not self._busy:
            self._leave(self._rest)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest = b""


def fast_protocol(service: Service) -> type[FastProtocol]:
    """Return the protocol of ``service``."""
    shared = {"service": service, "heads": Heads(service), "answers": UsualAnswers(STATUS_LINE, service)}
    return type("ServiceProtocol", (FastProtocol,), shared)
