"""A service that does what a test says: answers right, wrong, late, or not at all."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from mlship.golden import Golden
from mlship.parity import DOUBLE
from mlship.signature import Column, Output, Signature, Tensor
from mlship.trials.target import Target, scaffolded

ROWS = 120
SIGNATURE = Signature(
    model="Test",
    task="classifier",
    named=False,
    columns=(
        Column(name="number", type="number", tensor="features", index=0),
        Column(name="whole", type="integer", tensor="features", index=1),
    ),
    tensors=(Tensor(name="features", kind="number", width=2),),
    outputs=(
        Output(name="prediction", type="integer"),
        Output(name="probabilities", type="number", width=2, classes=(0, 1)),
    ),
)
_SHARE = np.arange(ROWS) / ROWS
GOLDEN = Golden(
    {"features": np.stack([np.arange(ROWS) / 7, np.arange(ROWS)], axis=1)},
    {"prediction": (_SHARE > 0.5).astype(np.int64), "probabilities": np.stack([1 - _SHARE, _SHARE], axis=1)},
    ("sample",) * ROWS,
)


class Asked(BaseHTTPRequestHandler):
    """One request, and the ways to answer it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Scripted"
    body: bytes

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked += 1
        self.server.script(self)

    def do_GET(self) -> None:
        self.do_POST()

    def rows(self) -> list[int]:
        """Return the numbers of the golden rows in a body of POST /predict."""
        return [int(row[1]) for row in json.loads(self.body)["features"]]

    def send(self, content: Any, status: int = 200, **headers: str) -> None:
        """Answer with bytes, or with anything else as JSON."""
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def send_right(self) -> None:
        self.send({"prediction": GOLDEN.outputs["prediction"][self.rows()].tolist(), **self._more()})

    def hang_up(self) -> None:
        """Reset the connection without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _more(self) -> Mapping[str, Any]:
        wanted = "outputs=all" in self.path
        return {"probabilities": GOLDEN.outputs["probabilities"][self.rows()].tolist()} if wanted else {}


Script = Callable[[Asked], None]


class Scripted(ThreadingHTTPServer):
    """Answers each request as ``script`` says, which a test may change; ``asked`` counts them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.script, self.asked = script, 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients go away, and some scripts break off."""

    @property
    def target(self) -> Target:
        return scaffolded(self.url, GOLDEN, SIGNATURE, DOUBLE)


def right(asked: Asked) -> None:
    asked.send_right()


def wrong(asked: Asked) -> None:
    asked.send({"prediction": [7 for _ in asked.rows()]})


def failing(asked: Asked) -> None:
    asked.send({"detail": "the disk is full"}, 503)


def redirecting(asked: Asked) -> None:
    asked.send(b"", 307, Location="http://127.0.0.1:9/elsewhere/predict")


def html(asked: Asked) -> None:
    asked.send(b"<html>It works!</html>")


def dropping(asked: Asked) -> None:
    asked.hang_up()


def empty_handed(asked: Asked) -> None:
    asked.send({"answer": 42})


def nowhere(asked: Asked) -> None:
    asked.send({"detail": "there is nothing here"}, 404)


def taking(seconds: float) -> Script:
    """Answer right, ``seconds`` late."""

    def answer(asked: Asked) -> None:
        time.sleep(seconds)
        asked.send_right()

    return answer


def one_at_a_time(seconds: float) -> Script:
    """Answer right; each answer takes ``seconds``, and none is worked on beside another."""
    turn = threading.Lock()

    def answer(asked: Asked) -> None:
        with turn:
            time.sleep(seconds)
        asked.send_right()

    return answer


def sometimes(bad: Script, every: int) -> Script:
    """Do ``bad`` with each ``every``-th request, and answer the others right."""

    def answer(asked: Asked) -> None:
        (bad if asked.server.asked % every == 0 else right)(asked)

    return answer
