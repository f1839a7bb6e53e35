"""The service as an ASGI application: alone, or in front of a framework's app that answers everything else.

Source: ASGI specification 3.0, "HTTP & WebSocket ASGI Message Format" and "Lifespan Protocol".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

from core.exchange import Exchange, too_large, too_slow
from core.fronts.answering import Way, ask
from core.fronts.deadline import Deadline
from core.fronts.heads import Known, Memory, known
from core.http import Head, Reply
from core.problems import InvalidRequestError
from core.service import HEADERS, Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: What logs and metrics say of a client that did not wait for its answer, as nginx does; it is never sent.
GONE = 499

#: Where the app of the framework finds its Exchange in the scope of a request.
EXCHANGE = "service.exchange"


class Front:
    """Answers the paths of the service, and leaves the others to ``inner``, where there is one.

    What ``inner`` answers is guarded, counted and logged like the rest.
    """

    def __init__(self, inner: Application | None, service: Service) -> None:
        self.service = service
        self._deadline = Deadline(service.settings.body_timeout)
        self._inner = inner
        self._memory = Memory[Known]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or see the application start and end."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "websocket" and not self._admits(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008})  # policy violation: RFC 6455, section 7.4.1
        elif self._inner is not None:
            await self._inner(scope, receive, send)

    def _admits(self, scope: Scope) -> bool:
        try:
            self.service.guard.admit(head(scope))
        except InvalidRequestError:
            return False
        return True

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(self.service.close)
            await send(message)

        await (self._inner or _alone)(scope, receive, noted)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = self.service
        told = self._known(scope) if scope["method"] == "POST" else None
        if told:
            exchange = service.enter(Exchange(told.head, *told.found))
        else:
            exchange = service.begin(head(scope), framework=self._inner is not None)
        if exchange.refused is None and exchange.route is None and self._inner is not None:
            await self._pass_on(self._inner, exchange, scope, receive, send)
            return
        reply = await self._reply(exchange, receive, told.by if told else None)
        if service.usual and reply.media_type and not reply.headers:
            if not exchange.noted:
                service.note([(exchange, reply)])
            headers = [*_USUAL, (b"x-request-id", exchange.request_id.encode())]
            headers.append((b"content-type", reply.media_type.encode()))
        else:
            headers = encoded(service.end(exchange, reply))
        if reply.status != GONE:
            await respond(send, reply, headers, bodiless=scope["method"] == "HEAD")

    def _known(self, scope: Scope) -> Known | None:
        client = scope.get("client")
        key = client and client[0], scope["path"], scope["query_string"], *scope["headers"]
        try:
            told = self._memory.known.get(key)
        except TypeError:  # each header is a pair, which servers may make a list
            key = *key[:3], *map(tuple, scope["headers"])
            told = self._memory.known.get(key)
        if told is None:
            try:
                told = known(self.service, head(scope), self.service.settings.max_body_bytes)
            except InvalidRequestError:
                return None
            if told:
                size = sum(len(name) + len(value) for name, value in scope["headers"])
                size += len(scope["path"]) + len(scope["query_string"])
                self._memory.keep(key, size, len(scope["headers"]), told)
        return told

    async def _reply(self, exchange: Exchange, receive: Receive, by: Way | None) -> Reply:
        try:
            return exchange.refused or await self._answer(exchange, receive, by)
        except InvalidRequestError as error:
            return exchange.problem(error)
        except Disconnected:
            return Reply(GONE)
        except BaseException:  # the task was cancelled, or the code is wrong: the request has ended all the same
            self.service.end(exchange, Reply(500))
            raise

    async def _answer(self, exchange: Exchange, receive: Receive, by: Way | None) -> Reply:
        """Read the body of a request and answer it; raises InvalidRequestError, Disconnected."""
        service, route = self.service, exchange.route
        body = b""
        if route and route.takes:
            body = await self._deadline.wait(_read(receive, service.settings.max_body_bytes))
        if len(body) > service.inline_bytes:
            return await asyncio.to_thread(exchange.answer, body)
        if not by or by == "alone":
            return exchange.answer(body)
        answer = _Answer()
        ask(service, exchange, body, answer.come, by)
        return answer.reply or await answer.wait(service.batcher.loop)

    async def _pass_on(
        self, inner: Application, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        status = 500
        scope[EXCHANGE] = exchange

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                there = {name.lower() for name, _ in message["headers"]} - {b"vary"}  # which adds up
                added = encoded(self.service.headers(exchange))
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in there)]
            await send(message)

        try:
            await inner(scope, self._limited(receive), noted)
        finally:
            self.service.end(exchange, Reply(status))

    def _limited(self, receive: Receive) -> Receive:
        """Return what hands a body on as long as it is neither too large nor too slow."""
        settings = self.service.settings
        started, size, more = perf_counter(), 0, True

        async def limited() -> MutableMapping[str, Any]:
            nonlocal size, more
            if not more:  # what still comes is the end of the connection, which may take its time
                return await receive()
            message = await self._deadline.wait(receive())
            size, more = size + len(message.get("body", b"")), message.get("more_body", False)
            if size > settings.max_body_bytes:
                raise too_large(settings.max_body_bytes)
            if more and perf_counter() - started > settings.body_timeout:
                raise too_slow(settings.body_timeout)
            return message

        return limited


class _Answer:
    """Comes at once, or at the end of this turn of the loop."""

    reply: Reply | None = None
    _coming: asyncio.Future[Reply] | None = None

    def come(self, _: Exchange, reply: Reply) -> None:
        self.reply = reply
        # a task that was cancelled while it waited has cancelled its future
        if self._coming and not self._coming.done():
            self._coming.set_result(reply)

    async def wait(self, loop: asyncio.AbstractEventLoop) -> Reply:
        self._coming = loop.create_future()
        return await self._coming


async def _read(receive: Receive, limit: int) -> bytes:
    """Return a body; raises InvalidRequestError for one of more than ``limit`` bytes, Disconnected."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size, more = size + len(parts[-1]), message.get("more_body", False)
        if size > limit:
            raise too_large(limit)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Disconnected(Exception):  # noqa: N818  # nobody made an error
    """The client is gone: nobody is there to read an answer."""


def head(scope: Scope) -> Head:
    """Return the head of a request, which for a WebSocket is that of a GET."""
    client = scope.get("client")
    query = scope["query_string"].decode("latin-1")
    return Head(scope.get("method", "GET"), scope["path"], query, dict(scope["headers"]), client[0] if client else "")


async def respond(send: Send, reply: Reply, headers: Headers, *, bodiless: bool = False) -> None:
    """Send an answer."""
    if reply.status != 204:  # which has no content: RFC 9110, section 8.6
        headers.append((b"content-length", b"%d" % len(reply.content)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if bodiless else reply.content})


def encoded(headers: Mapping[str, str]) -> Headers:
    """Return headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


_USUAL = encoded(HEADERS)


async def _alone(_: Scope, receive: Receive, send: Send) -> None:
    for word in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{word}.complete"})
