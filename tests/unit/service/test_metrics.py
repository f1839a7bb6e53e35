"""What the page of metrics says: every answer once, in the format of Prometheus, whatever process counted it."""

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlship.rendering import templates

Code = Callable[[str], Any]
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass
class Served:
    """What the page tells of a service."""

    guard: Any
    name: str = "flowers"
    version: str = "7"
    model: Any = field(default_factory=lambda: SimpleNamespace(model_digest="00ff"))
    told: str = "ok"

    def state(self) -> str:
        return self.told


@pytest.fixture
def served_model(service_code: Code) -> Served:
    return Served(service_code("core.access.guard").Guard(service_code("core.settings").Settings()))


@pytest.fixture
def metrics(service_code: Code, served_model: Served) -> Callable[..., Any]:
    """Return a function that makes the metrics of a service, in a folder that is shared or in memory."""
    routes = ["/predict", "/info", "/info", "/v2/models/{model_name}"]
    return lambda shared=None: service_code("core.watching.metrics").Metrics(served_model, routes, shared)


def samples(page: bytes) -> Samples:
    families = text_string_to_metric_families(page.decode())
    return {
        (each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples
    }


def value(page: bytes, name: str, /, **labels: str) -> float:
    return samples(page).get((name, tuple(sorted(labels.items()))), 0.0)


def buckets(page: bytes, name: str, /, **labels: str) -> list[float]:
    """Return the cumulated counts of a histogram, in the order of its bounds."""
    found = {}
    for (sample, pairs), number in samples(page).items():
        told = dict(pairs)
        if sample == f"{name}_bucket" and {key: text for key, text in told.items() if key != "le"} == labels:
            found[math.inf if told["le"] == "+Inf" else float(told["le"])] = number
    return [found[bound] for bound in sorted(found)]


def test_answers_are_counted_by_route_and_status(metrics: Any) -> None:
    counted = metrics()
    for route, status in [("/predict", 200), ("/predict", 200), ("/predict", 422), ("/info", 200)]:
        counted.count({(route, status, 3): [0.01]})
    page = counted.page()
    assert value(page, "http_requests_total", route="/predict", status="200") == 2
    assert value(page, "http_requests_total", route="/predict", status="422") == 1
    assert value(page, "http_requests_total", route="/info", status="200") == 1
    assert value(page, "predict_rows_total") == 12


def test_series_of_good_answers_are_there_before_the_first(metrics: Any) -> None:
    assert ("http_requests_total", (("route", "/predict"), ("status", "200"))) in samples(metrics().page())


def test_the_histogram_of_seconds_agrees_with_what_was_counted(metrics: Any) -> None:
    counted = metrics()
    seconds = [0.0, 0.0001, 0.00011, 0.003, 0.003, 9.99, 10.0, 11.0, 500.0]
    for each in seconds:
        counted.count({("/predict", 200, 1): [each]})
    page = counted.page()
    counts = buckets(page, "http_request_duration_seconds", route="/predict")
    assert all(low <= high for low, high in pairwise(counts))
    assert counts[0] == 2  # a bound belongs to its bucket
    assert counts[-2:] == [7, 9]
    assert value(page, "http_request_duration_seconds_count", route="/predict") == 9
    assert value(page, "http_request_duration_seconds_sum", route="/predict") == pytest.approx(sum(seconds))


@pytest.mark.parametrize(("name", "each"), [("predict_batch_requests", 0), ("predict_batch_rows", 1)])
def test_runs_of_the_model_are_counted_by_their_size(metrics: Any, name: str, each: int) -> None:
    counted = metrics()
    runs = [(1, 1), (2, 2), (3, 40), (64, 64), (1000, 20_000)]
    for run in runs:
        counted.batch(*run)
    page = counted.page()
    counts = buckets(page, name)
    assert all(low <= high for low, high in pairwise(counts))
    assert counts[:2] == [1, 2]
    assert counts[-2:] == [4, 5]
    assert value(page, f"{name}_sum") == sum(run[each] for run in runs)


def test_what_is_no_route_counts_as_other_and_makes_nothing_grow(metrics: Any) -> None:
    counted = metrics()
    for number in range(2000):
        counted.count({(f"/{number}", 404, 0): [0.001]})
    first = counted.page()
    for number in range(2000):
        counted.count({(f"/again/{number}", 404, 0): [0.001]})
    assert value(first, "http_requests_total", route="other", status="404") == 2000
    assert samples(first).keys() == samples(counted.page()).keys()


@pytest.mark.parametrize("status", [-1, 0, 99, 600, 10**9])
def test_a_status_that_http_does_not_have_counts_as_an_error(metrics: Any, status: int) -> None:
    counted = metrics()
    counted.count({("/predict", status, 0): [0.1]})
    page = counted.page()
    assert value(page, "http_requests_total", route="/predict", status="500") == 1
    assert buckets(page, "http_request_duration_seconds", route="/predict")[-1] == 1


@pytest.mark.parametrize("status", [100, 599])
def test_the_first_and_the_last_status_count_as_what_they_are(metrics: Any, status: int) -> None:
    counted = metrics()
    counted.count({("/predict", status, 0): [0.1]})
    page = counted.page()
    assert value(page, "http_requests_total", route="/predict", status=str(status)) == 1
    assert buckets(page, "http_request_duration_seconds", route="/predict")[-1] == 1


def test_the_page_says_which_model_answers_and_whether_it_is_ready(metrics: Any, served_model: Served) -> None:
    counted = metrics()
    assert value(counted.page(), "model_info", name="flowers", version="7", sha256="00ff") == 1
    assert value(counted.page(), "service_ready") == 1
    served_model.told = "draining"
    assert value(counted.page(), "service_ready") == 0


def test_requests_in_progress_and_in_the_queue_are_those_of_now(metrics: Any, served_model: Served) -> None:
    counted = metrics()
    served_model.guard.enter(None)
    counted.waiting = lambda: 5
    page = counted.page()
    assert value(page, "http_requests_in_progress") == 1
    assert value(page, "predict_queue") == 5
    served_model.guard.leave(1)
    assert value(counted.page(), "http_requests_in_progress") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="prometheus_client reads /proc")
def test_the_process_is_measured(metrics: Any) -> None:
    assert value(metrics().page(), "process_resident_memory_bytes") > 1e6


def test_threads_lose_no_count(metrics: Any) -> None:
    counted = metrics()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def work() -> None:
        for _ in range(5000):
            counted.count({("/predict", 200, 1): [0.01]})

    threads = [Thread(target=work) for _ in range(4)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    page = counted.page()
    assert value(page, "http_requests_total", route="/predict", status="200") == 20_000
    assert value(page, "http_request_duration_seconds_count", route="/predict") == 20_000
    assert value(page, "predict_rows_total") == 20_000


WORKER = """
import json, os, sys
from pathlib import Path
from core.watching.counters import Counters
layout, size, folder, index, times = json.loads(sys.argv[1])
counters = Counters(layout, size, Path(folder))
for _ in range(times):
    counters.cells[index] += 1
print(json.dumps(counters.totals().tolist()), flush=True)
sys.stdin.read()
"""


def worker(folder: Path, index: int, times: int, layout: str = "test") -> tuple[subprocess.Popen[bytes], list[float]]:
    """Start a process that counts, and return it, waiting, with the totals that it sees."""
    told = json.dumps([layout, 4, str(folder), index, times])
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, told],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(templates() / "service"), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    process.send_signal(number)
    process.communicate(timeout=10)


@pytest.mark.skipif(sys.platform == "win32", reason="each worker counts for itself there")
class TestCounters:
    """Counters in a shared folder."""

    def test_every_process_sees_the_sums_of_all(self, service_code: Code, tmp_path: Path) -> None:
        own = service_code("core.watching.counters").Counters("test", 4, tmp_path)
        own.cells[0] += 5
        first, _ = worker(tmp_path, 0, 10)
        second, seen = worker(tmp_path, 1, 7)
        try:
            assert seen == [15, 7, 0, 0]
            own.cells[3] += 1
            assert own.totals().tolist() == [15, 7, 0, 1]
        finally:
            end(first)
            end(second)

    def test_what_a_killed_worker_counted_stays_and_its_file_is_used_again(
        self, service_code: Code, tmp_path: Path
    ) -> None:
        own = service_code("core.watching.counters").Counters("test", 4, tmp_path)
        for times in (1, 2, 3):
            process, _ = worker(tmp_path, 2, times)
            end(process)
        assert own.totals().tolist() == [0, 0, 6, 0]
        assert len(list(tmp_path.iterdir())) == 2

    def test_counters_of_another_layout_are_not_mixed_up(self, service_code: Code, tmp_path: Path) -> None:
        own = service_code("core.watching.counters").Counters("test", 4, tmp_path)
        process, _ = worker(tmp_path, 0, 3, layout="another release")
        end(process)
        assert own.totals().tolist() == [0, 0, 0, 0]

    def test_a_file_that_is_not_complete_yet_does_not_count(self, service_code: Code, tmp_path: Path) -> None:
        own = service_code("core.watching.counters").Counters("test", 4, tmp_path)
        own.cells[0] += 1
        next(tmp_path.iterdir()).with_name(next(tmp_path.iterdir()).name[:-1] + "1").write_bytes(b"")
        assert own.totals().tolist() == [1, 0, 0, 0]

    def test_counting_goes_on_when_the_folder_is_gone(self, service_code: Code, tmp_path: Path) -> None:
        own = service_code("core.watching.counters").Counters("test", 4, tmp_path)
        own.cells[0] += 1
        for path in tmp_path.iterdir():
            path.unlink()
        own.cells[0] += 1
        assert own.totals().tolist() == [2, 0, 0, 0]

    def test_a_folder_that_cannot_be_made_is_an_error_at_the_start(self, service_code: Code, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(OSError, match="file"):
            service_code("core.watching.counters").Counters("test", 4, tmp_path / "file" / "below")


@pytest.mark.skipif(sys.platform == "win32", reason="each worker counts for itself there")
def test_the_page_of_one_worker_has_the_counts_of_all(metrics: Any, tmp_path: Path) -> None:
    first, second = metrics(tmp_path), metrics(tmp_path)
    first.count({("/predict", 200, 4): [0.01]})
    second.count({("/predict", 200, 5): [0.01]})
    second.batch(1, 5)
    for page in (first.page(), second.page()):
        assert value(page, "http_requests_total", route="/predict", status="200") == 2
        assert value(page, "http_request_duration_seconds_count", route="/predict") == 2
        assert value(page, "predict_rows_total") == 9
        assert value(page, "predict_batch_requests_count") == 1
