"""One connection to a service, without blocking: opened, asked, read; TLS where the address has it."""

import errno
import os
import socket
import ssl
from enum import Enum, auto

import httptools

from mlship.load.address import Address
from mlship.load.poller import Poller

_MOST = 1 << 16
_WORDS = 200


class State(Enum):
    """What a connection is doing; RESTING is one that was refused and will be opened again."""

    RESTING = auto()
    OPENING = auto()
    FREE = auto()
    ASKED = auto()


class BrokenError(Exception):
    """The connection is of no use any more: ``kind`` is the name of the failure, the message says more."""

    def __init__(self, kind: str, words: str = "") -> None:
        super().__init__(words)
        self.kind = kind


class Connection:
    """A connection and the request that is under way on it.

    ``started`` is when the request was meant to be sent, ``deadline`` until when there is patience, in nanoseconds;
    ``fresh`` says that nothing of its answer was read so far. ``complete`` turns true with the last byte of the answer,
    whose ``status``, ``location``, ``content``, ``kept`` (alive) and ``single`` (read in one piece) then hold.
    httptools calls the methods ``on_*``.
    """

    def __init__(self, address: Address, poller: Poller) -> None:
        self.state = State.RESTING
        self.body = self.started = self.deadline = self.number = 0
        self._address, self._poller = address, poller
        self._socket: socket.socket | None = None
        self._headed = self._framed = self._unasked = False

    def open(self, deadline: int) -> None:
        """Begin to connect; raises BrokenError."""
        self.state, self.deadline = State.OPENING, deadline
        try:
            opened = socket.socket(self._address.family, socket.SOCK_STREAM)
            opened.setblocking(False)  # noqa: FBT003
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context := self._address.tls:
                opened = context.wrap_socket(opened, server_hostname=self._address.name, do_handshake_on_connect=False)
            self._socket, self.number, self._connected = opened, opened.fileno(), False
            self._unsent = memoryview(b"")
            self.read = self._read_tls if context else self._read_plain
            self._renew()
            problem = opened.connect_ex(self._address.place)
        except OSError as error:
            raise BrokenError("unreachable", str(error)) from error
        if problem not in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
            raise _unconnected(problem)
        self._poller.watch(self.number, writing=True)

    def advance(self) -> bool:
        """Go on connecting, as the socket is ready for it; return whether it is FREE now. Raises BrokenError."""
        assert self._socket
        if not self._connected and (problem := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
            raise _unconnected(problem)
        self._connected = True
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.do_handshake()
            self.state = State.FREE
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wanted:
            self._poller.change(self.number, writing=isinstance(wanted, ssl.SSLWantWriteError))
            return False
        except OSError as error:
            raise BrokenError("no TLS", str(error)) from error
        self._poller.change(self.number, writing=False)
        return True

    def close(self) -> None:
        """Let go of the socket; the connection is RESTING."""
        self.state = State.RESTING
        if self._socket:
            self._poller.forget(self.number)
            self._socket.close()
            self._socket = None

    def ask(self, request: bytes) -> None:
        """Send a request, or as much of it as the socket takes at once; raises BrokenError."""
        assert self._socket
        self.state, self.fresh = State.ASKED, True
        try:
            sent = self._socket.send(request)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            sent = 0
        except OSError as error:
            raise BrokenError("dropped", str(error)) from error
        if sent < len(request):
            self._unsent, self.fresh = memoryview(request)[sent:], False  # its answer needs a closer look
            self._poller.change(self.number, writing=True)

    def send_rest(self) -> None:
        """Send what the socket did not take so far, if there is anything; raises BrokenError."""
        assert self._socket
        if not self._unsent:
            return
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as error:
            raise BrokenError("dropped", str(error)) from error
        if not self._unsent:
            self._poller.change(self.number, writing=False)

    def parse(self, data: bytes) -> None:
        """Take in what was read, b"" for the end of the stream; raises BrokenError where that is no whole answer."""
        if not data:
            if self._headed and not self._framed:  # without a length the end of the stream ends it: RFC 9112, 6.3
                self.complete, self.kept = True, False
                self.status = self._parser.get_status_code()
                return
            raise BrokenError("dropped", "in the middle of an answer" * (not self.fresh))
        self.single, self.fresh = self.fresh, False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BrokenError("not HTTP", data[:_WORDS].decode("utf-8", "replace")) from error
        if self._unasked:
            raise BrokenError("not HTTP", "a second answer to one request")
        if self.complete and self._unsent:
            self.kept = False  # it answered before it had the whole request, and what comes next is not known

    def clear(self) -> None:
        """Be ready for the next answer."""
        self.state = State.FREE
        self.complete = self._headed = self._framed = self._unasked = False
        self.location = ""
        self._parts.clear()

    @property
    def content(self) -> bytes:
        """The body of the answer."""
        return b"".join(self._parts)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in {b"content-length", b"transfer-encoding"}:
            self._framed = True
        elif name == b"location":
            self.location = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headed = True

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status < 200:  # an interim answer
            return
        self.kept = self._parser.should_keep_alive()
        self.complete, self._unasked = True, self.complete

    def _renew(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self.status, self.kept, self.fresh, self.single = 0, True, True, False
        self.clear()
        self.state = State.OPENING

    def _read_plain(self) -> bytes | None:
        """Return what has arrived, b"" at the end of the stream, None where it was nothing; raises BrokenError."""
        assert self._socket
        try:
            return self._socket.recv(_MOST)
        except BlockingIOError:
            return None
        except OSError as error:
            raise BrokenError("dropped", str(error)) from error

    def _read_tls(self) -> bytes | None:
        """Do so until nothing is left inside the TLS layer, which the poller cannot see."""
        assert self._socket
        parts: list[bytes] = []
        try:
            while part := self._socket.recv(_MOST):
                parts.append(part)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b"".join(parts) if parts else None
        except OSError as error:
            if not parts:
                raise BrokenError("dropped", str(error)) from error
        return b"".join(parts)


def _unconnected(problem: int) -> BrokenError:
    kinds = {errno.ECONNREFUSED: "refused", errno.ECONNRESET: "dropped", errno.ETIMEDOUT: "timeout"}
    return BrokenError(kinds.get(problem, "unreachable"), os.strerror(problem))
