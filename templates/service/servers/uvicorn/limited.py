"""Limits that uvicorn does not have: how large a head may be, and how long a connection may stay open without one."""

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from core.problems import invalid
from core.service import HEADERS
from wire import Answers

#: Bytes of a head, which is as much as other servers take at most; trailers behind a body count as well.
MOST = 64 * 1024
_answers = Answers(STATUS_LINE)


class LimitedProtocol(HttpToolsProtocol):
    """Refuses a head of more than MOST bytes (431), and closes a connection that has sent none for KEEP_ALIVE.

    That time begins when the connection is made and with each answer; parts of a head do not prolong it.
    """

    _reading = False  # a part of a head has come
    _piece = 0  # bytes that came together with what is parsed now
    _first = 0  # those that came together with the first byte of the head, maybe behind another request
    _received = 0  # those and all that came since: the parser tells of a header when it has all of it
    _headers = 0  # in the head; those that come after it are trailers
    _large = False
    _idle: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        seconds = max(self.timeout_keep_alive, 1)  # with KEEP_ALIVE=0, the first request has to come in all the same
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        self._piece = len(data)
        if self._reading:
            self._received += self._piece
        # uvicorn would stop the timer for any byte
        self._idle, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        self.timeout_keep_alive_task, self._idle = self._idle, None
        if self._reading or (self.headers and len(self.headers) > self._headers):
            large = self._received - self._first > MOST or self._exceeds()
            if large and not self.transport.is_closing():
                self._refuse()

    def on_message_begin(self) -> None:
        self._reading, self._first, self._received = True, self._piece, self._piece
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reading, self._headers = False, len(self.headers)
        # to add up the headers of each request would take as long as to read them
        if self._received > MOST and self._exceeds():
            self._large = True
            raise OverflowError("the head is too large")  # the parser stops, and uvicorn sends what it does for errors
        if self._idle:
            self._idle.cancel()
            self._idle = None
        super().on_headers_complete()

    def _exceeds(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) + len(b": \r\n") for name, value in self.headers) > MOST

    def send_400_response(self, msg: str) -> None:
        if self._large:
            self._refuse()
        else:
            super().send_400_response(msg)

    def _refuse(self) -> None:
        told = f"the head of the request is larger than {MOST} bytes"
        reply = invalid(("header",), told, "too_large", 431, {"connection": "close"}).reply()
        headers = {**HEADERS, "content-type": reply.media_type, **reply.headers}
        self.transport.write(_answers.bytes(reply, headers, self.server_state.default_headers))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
