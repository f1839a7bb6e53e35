"""Limits that uvicorn does not have: how large a head may be, and how long a connection may stay open without one."""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from core.problems import invalid
from core.service import HEADERS
from joined import Joined
from wire import MOST, Answers

_answers = Answers(STATUS_LINE)


class LimitedProtocol(HttpToolsProtocol):
    """Refuses a head of more than MOST bytes (431), and closes a connection that has sent none for KEEP_ALIVE.

    That time begins when the connection is made and with each answer; parts of a head do not prolong it.
    """

    _within = False  # a message has begun, and not ended
    _piece = 0  # bytes that came together with what is parsed now
    _received = 0  # those of the piece in which the head began, and all since
    _quiet = 0  # those since the parser has told of something but headers: it tells of one when it has all of it
    _headers = 0  # that have been added up
    _size = 0  # their bytes
    _large = False
    _idle: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        seconds = max(self.timeout_keep_alive, 1)  # with KEEP_ALIVE=0, the first request has to come in all the same
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        self._piece = len(data)
        self._received += self._piece
        self._quiet += self._piece
        # uvicorn would stop the timer for any byte
        self._idle, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        self.timeout_keep_alive_task, self._idle = self._idle, None
        if self._within and self._received > MOST and (self._quiet > MOST or self._exceeds()):
            self._refuse()

    def on_message_begin(self) -> None:
        self._within, self._received, self._quiet = True, self._piece, 0
        self._headers = self._size = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._check()
        if self._idle:
            self._idle.cancel()
            self._idle = None
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and self.scope["method"] != "HEAD":  # whose answer is a head alone
            self.cycle.transport = Joined(self.cycle)  # type: ignore[assignment]  # it has what uvicorn calls

    def on_body(self, body: bytes) -> None:
        self._quiet = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._check()
        self._within = False
        super().on_message_complete()

    def _check(self) -> None:
        self._quiet = 0
        if self._received > MOST and self._exceeds():
            self._large = True
            raise OverflowError("the head is too large")  # the parser stops, and uvicorn sends what it does for errors

    def _exceeds(self) -> bool:
        # each header is added up once: whoever sends them byte by byte would have us do nothing else
        for name, value in self.headers[self._headers :]:
            self._size += len(name) + len(value) + len(b": \r\n")
        self._headers = len(self.headers)
        return len(self.url) + self._size > MOST

    def send_400_response(self, msg: str) -> None:
        if self._large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _refuse(self) -> None:
        if self.transport.is_closing():
            return
        told = f"the head of the request is larger than {MOST} bytes"
        reply = invalid(("header",), told, "too_large", 431, {"connection": "close"}).reply()
        headers = {**HEADERS, "content-type": reply.media_type, **reply.headers}
        self.transport.write(_answers.bytes(reply, headers, self.server_state.default_headers))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
