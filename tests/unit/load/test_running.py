import threading
import time
from dataclasses import replace
from typing import Any

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
