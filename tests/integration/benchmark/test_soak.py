"""A long run is told moment by moment."""

import threading
from collections.abc import Callable

from mlship.reports.model import Moment
from mlship.trials.plans import closed_loop, open_loop
from mlship.trials.soak import soak
from mlship.trials.target import Target
from tests.integration.benchmark import scripted_service as scripts
from tests.integration.benchmark.scripted_service import Script, Scripted


def test_moments_tell_latency_and_memory(real: Target) -> None:
    told: list[Moment] = []
    soaked = soak(real, open_loop(100, seconds=3), every=1, tell=told.append)
    assert soaked.timeline.moments == tuple(told)
    assert [round(moment.second) for moment in told] == [1, 2, 3]
    assert all(moment.rss_bytes > 1_000_000 and moment.p50 <= moment.p99 <= moment.longest for moment in told)
    assert sum(moment.requests for moment in told) == soaked.measured.load.requests
    assert {figure.metric for figure in soaked.memory} == {"rss", "pss"}


def test_there_are_no_more_than_120_moments(serve: Callable[[Script], Scripted]) -> None:
    told: list[Moment] = []
    stop = threading.Event()

    def tell(moment: Moment) -> None:
        told.append(moment)
        stop.set()

    soaked = soak(serve(scripts.right).target, closed_loop(1, seconds=240), every=0.1, stop=stop, tell=tell)
    assert round(told[0].second) == 2
    assert len(soaked.timeline.moments) <= 2


def test_moments_of_a_service_elsewhere_have_no_memory(serve: Callable[[Script], Scripted]) -> None:
    soaked = soak(serve(scripts.right).target, closed_loop(1, seconds=1))
    assert [moment.rss_bytes for moment in soaked.timeline.moments] == [None] * len(soaked.timeline.moments)
    assert soaked.memory == ()


def test_failures_stand_in_their_moment(serve: Callable[[Script], Scripted]) -> None:
    server = serve(scripts.sometimes(scripts.failing, 2))
    soaked = soak(server.target, closed_loop(1, seconds=1), tolerate=True)
    assert sum(moment.failures for moment in soaked.timeline.moments) == soaked.measured.load.failures["status 503"]
