"""Several workers: they count together, are replaced, and end together."""

import http.client
from collections.abc import Callable
from pathlib import Path

from tests.integration.serving.processes import BOTH, Server, until

Serve = Callable[..., Server]


@BOTH
def test_nothing_is_left_behind(serve: Serve, framework: str, tmp_path: Path) -> None:
    server = serve(framework, WORKERS="2")
    workers = server.workers()
    assert server.end() == 0
    assert not any(worker.is_running() for worker in workers)
    assert not list(tmp_path.glob("service-*"))


@BOTH
def test_workers_end_when_the_process_that_started_them_is_killed(serve: Serve, framework: str, tmp_path: Path) -> None:
    server = serve(framework, WORKERS="2")
    workers = server.workers()
    assert len(workers) == 2
    server.process.kill()
    until(lambda: not any(worker.is_running() for worker in workers))
    assert not list(tmp_path.glob("service-*"))


@BOTH
def test_workers_count_together_and_a_killed_one_is_replaced(serve: Serve, framework: str) -> None:
    server = serve(framework, WORKERS="2")
    for _ in range(20):
        assert server.ask()[0] == 200
    assert {server.counted() for _ in range(8)} == {20.0}
    killed, other = server.workers()
    killed.kill()
    until(lambda: len(set(server.workers()) - {killed}) == 2)
    assert other in server.workers()
    until(lambda: _all_answer(server))
    assert server.counted() >= 20


def _all_answer(server: Server) -> bool:
    try:
        return all(server.ask()[0] == 200 for _ in range(8))
    except (OSError, http.client.HTTPException):
        return False
