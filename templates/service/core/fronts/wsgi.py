"""The service as WSGI middleware: in front of a framework's app, which answers everything else.

Source: PEP 3333; ``wsgi.input_terminated``, by which a server says that a body without a length has an end, is one of
Werkzeug's conventions, which Gunicorn and Granian follow.
"""

from collections.abc import Callable, Iterable, Iterator
from time import monotonic
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from core.exchange import Exchange, no_length, too_large, too_slow
from core.http import Head, Reply
from core.problems import InvalidRequestError, invalid, title
from core.service import Service

#: Where the app of the framework finds its Exchange in the environment of a request.
EXCHANGE = "service.exchange"

_PART = 64 * 1024  # bytes in one read of a body


class Front:
    """Answers the paths of the service, and leaves the others to ``inner``.

    What ``inner`` answers is guarded, counted and logged like the rest.
    """

    def __init__(self, inner: WSGIApplication, service: Service) -> None:
        self.service = service
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        exchange = self.service.begin(head(environ), framework=True)
        if exchange.refused is None and exchange.route is None:
            return self._pass_on(exchange, environ, start_response)
        try:
            reply = exchange.refused or self._answer(exchange, environ)
        except BaseException:  # the client is gone, or an error of ours: its place is given back all the same
            self.service.end(exchange, Reply(500))
            raise
        told = [*self.service.end(exchange, reply).items()]
        if reply.status != 204:  # which has no content: RFC 9110, section 8.6
            told.append(("content-length", str(len(reply.content))))
        start_response(f"{reply.status} {title(reply.status)}", told)
        return [b"" if exchange.head.method == "HEAD" else reply.content]

    def _answer(self, exchange: Exchange, environ: WSGIEnvironment) -> Reply:
        if not (exchange.route and exchange.route.takes):
            return exchange.answer()
        settings = self.service.settings
        try:
            body = _body(environ, settings.max_body_bytes, settings.body_timeout)
        except InvalidRequestError as error:
            return exchange.problem(error)
        return exchange.answer(body)

    def _pass_on(self, exchange: Exchange, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        service, statuses = self.service, [500]

        def noted(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            statuses.append(int(status[:3]))
            there = {name.lower() for name, _ in headers} - {"vary"}  # which adds up
            added = [pair for pair in service.headers(exchange).items() if pair[0] not in there]
            return start_response(status, headers + added, *failure)

        def end() -> None:
            service.end(exchange, Reply(statuses[-1]))

        environ[EXCHANGE] = exchange
        try:
            return _Ending(self._inner(environ, noted), end)
        except BaseException:
            end()
            raise


def head(environ: WSGIEnvironment) -> Head:
    """Return the head of a request."""
    headers = {_header(name): value.encode("latin-1") for name, value in environ.items() if name[:5] == "HTTP_"}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if value := environ.get(name):
            headers[_header("HTTP_" + name)] = value.encode("latin-1")
    # WSGI writes the bytes of a path as latin-1, whatever they are.
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    query = environ.get("QUERY_STRING", "")
    return Head(environ["REQUEST_METHOD"], path, query, headers, environ.get("REMOTE_ADDR", ""))


def _header(name: str) -> bytes:
    return name[5:].replace("_", "-").lower().encode("latin-1")


def _body(environ: WSGIEnvironment, limit: int, seconds: float) -> bytes:
    """Read a body whose head has been checked; raises InvalidRequestError (400, 408, 411, 413)."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        raise no_length()
    wanted = int(length) if length else limit + 1
    deadline = monotonic() + seconds
    body = bytearray()
    while len(body) < wanted and (part := stream.read(min(_PART, wanted - len(body)))):
        body += part
        if monotonic() > deadline:  # of no help against a client that falls silent: WSGI cannot stop waiting
            raise too_slow(seconds)
    if len(body) > limit:
        raise too_large(limit)
    if length and len(body) < wanted:
        told = f"the body ended after {len(body)} of {wanted} bytes"
        raise invalid(("body",), told, "incomplete", status=400, headers={"connection": "close"})
    return bytes(body)


class _Ending:
    """Parts of an answer, and what is to be done once they are sent, or nobody wants them any more."""

    def __init__(self, parts: Iterable[bytes], end: Callable[[], None]) -> None:
        self._parts = parts
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """End; PEP 3333 has the server call this, whatever happened."""
        try:
            if close := getattr(self._parts, "close", None):
                close()
        finally:
            self._end()
