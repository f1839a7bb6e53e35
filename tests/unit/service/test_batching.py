"""Requests of one turn of the event loop are answered together, and one that is alone at once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


class Echo:
    """Stands for the predictor: answers each body with itself, and remembers what it was asked together."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.runs: list[list[bytes]] = []

    def answers(self, bodies: list[bytes], outputs: tuple[str, ...]) -> list[Any]:
        self.runs.append([*bodies])
        if b"fault" in bodies:
            raise RuntimeError("the code is wrong")
        return [self.reply(200, body, ",".join(outputs)) for body in bodies]


class Poll:
    """Stands for busy polling: what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def arrived(self) -> None:
        self.told.append("arrived")

    def wait(self, _: asyncio.AbstractEventLoop) -> None:
        self.told.append("wait")


class Asked:
    """A batcher whose requests are bodies alone; ``noted`` are the answers that it told of, by run."""

    def __init__(self, service_code: Callable[[str], Any], echo: Echo) -> None:
        self.noted: list[list[int]] = []
        self.fault: Exception | None = None
        self.poll = Poll()
        self._batcher = service_code("core.batching").Batcher(echo, most_bytes=20, note=self.note, poll=self.poll)
        self._exchange, self._head = service_code("core.exchange").Exchange, service_code("core.http").Head("POST", "/")
        self.flush = self._batcher.flush

    def note(self, answered: list[tuple[Any, Any]], _: float) -> None:
        self.noted.append([reply.status for _, reply in answered])
        if self.fault:
            raise self.fault

    @property
    def waiting(self) -> int:
        return int(self._batcher.waiting)

    def submit(self, body: bytes, outputs: tuple[str, ...], done: Callable[[Any], None]) -> None:
        def send(_: Any, reply: Any) -> None:
            done((reply.content, (*reply.media_type.split(","),)) if reply.status == 200 else reply)

        self._batcher.submit(self._exchange(self._head), body, len(body), outputs, send)


@pytest.fixture
def echo(service_code: Callable[[str], Any]) -> Echo:
    return Echo(service_code("core.http").Reply)


@pytest.fixture
def batcher(service_code: Callable[[str], Any], echo: Echo) -> Asked:
    return Asked(service_code, echo)


async def ended() -> None:
    """Wait until the loop has looked twice for what arrived."""
    for _ in range(2):
        await asyncio.sleep(0)


async def turn(batcher: Asked, *bodies: bytes, outputs: tuple[str, ...] = ("prediction",)) -> list[Any]:
    """Submit bodies in one turn of the loop, and return the answers that were there before it ended."""
    answers: list[Any] = []
    for body in bodies:
        batcher.submit(body, outputs, answers.append)
    at_once = [*answers]
    await ended()
    assert sorted(answers) == [(body, outputs) for body in sorted(bodies)]
    return at_once


def test_a_request_that_is_alone_is_answered_at_once(batcher: Asked, echo: Echo) -> None:
    async def alone() -> None:
        for _ in range(3):
            assert await turn(batcher, b"a") == [(b"a", ("prediction",))]

    asyncio.run(alone())
    assert echo.runs == [[b"a"]] * 3


def test_one_that_is_alone_is_noted_once_the_loop_goes_on(batcher: Asked) -> None:
    async def alone() -> None:
        batcher.submit(b"a", ("x",), lambda _: None)
        assert batcher.noted == []
        await asyncio.sleep(0)
        assert batcher.noted == [[200]]

    asyncio.run(alone())


def test_the_next_request_is_looked_for_once_one_was_alone(batcher: Asked) -> None:
    async def some() -> None:
        await turn(batcher, b"a")
        await turn(batcher, b"b", b"c")
        await turn(batcher, b"d")
        await turn(batcher, b"e")

    asyncio.run(some())
    # whoever waited for the end of the turn may not have been the only one
    assert batcher.poll.told == ["arrived", "wait", "arrived", "arrived", "arrived", "wait"]


def test_requests_of_one_turn_share_a_run_once_a_turn_had_several(batcher: Asked, echo: Echo) -> None:
    async def several() -> None:
        assert await turn(batcher, b"a", b"b", b"c") == [(b"a", ("prediction",))]
        assert await turn(batcher, b"d", b"e", b"f") == []
        assert await turn(batcher, b"g", b"h") == []

    asyncio.run(several())
    assert [len(run) for run in batcher.noted] == [1, 2, 3, 2]
    assert echo.runs == [[b"a"], [b"b", b"c"], [b"d", b"e", b"f"], [b"g", b"h"]]


def test_what_arrives_while_the_first_are_handed_out_shares_their_run(batcher: Asked, echo: Echo) -> None:
    answers: list[Any] = []

    async def later() -> None:
        await turn(batcher, b"a", b"b")
        batcher.submit(b"c", ("x",), answers.append)
        await asyncio.sleep(0)
        batcher.submit(b"d", ("x",), answers.append)
        assert answers == []
        await asyncio.sleep(0)
        assert len(answers) == 2

    asyncio.run(later())
    assert echo.runs[2:] == [[b"c", b"d"]]


def test_after_a_turn_with_one_request_the_next_is_answered_at_once(batcher: Asked, echo: Echo) -> None:
    async def fewer() -> None:
        await turn(batcher, b"a", b"b")
        assert await turn(batcher, b"c") == []
        assert await turn(batcher, b"d") == [(b"d", ("prediction",))]

    asyncio.run(fewer())


def test_requests_for_other_outputs_have_runs_of_their_own(batcher: Asked, echo: Echo) -> None:
    answers: list[Any] = []

    async def mixed() -> None:
        await turn(batcher, b"a", b"b")
        for body, outputs in ((b"c", ("x",)), (b"d", ("y",)), (b"e", ("x",))):
            batcher.submit(body, outputs, answers.append)
        await ended()

    asyncio.run(mixed())
    assert sorted(echo.runs[2:]) == [[b"c", b"e"], [b"d"]]
    assert sorted(answers) == [(b"c", ("x",)), (b"d", ("y",)), (b"e", ("x",))]


def test_no_more_bytes_are_held_back_than_are_answered_in_a_moment(batcher: Asked, echo: Echo) -> None:
    async def large() -> None:
        await turn(batcher, b"a", b"b")
        await turn(batcher, b"c" * 10, b"d" * 10, b"e" * 10, b"f" * 30, b"g")

    asyncio.run(large())
    assert echo.runs[2:] == [[b"c" * 10, b"d" * 10, b"e" * 10], [b"f" * 30], [b"g"]]


def test_what_waits_is_answered_when_it_is_asked_for(batcher: Asked, echo: Echo) -> None:
    answers: list[Any] = []

    async def flushed() -> None:
        await turn(batcher, b"a", b"b")
        batcher.submit(b"c", ("x",), answers.append)
        batcher.submit(b"d", ("x",), answers.append)
        assert batcher.waiting == 2
        batcher.flush()
        assert batcher.waiting == 0
        assert answers == [(b"c", ("x",)), (b"d", ("x",))]

    asyncio.run(flushed())
    assert echo.runs[2:] == [[b"c", b"d"]]


def test_nobody_waits_for_ever_where_the_code_fails(batcher: Asked) -> None:
    answers: list[Any] = []
    faults: list[Any] = []

    async def failing() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told["exception"]))
        await turn(batcher, b"a", b"b")
        for body, outputs in ((b"c", ("x",)), (b"fault", ("z",)), (b"d", ("z",)), (b"e", ("y",))):
            batcher.submit(body, outputs, answers.append)
        await ended()
        assert await turn(batcher, b"f", b"g") == []

    asyncio.run(failing())
    assert sorted(getattr(answer, "status", 200) for answer in answers) == [200, 200, 500, 500]
    assert [str(fault) for fault in faults] == ["the code is wrong"]
    assert sorted(batcher.noted[2:5]) == [[200], [200], [500, 500]]


def test_nobody_waits_for_ever_where_nothing_can_be_noted(batcher: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Any] = []

    async def failing() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told["exception"]))
        await turn(batcher, b"a", b"b")
        monkeypatch.setattr(batcher, "fault", RuntimeError("the disk is full"))
        assert await turn(batcher, b"c", b"d") == []

    asyncio.run(failing())
    assert [str(fault) for fault in faults] == ["the disk is full"]


def test_a_turn_ends_where_one_that_was_alone_cannot_be_noted(batcher: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Any] = []

    async def failing() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: faults.append(told["exception"]))
        monkeypatch.setattr(batcher, "fault", RuntimeError("the disk is full"))
        for _ in range(2):
            assert await turn(batcher, b"a") == [(b"a", ("prediction",))]

    asyncio.run(failing())
    assert [str(fault) for fault in faults] == ["the disk is full"] * 2


def test_where_the_code_fails_for_one_that_is_alone_whoever_asks_is_told(batcher: Asked) -> None:
    async def failing() -> None:
        with pytest.raises(RuntimeError, match="the code is wrong"):
            batcher.submit(b"fault", ("x",), lambda _: None)
        await ended()
        assert await turn(batcher, b"a") == [(b"a", ("prediction",))]

    asyncio.run(failing())
    assert batcher.noted == [[200]]
