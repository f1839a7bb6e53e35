import os
import threading
import time
from dataclasses import replace
from typing import Any

import psutil
import pytest

from mlship.errors import ServiceError
from mlship.load.job import Slice
from mlship.load.running import run

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"prediction":[1]}'


def answered(slices: Any) -> int:
    return sum(told.answers for told in slices)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_job_is_done_in_processes(serve: Any, processes: int) -> None:
    served = serve(lambda number, body: OK)
    result = run(replace(served.job, connections=4, processes=processes, requests=40, seconds=30.0))
    assert answered(result.slices) == 40
    assert result.sent == len(served.server.bodies) == 40
    assert result.processes == processes
    assert result.answers == [[b'{"prediction":[1]}']] * 3


def test_slices_are_told_while_it_runs(serve: Any) -> None:
    seen: list[tuple[float, Slice]] = []
    job = replace(serve(lambda number, body: time.sleep(0.002) or OK).job, seconds=0.8, slice_seconds=0.2)
    result = run(job, on_slice=lambda told: seen.append((time.monotonic(), told)))
    assert [told for _, told in seen] == list(result.slices)
    assert len(seen) == 4
    assert seen[-1][0] - seen[0][0] > 0.3


def test_processes_of_an_open_loop_make_its_rate_together(serve: Any) -> None:
    job = replace(serve(lambda number, body: OK).job, arrivals="constant", rate=100.0, connections=4, processes=2)
    result = run(replace(job, seconds=0.5))
    assert answered(result.slices) == 50


def test_what_was_measured_before_a_stop_is_returned(serve: Any) -> None:
    stop = threading.Event()
    job = replace(serve(lambda number, body: time.sleep(0.002) or OK).job, seconds=60.0, slice_seconds=0.1)
    started = time.monotonic()
    result = run(job, stop=stop, on_slice=lambda told: stop.set())
    assert time.monotonic() - started < 20
    assert answered(result.slices) > 0
    assert result.seconds < 20


def test_an_address_that_cannot_be_used_is_refused(serve: Any) -> None:
    with pytest.raises(ServiceError, match="'ftp://x' is not the address of a service"):
        run(replace(serve(lambda number, body: OK).job, url="ftp://x"))


def test_a_generator_that_dies_is_named(serve: Any) -> None:
    with pytest.raises(ServiceError, match=r"the load generator died: .*UnicodeEncodeError"):
        run(replace(serve(lambda number, body: OK).job, path="/pr\u0119dict"))


@pytest.mark.parametrize(("rate", "processes"), [(None, 1), (200.0, 1), (None, 2)], ids=["closed", "open", "two"])
def test_a_job_that_ends_with_the_first_failure_does(serve: Any, rate: float | None, processes: int) -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
    served = serve(lambda number, body: busy if number == 40 else time.sleep(0.002) or OK)
    job = replace(served.job, connections=2, processes=processes, seconds=60.0, rate=rate, until_failure=True)
    started = time.monotonic()
    result = run(replace(job, arrivals="closed" if rate is None else "constant"))
    assert time.monotonic() - started < 20
    assert result.failures == {"status 503": 1}


def test_a_failure_does_not_end_a_job_that_counts_them(serve: Any) -> None:
    busy = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"
    result = run(replace(serve(lambda number, body: busy if number == 3 else OK).job, requests=40, seconds=30.0))
    assert (answered(result.slices), result.failures) == (39, {"status 503": 1})


def generators() -> list[psutil.Process]:
    """Return the generators that this process has started, once there are some."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := [each for each in psutil.Process().children() if "mlship.load" in each.cmdline()]:
            return found
        time.sleep(0.005)
    raise AssertionError("no generator was started")


def test_an_interrupt_of_the_whole_group_does_not_reach_a_generator(serve: Any) -> None:
    stop, found = threading.Event(), []

    def look() -> None:
        found.extend(os.getpgid(each.pid) for each in generators())
        stop.set()

    watching = threading.Thread(target=look)
    watching.start()
    run(replace(serve(lambda number, body: OK).job, seconds=60.0), stop=stop)
    watching.join()
    assert found
    assert os.getpgrp() not in found


def test_a_generator_that_is_gone_after_a_stop_is_no_error(serve: Any) -> None:
    stop = threading.Event()

    def end() -> None:
        [generator] = generators()
        stop.set()
        generator.kill()

    ending = threading.Thread(target=end)
    ending.start()
    result = run(replace(serve(lambda number, body: OK).job, seconds=60.0), stop=stop)
    ending.join()
    assert result.seconds < 20
