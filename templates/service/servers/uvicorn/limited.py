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
    _parsed = 0  # bytes of it that were told by the parser
    _received = 0  # and those that came since it began: the parser tells of a header when it has all of it
    _idle: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        seconds = max(self.timeout_keep_alive, 1)  # with KEEP_ALIVE=0, the first request has to come in all the same
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        if self._reading:
            self._received += len(data)
        # uvicorn would stop the timer for any byte
        self._idle, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        super().data_received(data)
        self.timeout_keep_alive_task, self._idle = self._idle, None
        if self._reading and self._received > MOST and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        self._reading, self._parsed, self._received = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + len(b": \r\n"))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._reading = False
        if self._idle:
            self._idle.cancel()
            self._idle = None
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > MOST:
            raise OverflowError("the head is too large")  # the parser stops, and uvicorn sends what it does for errors

    def send_400_response(self, msg: str) -> None:
        if self._parsed > MOST:
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
