"""What uvicorn writes of an application's answer, and when it leaves."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from mlship.rendering import templates

Send = Callable[[dict[str, Any]], Awaitable[None]]
Steps = Callable[[Callable[[], Awaitable[Any]], Send], Awaitable[None]]


class Connection(asyncio.Transport):
    """Stands for a connection: ``pieces`` are what was written at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closed
        if data:
            self.pieces.append(bytes(data))

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def ask(service_code: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Connection]]:
    """Return a function that sends requests to an application of some steps, and returns the connection."""
    monkeypatch.syspath_prepend(templates() / "service" / "servers" / "uvicorn")
    limited = service_code("limited")

    def asked(steps: Steps, request: bytes) -> Connection:
        async def app(_: Any, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
            await steps(receive, send)

        async def run() -> Connection:
            config, connection = Config(app, ws="none", lifespan="off", log_config=None), Connection()
            config.load()
            protocol = limited.LimitedProtocol(config, ServerState(), {}, asyncio.get_running_loop())
            protocol.connection_made(connection)
            protocol.data_received(request)
            for _ in range(20):
                await asyncio.sleep(0)
            protocol.connection_lost(None)
            return connection

        return asyncio.run(run())

    yield asked
    for name in ("joined", "limited", "wire"):
        sys.modules.pop(name, None)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def start(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": 200, "headers": headers}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


LENGTH = (b"content-length", b"2")


async def whole(_: Any, send: Send) -> None:
    await send(start(LENGTH))
    await send(body(b"{}"))


def test_head_and_body_leave_together(ask: Callable[..., Connection]) -> None:
    [piece] = ask(whole, GET).pieces
    assert piece.startswith(b"HTTP/1.1 200 OK\r\n")
    assert piece.endswith(b"\r\ncontent-length: 2\r\n\r\n{}")


def test_so_does_each_of_several_answers(ask: Callable[..., Connection]) -> None:
    pieces = ask(whole, GET * 3).pieces
    assert [piece[-6:] for piece in pieces] == [b"\r\n\r\n{}"] * 3


def test_an_answer_to_head_is_its_head(ask: Callable[..., Connection]) -> None:
    [piece] = ask(whole, GET.replace(b"GET", b"HEAD")).pieces
    assert piece.endswith(b"\r\ncontent-length: 2\r\n\r\n")


def test_an_answer_without_a_body_is_its_head(ask: Callable[..., Connection]) -> None:
    async def empty(_: Any, send: Send) -> None:
        await send(start((b"content-length", b"0")))
        await send(body(b""))

    [piece] = ask(empty, GET).pieces
    assert piece.endswith(b"\r\ncontent-length: 0\r\n\r\n")


def test_parts_of_a_body_leave_as_they_come(ask: Callable[..., Connection]) -> None:
    async def parts(_: Any, send: Send) -> None:
        await send(start())
        for content in (b"a", b"b"):
            await send(body(content, more=True))
        await send(body(b"c"))

    first, *others = ask(parts, GET).pieces
    assert first.endswith(b"\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
    assert others == [b"1\r\nb\r\n", b"1\r\nc\r\n0\r\n\r\n"]


def test_leave_to_send_a_body_is_given_at_once(ask: Callable[..., Connection]) -> None:
    async def reading(receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        await receive()
        await whole(receive, send)

    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
    assert ask(reading, head).pieces == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    [leave, answer] = ask(reading, head + b"x").pieces
    assert (leave[9:12], answer[9:12]) == (b"100", b"200")


@pytest.mark.parametrize("fails", [True, False], ids=["fails", "ends"])
def test_an_answer_that_breaks_off_after_its_head_is_seen_to(ask: Callable[..., Connection], *, fails: bool) -> None:
    async def broken(_: Any, send: Send) -> None:
        await send(start(LENGTH))
        if fails:
            raise RuntimeError("the code is wrong")

    connection = ask(broken, GET)
    assert [piece[-4:] for piece in connection.pieces] == [b"\r\n\r\n"]
    assert connection.closed


def test_an_application_that_fails_before_its_head_is_answered_for(ask: Callable[..., Connection]) -> None:
    async def broken(_: Any, __: Send) -> None:
        raise RuntimeError("the code is wrong")

    connection = ask(broken, GET)
    [piece] = connection.pieces
    assert piece.startswith(b"HTTP/1.1 500 ")
    assert piece.endswith(b"Internal Server Error")
    assert connection.closed
