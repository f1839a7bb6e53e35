import select
import socket
import time
from collections.abc import Iterator

import pytest

from mlship.load import poller
from mlship.load.poller import Poller


@pytest.fixture(params=["epoll", "selectors"])
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Poller]:
    if request.param == "selectors":
        monkeypatch.delattr(select, "epoll", raising=False)
    elif not hasattr(select, "epoll"):
        pytest.skip("no epoll on this system")
    made = poller.poller()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def numbers(ready: list[tuple[int, int]]) -> list[int]:
    return [number for number, _ in ready]


def test_what_can_be_read_is_ready(watched: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    watched.watch(pair[0].fileno(), writing=False)
    assert numbers(watched.wait(0)) == []
    pair[1].send(b"x")
    assert numbers(watched.wait(5)) == [pair[0].fileno()]
    assert numbers(watched.doze(5)) == [pair[0].fileno()]


def test_what_can_be_written_is_ready_where_that_is_asked_for(
    watched: Poller, pair: tuple[socket.socket, socket.socket]
) -> None:
    watched.watch(pair[0].fileno(), writing=True)
    assert numbers(watched.wait(0)) == [pair[0].fileno()]
    watched.change(pair[0].fileno(), writing=False)
    assert numbers(watched.wait(0)) == []
    watched.forget(pair[0].fileno())
    pair[1].send(b"x")
    assert numbers(watched.wait(0)) == []


def test_it_dozes_for_as_long_as_it_is_told(watched: Poller) -> None:
    started = time.perf_counter()
    assert watched.doze(0.02) == []
    assert 0.019 < time.perf_counter() - started < 5
