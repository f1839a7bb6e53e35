"""Every app in its image, locked down: it answers over each protocol, minds the limits of its container, and ends."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from docker import DockerClient
from docker.models.containers import Container
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.images.docker import DockerBuilder
from mlship.parity import compare
from mlship.replay import arrays, payload, replay, sendable
from mlship.serving import is_ready
from mlship.signature import Signature

pytestmark = pytest.mark.docker

HTTP, GRPC = "8000/tcp", "8001/tcp"

ASK = """
import http.client, sys
method, path, body = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request(method, path, body.encode())
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""
ROW = '{"features": [[5.1, 3.5, 1.4, 0.2]]}'


#: What is the server's doing, not the framework's, is seen on one of each kind of server. These come first below, too.
EACH_SERVER = pytest.mark.parametrize("image", ["asgi", "flask"], indirect=True)


@dataclass(frozen=True)
class Answering:
    """A running container: where it is reached, and what it is held against."""

    http: str
    grpc: str
    golden: Golden
    signature: Signature

    def rows(self) -> Any:
        return payload(self.golden, self.signature, range(len(self.golden)))["features"]

    def tensor(self) -> NDArray[np.float64]:
        return self.golden.inputs["features"].astype(np.float64)

    def post(self, body: bytes, media_type: str, path: str = "/predict?outputs=all") -> Any:
        answer = httpx.post(f"http://{self.http}{path}", content=body, headers={"content-type": media_type})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def agrees(self, found: Mapping[str, NDArray[Any]]) -> None:
        verdict = compare(self.golden, found)
        assert verdict.passed, verdict.sentence()
        assert found.keys() == self.golden.outputs.keys()


@pytest.fixture(scope="module", params=["asgi", "flask", "fastapi", "django"])
def image(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    base_image: str,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("image")
    inputs = cases["numeric"].write(folder) | {"service": scaffolded("numeric", request.param, grpc=True)}
    tag = f"mlship-test/{request.param}:{os.getpid()}"
    DockerBuilder(tag=tag, base=base_image).run(inputs, folder, lambda message, fraction=None: None)
    yield tag
    engine.images.remove(tag, force=True)


@pytest.fixture(scope="module")
def answering(engine: DockerClient, image: str, cases: Mapping[str, Any]) -> Iterator[Answering]:
    """Run the image with a port for each protocol, and return where it is reached."""
    case = cases["numeric"]
    started = engine.containers.run(
        image,
        detach=True,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit="512m",
        environment={"GRPC_PORT": "8001"},
        ports={HTTP: ("127.0.0.1", 0), GRPC: ("127.0.0.1", 0)},
    )
    try:
        yield Answering(*_addresses(started), case.golden.take(sendable(case.golden)), case.signature)
    finally:
        started.remove(force=True)


def _addresses(started: Any) -> list[str]:
    deadline = time.monotonic() + 40
    while True:
        started.reload()
        ports = [(started.ports.get(port) or [{"HostPort": "0"}])[0]["HostPort"] for port in (HTTP, GRPC)]
        if ports[0] != "0" and is_ready("127.0.0.1", int(ports[0])):
            return [f"127.0.0.1:{port}" for port in ports]
        assert time.monotonic() < deadline, started.logs().decode()
        time.sleep(0.05)


@contextmanager
def running(engine: DockerClient, image: str, *command: str, cpus: float = 1, **options: Any) -> Iterator[Container]:
    """Run the image, locked down, until it is ready."""
    locked: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "network_mode": "none", "mem_limit": "1g"}
    container = engine.containers.run(image, [*command], detach=True, nano_cpus=int(cpus * 1e9), **locked, **options)
    try:
        deadline = time.monotonic() + 40
        while ask(container, "GET", "/readyz") != '200 {"status":"ok"}':
            assert time.monotonic() < deadline, container.logs().decode()
            time.sleep(0.1)
        yield container
    finally:
        container.remove(force=True)


def ask(container: Container, method: str, path: str, body: str = "") -> str:
    ran = container.exec_run(["python3", "-c", ASK, method, path, body])
    return bytes(ran.output).decode().strip() if ran.exit_code == 0 else ""


@EACH_SERVER
@pytest.mark.parametrize(("cpus", "workers"), [(0.5, 1), (1, 1), (2, 2)])
def test_there_are_as_many_workers_as_processors(engine: DockerClient, image: str, cpus: float, workers: int) -> None:
    if cpus > len(os.sched_getaffinity(0)):
        pytest.skip(f"needs {cpus} processors")
    with running(engine, image, cpus=cpus) as container:
        assert ask(container, "POST", "/predict", ROW) == '200 {"prediction":[0]}'
        [line] = container.logs().decode().splitlines()
        assert line == f"serving at http://0.0.0.0:8000 with {workers} worker{'s' * (workers > 1)}"
        for number in range(8):
            assert f'status="200"}} {number + 1}.0' in next(
                line
                for line in ask(container, "GET", "/metrics").splitlines()
                if line.startswith('http_requests_total{route="/predict"')
            )
            ask(container, "POST", "/predict", ROW)


@EACH_SERVER
def test_the_argument_that_sagemaker_gives_changes_nothing(engine: DockerClient, image: str) -> None:
    with running(engine, image, "serve") as container:
        assert ask(container, "POST", "/predict", ROW) == '200 {"prediction":[0]}'


@EACH_SERVER
def test_it_drains_when_the_container_is_stopped(engine: DockerClient, image: str) -> None:
    with running(engine, image, environment={"DRAIN_SECONDS": "2"}) as container:
        started = time.monotonic()
        container.kill("SIGTERM")
        assert ask(container, "GET", "/readyz") == '503 {"status":"draining"}'
        assert container.wait(timeout=20)["StatusCode"] == 0
        assert time.monotonic() - started > 2


@EACH_SERVER
def test_it_ends_with_an_error_that_tells_what_is_wrong(engine: DockerClient, image: str) -> None:
    container = engine.containers.run(image, detach=True, environment={"WORKERS": "many"}, network_mode="none")
    try:
        assert container.wait(timeout=20)["StatusCode"] == 2
        assert container.logs() == b"error: WORKERS='many' is neither a positive whole number nor auto\n"
    finally:
        container.remove(force=True)


def test_predict_answers_the_golden_set(answering: Answering) -> None:
    verdict = replay(answering.http, answering.golden, answering.signature)
    assert verdict.passed, verdict.sentence()


def test_csv_and_npy_are_answered_like_json(answering: Answering) -> None:
    text, array = io.StringIO(), io.BytesIO()
    table = csv.writer(text)
    table.writerow([column.name for column in answering.signature.columns])
    table.writerows(answering.rows())
    np.save(array, answering.tensor())
    for body, kind in ((text.getvalue().encode(), "text/csv"), (array.getvalue(), "application/x-npy")):
        answer = answering.post(body, kind)
        answering.agrees(arrays(answer, answering.signature, len(answering.golden)))


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_open_inference_over_rest_answers_the_golden_set(answering: Answering, binary: bool) -> None:
    client = tritonclient.http.InferenceServerClient(answering.http)
    values = tritonclient.http.InferInput("features", list(answering.tensor().shape), "FP64")
    values.set_data_from_numpy(answering.tensor(), binary_data=binary)
    asked = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in answering.golden.outputs]
    answer = client.infer(answering.signature.model, [values], outputs=asked)
    answering.agrees({name: answer.as_numpy(name) for name in answering.golden.outputs})
    client.close()


def test_open_inference_over_grpc_answers_the_golden_set(answering: Answering) -> None:
    client = tritonclient.grpc.InferenceServerClient(answering.grpc)
    values = tritonclient.grpc.InferInput("features", list(answering.tensor().shape), "FP64")
    values.set_data_from_numpy(answering.tensor())
    answer = client.infer(answering.signature.model, [values])
    answering.agrees({name: answer.as_numpy(name) for name in answering.golden.outputs})
    client.close()


def test_sagemaker_is_told_the_labels_of_the_golden_set(answering: Answering) -> None:
    assert httpx.get(f"http://{answering.http}/ping").status_code == 200
    body = json.dumps({"instances": answering.rows()}).encode()
    answer = answering.post(body, "application/json", "/invocations")
    told = [prediction["predicted_label"] for prediction in answer["predictions"]]
    assert told == answering.golden.outputs["prediction"].tolist()
