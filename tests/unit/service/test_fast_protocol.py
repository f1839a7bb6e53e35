"""What the fast path does on one connection: when it answers, when it waits, and when it leaves that to uvicorn."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from mlship.rendering import templates

BODY = b'{"features": [[5.1,3.5,1.4,0.2]]}'
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Connection(asyncio.Transport):
    """Stands for a connection: keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    @property
    def statuses(self) -> list[bytes]:
        return [part[:3] for part in self.written.split(b"HTTP/1.1 ")[1:]]


@pytest.fixture
def service(scaffolded: Callable[..., Path], service_code: Callable[[str], Any]) -> Any:
    settings = service_code("core.settings").Settings(model_dir=scaffolded("numeric", "asgi") / "model")
    return service_code("core.service").Service(settings)


Open = Callable[..., tuple[Any, Connection]]


@pytest.fixture
def connect(service: Any, service_code: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return a function that opens a connection to the service, within a running loop."""
    monkeypatch.syspath_prepend(templates() / "service" / "servers" / "uvicorn")
    front = service_code("core.fronts.asgi").Front(None, service)
    made = service_code("fast").protocol(service, front)

    def opened(**options: Any) -> tuple[Any, Connection]:
        config = Config(front, http=made, ws="none", log_config=None, access_log=False, **options)
        protocol, connection = made(config, ServerState(), {}, asyncio.get_running_loop()), Connection()
        protocol.connection_made(connection)
        return protocol, connection

    yield opened
    for name in ("fast", "hot", "joined", "limited", "wire"):
        sys.modules.pop(name, None)


async def crowd(connect: Open) -> None:
    """Have several requests in one turn of the loop, so that one in the next turn waits for its end."""
    for _ in range(3):
        connect()[0].data_received(POST)
    await asyncio.sleep(0)


def test_one_alone_is_answered_at_once(connect: Open) -> None:
    async def ask() -> None:
        protocol, connection = connect()
        protocol.data_received(POST)
        assert connection.statuses == [b"200"]
        assert protocol.server_state.total_requests == 1
        assert protocol.cycle is None

    asyncio.run(ask())


def test_one_that_follows_before_the_last_is_noted_is_counted_as_well(connect: Open, service: Any) -> None:
    async def ask() -> None:
        protocol, connection = connect()
        protocol.data_received(POST)
        protocol.data_received(POST)  # before the loop has gone on
        for _ in range(3):
            await asyncio.sleep(0)
        assert connection.statuses == [b"200", b"200"]
        assert service.guard.held == 0

    asyncio.run(ask())
    counted = [line for line in service.metrics.page().decode().splitlines() if line.startswith("http_requests_total{")]
    assert sorted(line.rpartition(" ")[2] for line in counted)[-2:] == ["0.0", "2.0"]


def test_one_among_others_is_answered_at_the_end_of_the_turn(connect: Open) -> None:
    async def ask() -> None:
        await crowd(connect)
        protocol, connection = connect()
        protocol.data_received(POST)
        assert connection.statuses == []
        await asyncio.sleep(0)
        assert connection.statuses == [b"200"]

    asyncio.run(ask())


def test_what_comes_behind_waits_for_its_turn_and_is_not_read_on(connect: Open) -> None:
    async def ask() -> None:
        await crowd(connect)
        protocol, connection = connect()
        protocol.data_received(POST)
        protocol.data_received(POST)
        assert not connection.reading
        for _ in range(4):
            await asyncio.sleep(0)
        assert connection.statuses == [b"200", b"200"]
        assert connection.reading

    asyncio.run(ask())


def test_while_the_client_does_not_read_it_is_neither_answered_nor_read_from(connect: Open) -> None:
    async def ask() -> None:
        protocol, connection = connect()
        protocol.pause_writing()
        protocol.data_received(POST)
        await asyncio.sleep(0)
        assert connection.statuses == []
        assert not connection.reading
        protocol.resume_writing()
        await asyncio.sleep(0)
        assert connection.statuses == [b"200"]
        assert connection.reading

    asyncio.run(ask())


def test_one_that_waits_when_the_service_ends_is_answered_and_told(connect: Open) -> None:
    async def ask() -> None:
        await crowd(connect)
        protocol, connection = connect()
        protocol.data_received(POST)
        protocol.shutdown()
        assert not connection.closing
        await asyncio.sleep(0)
        assert connection.statuses == [b"200"]
        assert b"\r\nconnection: close\r\n" in connection.written
        assert connection.closing

    asyncio.run(ask())


def test_an_idle_connection_is_closed_when_the_service_ends(connect: Open) -> None:
    async def ask() -> None:
        protocol, connection = connect()
        protocol.data_received(POST)
        protocol.shutdown()
        assert connection.closing

    asyncio.run(ask())


def test_one_that_is_gone_when_its_answer_is_there_leaves_nothing_behind(connect: Open, service: Any) -> None:
    async def ask() -> None:
        await crowd(connect)
        protocol, connection = connect()
        protocol.data_received(POST * 2)
        connection.closing = True
        protocol.connection_lost(None)
        for _ in range(3):
            await asyncio.sleep(0)
        assert connection.statuses == []
        assert service.guard.held == 0
        assert protocol.timeout_keep_alive_task is None

    asyncio.run(ask())


def test_what_comes_behind_is_dropped_when_the_client_is_gone(connect: Open) -> None:
    async def ask() -> None:
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
        protocol, connection = connect()
        protocol.data_received(POST + b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.closing = True
        protocol.connection_lost(None)
        await asyncio.sleep(0)
        assert connection.statuses == [b"200"]
        assert errors == []

    asyncio.run(ask())


def test_a_body_that_comes_later_is_left_to_uvicorn_once(connect: Open, service: Any) -> None:
    async def ask() -> None:
        errors: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, told: errors.append(told))
        object.__setattr__(service.settings, "body_timeout", 0.01)  # before uvicorn is asked to wait
        protocol, connection = connect()
        gone, _ = connect()
        for each in (protocol, gone):
            each.data_received(POST[:-5])
            assert each.cycle is None
        gone.connection_lost(None)
        deadline = asyncio.get_running_loop().time() + 0.5
        while protocol.cycle is None:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        protocol.data_received(POST[-5:])
        while not connection.statuses:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert connection.statuses == [b"200"]
        assert errors == []

    asyncio.run(ask())


def test_a_connection_with_a_request_that_waits_is_not_idle(connect: Open) -> None:
    async def ask() -> None:
        protocol, connection = connect(timeout_keep_alive=0)
        protocol.pause_writing()
        protocol.data_received(POST)
        protocol.timeout_keep_alive_handler()
        assert not connection.closing

    asyncio.run(ask())


@pytest.mark.parametrize("path", [b"/predict", b"/invocations"])
def test_an_error_of_the_code_is_answered_and_logged(
    connect: Open, service: Any, path: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the code is wrong")

    async def ask() -> None:
        protocol, connection = connect()
        with monkeypatch.context() as wrong:
            wrong.setattr(service.model.runtime, "run", fail)
            protocol.data_received(POST.replace(b"/predict", path))
        assert connection.statuses == [b"500"]
        assert "the code is wrong" in caplog.text
        for _ in range(2):  # the turn ends
            await asyncio.sleep(0)
        protocol.data_received(POST)
        assert connection.statuses == [b"500", b"200"]
        await asyncio.sleep(0)  # then it is noted
        assert service.guard.held == 0

    asyncio.run(ask())


@pytest.mark.parametrize("option", [{"limit_concurrency": 100}, {"root_path": "/api"}], ids=["limit", "root path"])
def test_what_uvicorn_is_asked_to_do_for_each_request_it_does(connect: Open, option: dict[str, Any]) -> None:
    async def ask() -> None:
        protocol, connection = connect(**option)
        protocol.data_received(POST)
        assert protocol.cycle is not None
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(connection.statuses) == 1

    asyncio.run(ask())
