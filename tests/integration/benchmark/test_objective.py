"""The highest rate that meets an objective is found, and what stands in its way is told."""

import threading
from collections.abc import Callable

import pytest

from mlship.errors import ServiceError
from mlship.reports.model import Step
from mlship.trials.objective import Objective, search
from tests.integration.benchmark import scripted_service as scripts
from tests.integration.benchmark.scripted_service import Script, Scripted

Serve = Callable[[Script], Scripted]


def test_the_capacity_is_that_of_the_service(serve: Serve) -> None:
    target = serve(scripts.one_at_a_time(0.01)).target  # 100 a second at most
    found = search(target, Objective.parse("p50=60ms"), seconds=0.6, start=200)
    assert 25 < found.capacity.rate < 102
    assert found.capacity.steps[0].rate == 160
    assert not found.capacity.steps[0].met
    assert [step for step in found.capacity.steps if step.rate == found.capacity.rate][-1].met
    assert found.measurement is not None
    assert found.measurement.low <= found.measurement.value <= found.measurement.high


def test_an_objective_that_no_rate_meets_gives_none(serve: Serve) -> None:
    told: list[Step] = []
    target = serve(scripts.taking(0.02)).target
    found = search(target, Objective.parse("p50=5ms"), seconds=0.3, start=40, tell=told.append)
    assert found.capacity.rate == 0
    assert found.notes[0].startswith("no rate met p50=5.0 ms: at ")
    assert tuple(told) == found.capacity.steps


def test_a_rate_at_which_requests_fail_does_not_count(serve: Serve) -> None:
    target = serve(scripts.sometimes(scripts.failing, 2)).target
    found = search(target, Objective.parse("p99=1s"), seconds=0.3, start=40)
    assert found.capacity.rate == 0


def test_a_search_that_is_stopped_returns_what_it_has(serve: Serve) -> None:
    stop = threading.Event()
    target = serve(scripts.right).target
    found = search(target, Objective.parse("p50=1s"), seconds=0.3, start=20, stop=stop, tell=lambda step: stop.set())
    assert len(found.capacity.steps) == 1
    assert found.measurement is None


def test_a_service_that_answers_nothing_is_named_before_rates_are_tried(serve: Serve) -> None:
    with pytest.raises(ServiceError, match=r"failed under load \(64 connections, 1 row a request\): .* x status 503"):
        search(serve(scripts.failing).target, Objective.parse("p99=1s"), seconds=0.2)
