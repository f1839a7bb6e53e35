"""Prints how long a Lambda function takes to start.

``python -m benchmarks.deploy.lambda_start IMAGE.json SIGNATURE.json``. The image that ``mlship deploy aws-lambda``
describes is made on the engine and started as Lambda starts it, with a small runtime API on this machine. The figure is
the time from the start of the container to the first event that its client asks for; fetching the image, which Lambda
adds where it is new, is not in it.
"""

import argparse
import json
import queue
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.models.containers import Container

from mlship.images.engine import connect
from mlship.targets.aws_lambda import LambdaTarget

PATIENCE = 20
#: What the command at the head of the Dockerfile fetches.
_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")


class RuntimeApi:
    """What Lambda asks and is answered.

    Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", version 2018-06-01.
    """

    def __init__(self) -> None:
        #: None ends a connection that waits for an event.
        self.events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.asked = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def ask(self, event: dict[str, Any]) -> tuple[str, Any]:
        """Send one event; return "response" or "error", and what came."""
        self.events.put(event)
        return self.answers.get(timeout=PATIENCE)

    def close(self) -> None:
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: the client is killed while it waits."""


def _handler(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            api.asked.set()
            given = api.events.get()
            if given is None:
                self.close_connection = True
                return
            event = json.dumps(given).encode()
            self.send_response(200)
            for name, value in (
                ("Lambda-Runtime-Aws-Request-Id", "8476a536"),
                ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000)),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:iris"),
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(event))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            api.answers.put((self.path.rpartition("/")[2], json.loads(body)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def build(engine: DockerClient, inputs: dict[str, Path], folder: Path, tag: str) -> None:
    """Make the image of the function from what the target writes; the client is that of this Python."""
    LambdaTarget().run(inputs, folder, lambda message, fraction=None: None)
    context = folder / "manifests"
    for name in _CLIENT:
        for file in files(name) or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                target = context / "client" / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), target)
    engine.images.build(path=str(context), tag=tag, rm=True, network_mode="none")


@contextmanager
def started(engine: DockerClient, tag: str, memory: str = "1769m") -> Iterator[tuple[RuntimeApi, float]]:
    """Start the function, locked down as in Lambda; give the API that it asks, and the seconds until it asked."""
    api = RuntimeApi()
    container: Container = engine.containers.create(
        tag,
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": ""},  # the one place where functions may write
        cap_drop=["ALL"],
        mem_limit=memory,
        nano_cpus=1_000_000_000,
        environment={"AWS_LAMBDA_RUNTIME_API": api.address},
    )
    try:
        before = time.monotonic()
        container.start()
        ready = api.asked.wait(PATIENCE)
        seconds = time.monotonic() - before
        assert ready, container.logs().decode()
        yield api, seconds
    finally:
        container.remove(force=True)
        api.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deploy.lambda_start", description=__doc__)
    parser.add_argument("image", type=Path, help="image.json of a build with the engine")
    parser.add_argument("signature", type=Path, help="signature.json of its model")
    parser.add_argument("--starts", type=int, default=10)
    asked = parser.parse_args()
    tag, engine = "mlship-bench/lambda:1", connect()
    try:
        with tempfile.TemporaryDirectory() as folder:
            build(engine, {"image": asked.image, "signature": asked.signature}, Path(folder), tag)
        seconds = []
        for _ in range(asked.starts):
            with started(engine, tag) as (_, took):
                seconds.append(took)
    finally:
        engine.images.remove(tag, force=True)
        engine.close()
    middle, worst = statistics.median(seconds), max(seconds)
    print(f"cold start of the function: {middle:.2f} s in the middle of {asked.starts} starts, {worst:.2f} s at worst")


if __name__ == "__main__":
    main()
