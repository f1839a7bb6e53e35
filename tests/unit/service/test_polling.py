"""The loop looks for the next request before it sleeps, where it may well come."""

from collections.abc import Callable
from typing import Any

import pytest

SECONDS = 0.0002
SOON, LATE = SECONDS / 2, SECONDS * 2


class Clock:
    """Stands for the clock and the loop: ``call_soon`` takes 10 us; ``looked`` counts it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.looked = 0
        self._next: list[Callable[[], Any]] = []

    def call_soon(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.looked += 1
        self._next.append(lambda: call(*arguments))

    def pass_by(self, seconds: float) -> None:
        """Let time pass, and the loop run as long as it is awake."""
        end = self.now + seconds
        while self._next and self.now < end:
            self.now += 10e-6
            self._next.pop(0)()
        self.now = max(self.now, end)


@pytest.fixture
def clock(service_code: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(service_code("core.polling"), "perf_counter", lambda: made.now)
    return made


@pytest.fixture
def looks(service_code: Callable[[str], Any], clock: Clock) -> Callable[..., list[int]]:
    """Return a function that answers a request after each of the gaps, and says how often the loop looked after it."""

    def after(*gaps: float, seconds: float = SECONDS) -> list[int]:
        poll, looked = service_code("core.polling").BusyPoll(seconds), []
        for gap in (0.0, *gaps):
            before = clock.looked
            clock.pass_by(gap)
            looked.append(clock.looked - before)
            poll.arrived()
            poll.wait(clock)
        return looked[1:]

    return after


def test_it_looks_once_a_client_has_asked_again_at_once(looks: Callable[..., list[int]]) -> None:
    first, *others = looks(SOON, SOON, SOON)
    assert first == 0
    assert min(others) > 1


def test_it_looks_no_longer_than_it_is_told(looks: Callable[..., list[int]]) -> None:
    assert looks(SOON, 1.0)[1] == pytest.approx(SECONDS / 10e-6, abs=2)


def test_where_requests_are_far_apart_it_sleeps_at_once(looks: Callable[..., list[int]]) -> None:
    assert not any(looks(*[LATE] * 50))


def test_once_it_was_in_vain_it_waits_until_several_were_soon(looks: Callable[..., list[int]]) -> None:
    gaps = [SOON, LATE, *[SOON, LATE] * 14, SOON, SOON, SOON, SOON]
    looked = looks(*gaps)
    assert looked[1] > 0
    assert not any(looked[2:-2])  # those that were late and not waited for change nothing
    assert looked[-1] > 0


def test_at_the_worst_one_of_eighteen_is_waited_for_in_vain(looks: Callable[..., list[int]]) -> None:
    late_just_when_it_is_waited_for = ([SOON] * 17 + [LATE]) * 5
    looked = looks(*late_just_when_it_is_waited_for)
    assert [index for index, count in enumerate(looked) if count and index >= 18] == [35, 53, 71, 89]


def test_it_sleeps_at_once_where_it_is_told_so(looks: Callable[..., list[int]]) -> None:
    assert not any(looks(*[SOON] * 50, seconds=0.0))
