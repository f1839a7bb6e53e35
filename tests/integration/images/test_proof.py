"""The proof on the real engine: what it sees of a container that does well, and of those that do not."""

import json
import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from docker import DockerClient

from mlship.errors import BuildError, GateError
from mlship.golden import Golden
from mlship.images.engine import owner
from mlship.images.proofs import proof, strain
from mlship.images.proofs.proof import Expected, Limits, prove
from mlship.parity import DOUBLE
from mlship.signature import Column, Output, Signature, Tensor

pytestmark = pytest.mark.docker

#: What serves in these images: the standard library, so that the base is all they need.
SERVICE = """
import json, os, signal, socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = os.environ.get("LARGE", "answer")
held = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, json.loads(os.environ["INFO"]) if self.path == "/info" else {"status": "ok"})

    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["content-length"])))["features"]
        if len(rows) > 100 and LARGE == "grow":
            held.append(b"x" * (200 << 20))
        if len(rows) > 100 and LARGE == "end":
            os._exit(1)
        status = 503 if len(rows) > 100 and LARGE == "refuse" else 200
        self.answer(status, {"prediction": [row[0] * 2 for row in rows]})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def locked():
    told = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    if int(told["CapBnd"], 16) or told["NoNewPrivs"].strip() != "1" or os.access("/", os.W_OK):
        sys.exit("not locked down")
    for folder in ("/", "/tmp", "/opt"):
        try:
            open(folder + "/written", "w")
        except OSError:
            continue
        sys.exit(folder + " can be written")


def work():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


locked()
server = ThreadingHTTPServer(("", 8000), Handler)
if os.environ.get("WORKERS") != "2":
    work()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for _ in range(2):
    os.fork() or work()
while True:
    os.wait()
    os.fork() or work()
"""

INFO = {"threads": 3, "limits": {"max_rows": 5_000, "max_body_bytes": 1_000_000}}
SIGNATURE = Signature(
    model="Doubled",
    task="regressor",
    named=False,
    columns=(Column(name="x0", type="number", tensor="features", index=0),),
    tensors=(Tensor(name="features", kind="number", width=1),),
    outputs=(Output(name="prediction", type="number"),),
)
ROWS = np.arange(50, dtype=np.float64)[:, None]
EXPECTED = Expected(Golden({"features": ROWS}, {"prediction": ROWS[:, 0] * 2}, ("sample",) * 50), SIGNATURE, DOUBLE)
LIMITS = Limits("64m", 8000, timeout=60)


@pytest.fixture(scope="module")
def image(
    engine: DockerClient, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., str]]:
    """Return a function that makes an image of the service, which is told by its environment what to do."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "service.py").write_text(SERVICE)
    made: list[str] = []

    def make(**environment: str) -> str:
        told = {"INFO": json.dumps(INFO), **environment}
        lines = [f"ENV {name}={json.dumps(value)}" for name, value in told.items()]
        start = [f"FROM {base_image}", "COPY service.py /service.py", "USER 10001:10001"]
        (folder / "Dockerfile").write_text("\n".join([*start, *lines, 'CMD ["python3", "/service.py"]', ""]))
        made.append(f"mlship-test/proof:{os.getpid()}-{len(made)}")
        engine.images.build(path=str(folder), tag=made[-1], rm=True)
        return made[-1]

    yield make
    for tag in made:
        engine.images.remove(tag, force=True)


@pytest.fixture(autouse=True)
def _nothing_left(engine: DockerClient) -> Iterator[None]:
    yield
    own = {"label": f"{proof.LABEL}={owner()}"}  # others use the engine as well
    assert engine.containers.list(all=True, filters=own, ignore_removed=True) == []


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the largest requests as long as a busy machine may take: what becomes of them is tested, not when."""
    monkeypatch.setattr(strain, "SECONDS", 90.0)


def test_what_a_container_did_is_told(engine: DockerClient, image: Callable[..., str]) -> None:
    found = prove(engine, image(), EXPECTED, LIMITS)
    assert found.verdict.passed
    assert 0 < found.cold_start <= found.first_answer < LIMITS.timeout
    assert 1e6 < found.rss <= found.peak <= 64 * 2**20
    assert (found.workers, found.threads, found.endured.exit_code) == (1, 3, 0)
    assert found.notes() == ()


def test_the_largest_requests_are_answered(engine: DockerClient, image: Callable[..., str]) -> None:
    found = prove(engine, image(), EXPECTED, LIMITS).endured.strain
    assert found is not None
    assert found.rows == 5_000
    assert found.requests == found.answered == strain.CLIENTS * strain.ROUNDS


def test_requests_that_are_refused_are_no_failures(engine: DockerClient, image: Callable[..., str]) -> None:
    found = prove(engine, image(LARGE="refuse"), EXPECTED, LIMITS)
    assert found.endured.strain is not None
    assert found.endured.strain.requests == found.endured.strain.refused == strain.CLIENTS * strain.ROUNDS
    assert found.notes() == ()


def test_who_is_killed_at_the_limit_passes_with_a_note(engine: DockerClient, image: Callable[..., str]) -> None:
    found = prove(engine, image(LARGE="grow"), EXPECTED, LIMITS)
    assert found.endured.oom_killed
    assert found.endured.strain is not None
    assert found.endured.strain.failed > 0
    assert found.peak == 64 * 2**20
    assert not found.endured.restarted
    [note] = found.notes()
    assert "64m were not enough for several of 5,000 rows at once" in note


def test_workers_that_were_started_again_are_noticed(engine: DockerClient, image: Callable[..., str]) -> None:
    found = prove(engine, image(LARGE="end", WORKERS="2"), EXPECTED, LIMITS)
    assert found.workers == 2
    assert found.endured.restarted
    assert not found.endured.oom_killed
    assert found.endured.exit_code == 0


def test_a_service_that_does_not_tell_its_limits_is_not_strained(
    engine: DockerClient, image: Callable[..., str]
) -> None:
    found = prove(engine, image(INFO="{}"), EXPECTED, LIMITS)
    assert found.endured.strain is None
    assert found.threads is None
    assert found.verdict.passed


def test_other_answers_are_a_gate_that_is_not_met(engine: DockerClient, image: Callable[..., str]) -> None:
    other = Golden({"features": ROWS}, {"prediction": ROWS[:, 0] * 3}, ("sample",) * 50)
    with pytest.raises(GateError, match="49 of 50 rows differ"):
        prove(engine, image(), Expected(other, SIGNATURE, DOUBLE), LIMITS)


def test_a_service_that_never_gets_ready_is_told(engine: DockerClient, image: Callable[..., str]) -> None:
    with pytest.raises(BuildError, match="the image was not ready within 1 s"):
        prove(engine, image(), EXPECTED, Limits("64m", 8001, timeout=1))
