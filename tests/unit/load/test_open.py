import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from mlship.load.histograms import Histogram

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"prediction":[1]}'


def latencies(result: Any) -> Histogram:
    return Histogram.decode(*(told.histogram for told in result.slices))


def answered(result: Any) -> int:
    return sum(told.answers for told in result.slices)


def test_as_many_requests_are_sent_as_the_rate_says(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: OK).job, arrivals="constant", rate=200.0, connections=4, seconds=0.5)
    result = load(job)
    assert answered(result) == 100
    assert result.late <= 100
    assert not result.failures


def test_the_warm_up_is_sent_but_not_counted(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: OK).job, arrivals="constant", rate=200.0, connections=4, seconds=0.2)
    result = load(replace(job, warm_up_seconds=0.3))
    assert answered(result) == 40
    assert result.sent == 100


def test_requests_bound_the_load(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: OK).job, arrivals="poisson", rate=500.0, seconds=30.0, requests=7)
    assert answered(load(job)) == 7


def stalling(seconds: float) -> Any:
    """Answer at once, except that everybody waits while request 40 is stalled."""
    lock = threading.Lock()

    def script(number: int, body: bytes) -> bytes:
        with lock:
            time.sleep(seconds if number == 40 else 0)
        return OK

    return script


def test_a_stall_is_charged_for_all_who_came_meanwhile(serve: Any, load: Any) -> None:
    job = replace(serve(stalling(0.5)).job, connections=2, seconds=1.0)
    open_loop = load(replace(job, arrivals="constant", rate=200.0))
    assert answered(open_loop) == 200
    # of 200 requests 100 came in the half second, and waited 0.25 s on average
    assert latencies(open_loop).percentiles([72])[0] > 0.15
    assert latencies(open_loop).longest > 0.49


def test_a_closed_loop_does_not_see_what_a_stall_does(serve: Any, load: Any) -> None:
    closed = load(replace(serve(stalling(0.5)).job, connections=2, seconds=1.0))
    assert latencies(closed).percentiles([90])[0] < 0.1


def test_to_wait_for_a_connection_counts_but_is_not_the_generators_fault(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: time.sleep(0.05) or OK).job, arrivals="constant", rate=100.0)
    result = load(replace(job, connections=1, seconds=0.2))
    assert answered(result) == 20
    assert latencies(result).longest > 0.6
    assert result.late < 10


@pytest.mark.parametrize("connections", [1, 16], ids=["nobody can be asked", "nobody answers"])
def test_what_is_given_up_has_a_latency(serve: Any, load: Any, connections: int) -> None:
    job = replace(serve(lambda number, body: time.sleep(3.0) or OK).job, arrivals="constant", rate=50.0, seconds=0.2)
    result = load(replace(job, connections=connections, timeout_seconds=0.3))
    assert answered(result) == 0
    assert result.failures == {"timeout": 10}
    assert latencies(result).count == 10
    assert latencies(result).longest >= 0.3


def test_those_who_wait_for_a_service_that_refuses_fail(serve: Any, load: Any, refusing: int) -> None:
    job = replace(serve(lambda number, body: OK).job, url=f"http://127.0.0.1:{refusing}", arrivals="constant")
    result = load(replace(job, rate=50.0, connections=2, seconds=30.0, timeout_seconds=0.5))
    assert result.seconds < 5.0
    assert result.failures["refused"] >= 2
    assert set(result.failures) <= {"refused", "timeout"}


def test_idle_connections_that_the_service_closed_are_opened_again_without_a_failure(serve: Any, load: Any) -> None:
    served = serve(lambda number, body: OK)
    served.server.RequestHandlerClass.timeout = 0.1
    try:
        job = replace(served.job, arrivals="constant", rate=4.0, connections=3, seconds=1.0, slice_seconds=1.0)
        result = load(job)
    finally:
        served.server.RequestHandlerClass.timeout = None
    assert answered(result) == 4
    assert result.reconnected > 3
    assert not result.failures


def test_further_connections_are_opened_where_all_are_busy(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: time.sleep(0.2) or OK).job, arrivals="constant", rate=100.0)
    result = load(replace(job, connections=2, most_connections=200, seconds=0.6))
    assert answered(result) == 60
    assert 15 <= result.connections <= 60
    assert result.waited == 0
    assert latencies(result).percentiles([50])[0] < 0.4  # with 2 connections, the last one would wait for 5 s


def test_who_waits_though_no_connection_can_be_opened_is_counted(serve: Any, load: Any) -> None:
    job = replace(serve(lambda number, body: time.sleep(0.1) or OK).job, arrivals="constant", rate=100.0)
    result = load(replace(job, connections=2, most_connections=4, seconds=0.3))
    assert answered(result) == 30
    assert result.connections == 4
    assert 10 <= result.waited <= 26


def test_a_service_that_refuses_is_not_asked_for_more_connections(serve: Any, load: Any, refusing: int) -> None:
    job = replace(serve(lambda number, body: OK).job, url=f"http://127.0.0.1:{refusing}", arrivals="constant")
    result = load(replace(job, rate=200.0, connections=2, most_connections=500, seconds=0.3, timeout_seconds=0.3))
    assert result.connections == 2
