import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from mlship.golden import Golden
from mlship.images.proofs.strain import CLIENTS, ROUNDS, Largest, largest, strain
from mlship.signature import Column, Signature, Tensor

SIGNATURE = Signature(
    model="Ridge",
    task="regressor",
    named=False,
    columns=(Column(name="x0", type="integer", tensor="features", index=0),),
    tensors=(Tensor(name="features", kind="number", width=1),),
    outputs=(),
)
GOLDEN = Golden({"features": np.array([[1.0], [22.0], [np.inf]])}, {}, ("sample",) * 3)
REQUEST = Largest(b'{"features": [[1]]}', 1)


def made(rows: Any, size: Any) -> Largest | None:
    return largest(GOLDEN, SIGNATURE, {"limits": {"max_rows": rows, "max_body_bytes": size}})


def test_the_largest_request_repeats_the_golden_rows_that_can_be_sent() -> None:
    request = made(5, 1000)
    assert request is not None
    assert request.rows == 5
    assert json.loads(request.body) == {"features": [[1], [22], [1], [22], [1]]}


@pytest.mark.parametrize("size", range(20, 60))
def test_no_request_is_larger_than_a_body_may_be(size: int) -> None:
    request = made(1000, size)
    assert request is not None
    assert size - len(",[22]") - 1 <= len(request.body) <= size
    assert len(json.loads(request.body)["features"]) == request.rows


@pytest.mark.parametrize(
    "info", [{}, {"limits": None}, {"limits": {"max_rows": 5}}, {"limits": {"max_rows": "5", "max_body_bytes": 9}}]
)
def test_without_limits_there_is_no_largest_request(info: dict[str, Any]) -> None:
    assert largest(GOLDEN, SIGNATURE, info) is None


def test_a_limit_below_one_row_leaves_no_request() -> None:
    assert made(5, 15) is None


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that starts a server and gives its address; it answers with a status, or breaks off."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(status: int | None, wait: Callable[[], object] = lambda: None) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                wait()
                if status is not None:
                    self.send_response(status)
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "fate"),
    [(200, "answered"), (413, "refused"), (429, "refused"), (503, "refused"), (500, "failed"), (None, "failed")],
)
def test_what_became_of_every_request_is_counted(serve: Callable[..., str], status: int | None, fate: str) -> None:
    found = strain(serve(status), REQUEST, lambda: None)
    assert found.requests == CLIENTS * ROUNDS
    assert {name: getattr(found, name) for name in ("answered", "refused", "failed")} == {
        "answered": 0,
        "refused": 0,
        "failed": 0,
        fate: found.requests,
    }


def test_a_service_that_is_gone_fails_every_request() -> None:
    found = strain("http://127.0.0.1:1", REQUEST, lambda: None)
    assert found.failed == found.requests == CLIENTS * ROUNDS


def test_it_is_watched_while_requests_wait(serve: Callable[..., str]) -> None:
    looked = threading.Event()
    found = strain(serve(200, lambda: looked.wait(5)), REQUEST, looked.set)
    assert looked.is_set()
    assert found.answered == found.requests
