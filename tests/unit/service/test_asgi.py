"""The service as an ASGI application: bodies in parts, clients that are slow or gone, and many at the same time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROW = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}'
HEAD = ((b"content-type", b"application/json"), (b"transfer-encoding", b"chunked"))

Message = dict[str, Any]


@pytest.fixture
def make(service_code: Callable[[str], Any], scaffolded: Callable[[str], Path]) -> Callable[..., Any]:
    """Return a function that makes the application of the case "numeric"."""

    def front(inner: Any = None, **limits: Any) -> Any:
        settings = service_code("core.settings").Settings(model_dir=scaffolded("numeric") / "model", **limits)
        return service_code("core.fronts.asgi").Front(inner, service_code("core.service").Service(settings))

    return front


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


async def ask(
    app: Any,
    *messages: Message | float,
    method: str = "POST",
    path: str = "/predict",
    query: bytes = b"",
    headers: Sequence[tuple[bytes, bytes]] = HEAD,
) -> list[Message]:
    """Send a request and return what comes back; of ``messages`` a number is a pause in seconds."""
    incoming = iter(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        for message in incoming:
            if isinstance(message, dict):
                return message
            await asyncio.sleep(message)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": headers, "client": None}
    await app(scope, receive, send)
    return sent


def status(sent: list[Message]) -> int:
    return int(sent[0]["status"])


def content(sent: list[Message]) -> Any:
    return json.loads(b"".join(message.get("body", b"") for message in sent))


def run(*asked: Awaitable[Any]) -> list[Any]:
    """Await all of ``asked`` at the same time, for a while."""

    async def together() -> list[Any]:
        return await asyncio.gather(*asked)

    return asyncio.run(asyncio.wait_for(together(), 20))


def test_a_body_may_come_in_parts(make: Callable[..., Any]) -> None:
    parts = [part(ROW[i : i + 1], more=i + 1 < len(ROW)) for i in range(len(ROW))]
    [sent] = run(ask(make(), part(b"", more=True), *parts))
    assert (status(sent), content(sent)) == (200, {"prediction": [0]})


def test_a_body_that_does_not_come_in_time_is_408(make: Callable[..., Any]) -> None:
    [sent] = run(ask(make(body_timeout=0.05), part(ROW[:5], more=True), 5.0, part(ROW[5:])))
    assert status(sent) == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_body_in_parts_that_grows_too_large_is_413_before_its_end(make: Callable[..., Any]) -> None:
    [sent] = run(ask(make(max_body_bytes=10), part(b" " * 6, more=True), part(b" " * 6, more=True), 60.0))
    assert status(sent) == 413
    assert (b"connection", b"close") in sent[0]["headers"]


def test_who_is_gone_before_the_end_of_the_body_gets_nothing(make: Callable[..., Any]) -> None:
    app = make()
    [sent] = run(ask(app, part(ROW, more=True), {"type": "http.disconnect"}))
    assert sent == []
    assert app.service.guard.held == 0
    assert b'http_requests_total{route="/predict",status="499"} 1.0' in app.service.metrics.page()


def test_requests_of_the_same_moment_share_a_run_and_each_gets_its_own(make: Callable[..., Any]) -> None:
    app = make()
    rows = [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3], [7.7, 3.0, 6.1, 2.3]]
    bodies = [json.dumps({"features": [rows[number % 3]] * (1 + number % 2)}).encode() for number in range(30)]
    found = run(*(ask(app, part(body)) for body in bodies))
    assert [content(sent)["prediction"] for sent in found] == [[i % 3] * (1 + i % 2) for i in range(30)]
    page = app.service.metrics.page().decode()
    assert "predict_batch_requests_sum 30.0" in page
    assert "predict_batch_requests_count 2.0" in page  # the first one is alone: nobody knows yet who else comes


def test_tensors_of_the_same_moment_share_a_run_and_a_wrong_one_fails_alone(make: Callable[..., Any]) -> None:
    app = make()
    rows = [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3], [7.7, 3.0, 6.1, 2.3]]

    def body(number: int) -> bytes:
        data = rows[number % 3] * (1 + number % 2) if number % 7 else [0.0]
        tensor = {"name": "features", "datatype": "FP64", "shape": [1 + number % 2, 4], "data": data}
        return json.dumps({"id": str(number), "inputs": [tensor], "outputs": [{"name": "prediction"}]}).encode()

    path = f"/v2/models/{app.service.name}/infer"
    found = run(*(ask(app, part(body(number)), path=path) for number in range(1, 31)))
    for number, sent in enumerate(found, 1):
        answer = content(sent)
        if number % 7:
            assert answer["id"] == str(number)
            assert answer["outputs"][0]["data"] == [number % 3] * (1 + number % 2)
        else:
            assert status(sent) == 400
            assert f"{4 * (1 + number % 2)} values are expected" in answer["error"]
    page = app.service.metrics.page().decode()
    assert "predict_batch_requests_sum 26.0" in page
    assert "predict_batch_requests_count 2.0" in page


def test_who_asks_for_other_outputs_or_wrongly_gets_that_and_the_others_do_not(make: Callable[..., Any]) -> None:
    app = make()
    plain, more, named, wrong, unknown, last = run(
        ask(app, part(ROW)),
        ask(app, part(ROW), query=b"outputs=all"),
        ask(app, part(ROW), headers=(*HEAD, (b"x-outputs", b"probabilities"))),
        ask(app, part(b'{"features": [[1, 2, 3]]}')),
        ask(app, part(ROW), query=b"outputs=nonsense"),
        ask(app, part(ROW)),
    )
    assert [list(content(sent)) for sent in (plain, more, named, last)] == [
        ["prediction"],
        ["prediction", "probabilities"],
        ["prediction", "probabilities"],
        ["prediction"],
    ]
    assert content(wrong)["errors"][0]["loc"] == ["body", "features", 0]
    assert content(unknown)["errors"][0]["loc"] == ["query", "outputs"]
    assert (status(wrong), status(unknown)) == (422, 422)


def test_a_request_that_is_cancelled_does_not_keep_others_from_their_answer(make: Callable[..., Any]) -> None:
    app = make()

    async def cancelled() -> list[Any]:
        tasks = [asyncio.create_task(ask(app, part(ROW))) for _ in range(4)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 20)

    found = asyncio.run(cancelled())
    assert isinstance(found[2], asyncio.CancelledError)
    assert [status(sent) for sent in (*found[:2], found[3])] == [200, 200, 200]
    assert app.service.guard.held == 0


def test_a_large_body_does_not_keep_small_ones_waiting(make: Callable[..., Any]) -> None:
    app = make()
    large = json.dumps({"features": [[5.1, 3.5, 1.4, 0.2]] * 10_000}).encode()
    order: list[str] = []

    async def noted(name: str, body: bytes) -> None:
        assert status(await ask(app, part(body))) == 200
        order.append(name)

    run(noted("large", large), noted("small", ROW))
    assert order == ["small", "large"]


def test_head_is_answered_without_a_body(make: Callable[..., Any]) -> None:
    [sent] = run(ask(make(), method="HEAD", path="/livez", headers=()))
    assert status(sent) == 200
    assert (b"content-length", b"15") in sent[0]["headers"]
    assert [message.get("body", b"") for message in sent[1:]] == [b""]


def test_places_are_given_back_where_the_code_fails(make: Callable[..., Any]) -> None:
    app = make()

    async def broken() -> AsyncIterator[Message]:
        raise RuntimeError("the server is wrong")

    async def asked() -> None:
        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": HEAD}
        with pytest.raises(RuntimeError, match="the server is wrong"):
            await app(scope, broken, broken)

    asyncio.run(asked())
    assert app.service.guard.held == 0


def test_the_application_behind_answers_what_the_service_does_not_know(make: Callable[..., Any]) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 203, "headers": [(b"x-request-id", b"its own")]})
        await send({"type": "http.response.body", "body": b"{}"})

    app = make(inner)
    own, ours = run(ask(app, path="/own", method="GET"), ask(app, path="/livez", method="GET"))
    names = [name for name, _ in own[0]["headers"]]
    assert status(own) == 203
    assert names.count(b"x-request-id") == 1
    assert b"cache-control" in names
    assert content(ours) == {"status": "ok"}


@pytest.mark.parametrize(("key", "admitted"), [(b"secret", True), (b"wrong", False), (None, False)])
def test_a_websocket_behind_is_opened_only_with_the_key(
    make: Callable[..., Any], key: bytes | None, admitted: bool
) -> None:
    opened, sent = [], []
    incoming = iter([{"type": "websocket.connect"}])

    async def inner(scope: Any, receive: Any, _: Any) -> None:
        opened.append((scope["path"], (await receive())["type"]))

    async def receive() -> Message:
        return next(incoming)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"x-api-key", key)] if key else []
    scope = {"type": "websocket", "path": "/own", "query_string": b"", "headers": headers, "client": ("::1", 1)}
    asyncio.run(make(inner, api_keys=("secret",))(scope, receive, send))
    assert opened == ([("/own", "websocket.connect")] if admitted else [])
    assert sent == ([] if admitted else [{"type": "websocket.close", "code": 1008}])
    assert next(incoming, None) is None


def test_it_starts_and_ends_alone(make: Callable[..., Any]) -> None:
    sent: list[Message] = []

    async def lifespan() -> None:
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            sent.append(message)

        await make()({"type": "lifespan"}, receive, send)

    asyncio.run(lifespan())
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
