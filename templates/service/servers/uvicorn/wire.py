"""The bytes of HTTP for the fast path: heads of plain requests, as httptools reads them, and answers."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import httptools

from core.exchange import Exchange
from core.fronts.heads import Known, Memory, known
from core.http import Head, Reply
from core.problems import InvalidRequestError
from core.service import HEADERS, Service

#: Bytes of a head, which is as much as other servers take at most; trailers behind a body count as well.
MOST = 64 * 1024

#: Headers that ask for more than an answer to the body behind them.
_UNUSUAL = frozenset({b"expect", b"proxy-connection", b"transfer-encoding", b"upgrade"})


class Plain(NamedTuple):
    """What a head says, but for who sent it.

    ``start`` is the head with the empty line behind it, ``length`` that of the body which follows, in bytes.
    """

    known: Known
    start: bytes
    length: int

    def exchange(self, client: tuple[str, int] | None) -> Exchange:
        """Return an exchange for requests of ``client`` with this head."""
        head = replace(self.known.head, client=client[0] if client else "")
        return Exchange(head, *self.known.found)


class Heads:
    """Reads heads, and remembers them."""

    def __init__(self, service: Service) -> None:
        settings = service.settings
        self._service = service
        self._longest = min(service.inline_bytes, settings.max_body_bytes)
        # Where it matters who asks, and somebody is trusted with it, uvicorn knows whose word to take for it.
        matters = settings.rate_limit or settings.access_log or service.tracer.on
        trusted = matters and "FORWARDED_ALLOW_IPS" in os.environ
        self._unusual = _UNUSUAL | {b"x-forwarded-for"} if trusted else _UNUSUAL
        self._memory = Memory[Plain]()
        self.known = self._memory.known

    def find(self, data: bytes) -> tuple[Plain | None, int]:
        """Return what the head that ``data`` begins with says, None where it is not plain; and where its body begins.

        That is below 4 where the head is not all there.
        """
        end = data.find(b"\r\n\r\n") + 4
        head = data[:end] if 4 < end <= MOST else b""
        return self.known.get(head) or self._learn(head), end

    def _learn(self, head: bytes) -> Plain | None:
        try:
            plain = self._read(head) if head.startswith(b"POST /") else None
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, InvalidRequestError):
            return None
        if plain:
            self._memory.keep(head, len(head), len(plain.known.head.headers), plain)
        return plain

    def _read(self, head: bytes) -> Plain | None:
        reader = _Reader()
        parser = httptools.HttpRequestParser(reader)
        parser.feed_data(head)
        if reader.events != ["head"] or parser.get_http_version() != "1.1":
            return None
        if reader.connection - {b"keep-alive"} or not self._unusual.isdisjoint(reader.headers):
            return None
        url, length = httptools.parse_url(reader.url), reader.headers.get(b"content-length", b"0")
        if len(length) > 18 or not 0 < int(length) <= self._longest or not url.path.isascii() or b"%" in url.path:
            return None
        asked = Head("POST", url.path.decode(), (url.query or b"").decode("latin-1"), reader.headers)
        told = known(self._service, asked, self._longest)
        return Plain(told, head, int(length)) if told else None


class Answers:
    """Writes answers as uvicorn does, which has a line for each status and headers of its own."""

    def __init__(self, lines: Mapping[int, bytes]) -> None:
        self._lines = lines
        self._added: list[tuple[bytes, bytes]] = []
        self._told = b""

    def bytes(self, reply: Reply, headers: Mapping[str, str], added: list[tuple[bytes, bytes]]) -> bytes:
        """Return an answer with ``headers``; those that uvicorn ``added`` are another list once they change."""
        if added is not self._added:
            self._added, self._told = added, b"".join([b"%b: %b\r\n" % pair for pair in added])
        told = "\r\n".join(map(": ".join, headers.items())).encode("latin-1")
        start, content = self._lines[reply.status] + self._told, reply.content
        return b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (start, told, len(content), content)


class UsualAnswers(Answers):
    """Writes the answers of ``service``: those that differ in their request id alone, from parts that are ready."""

    def __init__(self, lines: Mapping[int, bytes], service: Service) -> None:
        super().__init__(lines)
        self._service = service
        self._date: list[tuple[bytes, bytes]] = []
        self._parts: dict[tuple[int, str, int], tuple[bytes, bytes]] = {}

    def noted(
        self, exchange: Exchange, reply: Reply, added: list[tuple[bytes, bytes]], *, last: bool
    ) -> tuple[bytes, bool]:
        """Note an answer; return its bytes, and whether it is the ``last`` one of its connection."""
        if last or reply.headers or not self._service.usual:
            headers = self._service.end(exchange, reply)
            if last:
                headers["connection"] = "close"
            return self.bytes(reply, headers, added), "connection" in headers
        if not exchange.noted:
            self._service.note([(exchange, reply)])
        if added is not self._date:
            self._date = added
            self._parts.clear()
        content = reply.content
        kind = reply.status, reply.media_type, len(content)
        before, after = self._parts.get(kind) or self._part(*kind)
        return b"".join((before, exchange.request_id.encode(), after, content)), False

    def _part(self, status: int, media_type: str, length: int) -> tuple[bytes, bytes]:
        """Return what comes before the request id, and after it up to a content of ``length`` bytes."""
        headers = {**HEADERS, "x-request-id": "\0", "content-type": media_type}
        answer = self.bytes(Reply(status, bytes(length)), headers, self._date)
        before, _, after = answer[: len(answer) - length].partition(b"\0")
        self._parts[status, media_type, length] = before, after
        return before, after


class _Reader:
    """Is told by httptools what a head holds; ``events`` is more than ["head"] where it ends before its last byte."""

    def __init__(self) -> None:
        self.url = b""
        self.headers: dict[bytes, bytes] = {}
        self.connection: set[bytes] = set()
        self.events: list[str] = []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value
        if name.lower() == b"connection":
            self.connection.add(value.lower())

    def on_headers_complete(self) -> None:
        self.events.append("head")

    def on_body(self, _: bytes) -> None:
        self.events.append("body")

    def on_message_complete(self) -> None:
        self.events.append("end")
