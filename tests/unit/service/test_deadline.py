"""Waiting for a slow client ends, and only that."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def deadline(service_code: Callable[[str], Any]) -> Any:
    return service_code("core.fronts.deadline").Deadline


@pytest.fixture
def late(service_code: Callable[[str], Any]) -> Any:
    return service_code("core.problems").InvalidRequestError


def test_what_comes_in_time_is_returned(deadline: Any) -> None:
    async def comes() -> Any:
        return await deadline(5.0).wait(asyncio.sleep(0.001, b"body"))

    assert asyncio.run(comes()) == b"body"


def test_what_does_not_come_is_given_up(deadline: Any, late: Any) -> None:
    async def never() -> None:
        with pytest.raises(late, match=r"did not arrive within 0\.01 s"):
            await deadline(0.01).wait(asyncio.Event().wait())
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    asyncio.run(asyncio.wait_for(never(), 10))


def test_each_has_its_own_time(deadline: Any, late: Any) -> None:
    async def several() -> list[Any]:
        mine = deadline(0.2)
        slow = asyncio.create_task(mine.wait(asyncio.Event().wait()))
        await asyncio.sleep(0.1)
        other = asyncio.create_task(mine.wait(asyncio.sleep(0.15, "in time")))
        last = asyncio.create_task(mine.wait(asyncio.Event().wait()))
        return [*await asyncio.gather(slow, other, last, return_exceptions=True)]

    found = asyncio.run(asyncio.wait_for(several(), 10))
    assert [str(result) if result == "in time" else type(result) for result in found] == [late, "in time", late]


def test_it_watches_again_after_a_pause(deadline: Any, late: Any) -> None:
    async def twice() -> None:
        mine = deadline(0.01)
        for _ in range(2):
            with pytest.raises(late):
                await mine.wait(asyncio.Event().wait())
            await asyncio.sleep(0.03)

    asyncio.run(asyncio.wait_for(twice(), 10))


def test_a_task_that_others_cancel_is_cancelled(deadline: Any) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(deadline(5.0).wait(asyncio.Event().wait()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(cancelled(), 10))


def test_what_it_waits_for_may_fail(deadline: Any) -> None:
    async def failing() -> None:
        raise KeyError("of its own")

    async def fails() -> None:
        with pytest.raises(KeyError, match="of its own"):
            await deadline(5.0).wait(failing())

    asyncio.run(fails())


def test_what_is_there_at_once_has_no_deadline(deadline: Any) -> None:
    async def there() -> str:
        return "body"

    async def once() -> None:
        mine = deadline(0.0)
        assert await mine.wait(there()) == "body"
        await asyncio.sleep(0.01)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]

    asyncio.run(once())


def test_what_is_waited_for_may_wait_often_and_clean_up(deadline: Any, late: Any) -> None:
    cleaned = []

    async def often() -> None:
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)  # to clean up may take a while, too
            cleaned.append("up")
            raise

    async def given_up() -> None:
        with pytest.raises(late, match=r"did not arrive within 0\.01 s"):
            await deadline(0.01).wait(often())

    asyncio.run(asyncio.wait_for(given_up(), 10))
    assert cleaned == ["up"]
