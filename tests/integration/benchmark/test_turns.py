import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import psutil
import pytest

from mlship.errors import ServiceError
from mlship.load.job import Job
from mlship.load.turns import take_turns
from mlship.trials.target import Target, check, payloads
from tests.integration.benchmark.scripted_service import Script, Scripted, failing, right


@pytest.fixture
def job(real: Target) -> Job:
    bodies = payloads(real, 1, 0).bodies
    headers = {"Content-Type": "application/json"}
    return Job(real.url, real.dialect.path, bodies, headers, connections=2, seconds=0.05, warm_up_seconds=0.005)


def test_each_turn_is_a_slice(job: Job, real: Target) -> None:
    first, second = take_turns([job, job], [0, 1, 1, 0, 0])
    assert (len(first.slices), len(second.slices)) == (3, 2)
    for result in (first, second):
        assert all(told.answers > 0 and told.seconds >= 0.05 for told in result.slices)
        assert not result.failures
        check(real, payloads(real, 1, 0), result.answers)


def test_one_service_rests_while_it_is_the_turn_of_the_other(job: Job, serve: Callable[[Script], Scripted]) -> None:
    server = serve(right)
    resting, _ = take_turns([replace(job, url=server.url), job], [1, 1, 1])
    assert resting.sent == server.asked == 0


def test_what_fails_is_counted(job: Job, serve: Callable[[Script], Scripted]) -> None:
    server = serve(failing)
    [result] = take_turns([replace(job, url=server.url)], [0, 0])
    assert set(result.failures) == {"status 503"}
    assert "the disk is full" in result.failed["status 503"]


def test_an_address_that_cannot_be_used_is_named(job: Job) -> None:
    with pytest.raises(ServiceError, match="'nonsense' is not the address of a service"):
        take_turns([replace(job, url="nonsense")], [0])


def test_stopped_it_returns_nothing_at_once(job: Job) -> None:
    stop = threading.Event()
    stop.set()
    assert take_turns([replace(job, seconds=60.0)], [0], stop=stop) == []


_ASKING = """
import sys
from mlship.load.job import Job
from mlship.load.turns import take_turns
take_turns([Job(sys.argv[1], "/predict", [b"{}"], seconds=60.0)], [0] * 50)
"""


def test_the_generator_ends_when_the_one_that_asked_is_killed(serve: Callable[[Script], Scripted]) -> None:
    server = serve(failing)
    with subprocess.Popen([sys.executable, "-c", _ASKING, server.url]) as asking:
        until(lambda: server.asked > 0)
        [generator] = psutil.Process(asking.pid).children()
        asking.kill()
    until(lambda: not generator.is_running() or generator.status() == psutil.STATUS_ZOMBIE)


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
