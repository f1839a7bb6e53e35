"""Every app in its image, locked down: the golden set passes over every protocol that it speaks."""

import csv
import io
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from docker import DockerClient
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.images.docker import DockerBuilder
from mlship.parity import compare
from mlship.replay import arrays, payload, replay, sendable
from mlship.serving import is_ready
from mlship.signature import Signature

pytestmark = pytest.mark.docker

HTTP, GRPC = "8000/tcp", "8001/tcp"


@dataclass(frozen=True)
class Container:
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


@pytest.fixture(scope="module", params=["asgi", "fastapi", "flask", "django"])
def container(
    request: pytest.FixtureRequest,
    engine: DockerClient,
    base_image: str,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Container]:
    case, folder = cases["numeric"], tmp_path_factory.mktemp("image")
    inputs = case.write(folder) | {"service": scaffolded("numeric", request.param, grpc=True)}
    tag = f"mlship-test/protocols-{request.param}:{os.getpid()}"
    DockerBuilder(tag=tag, base=base_image).run(inputs, folder, lambda message, fraction=None: None)
    started = engine.containers.run(
        tag,
        detach=True,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit="512m",
        environment={"GRPC_PORT": "8001"},
        ports={HTTP: ("127.0.0.1", 0), GRPC: ("127.0.0.1", 0)},
    )
    try:
        yield Container(*_addresses(started), case.golden.take(sendable(case.golden)), case.signature)
    finally:
        started.remove(force=True)
        engine.images.remove(tag, force=True)


def _addresses(started: Any) -> list[str]:
    deadline = time.monotonic() + 40
    while True:
        started.reload()
        ports = [(started.ports.get(port) or [{"HostPort": "0"}])[0]["HostPort"] for port in (HTTP, GRPC)]
        if ports[0] != "0" and is_ready("127.0.0.1", int(ports[0])):
            return [f"127.0.0.1:{port}" for port in ports]
        assert time.monotonic() < deadline, started.logs().decode()
        time.sleep(0.05)


def test_predict_answers_the_golden_set(container: Container) -> None:
    verdict = replay(container.http, container.golden, container.signature)
    assert verdict.passed, verdict.sentence()


def test_csv_and_npy_are_answered_like_json(container: Container) -> None:
    text, array = io.StringIO(), io.BytesIO()
    table = csv.writer(text)
    table.writerow([column.name for column in container.signature.columns])
    table.writerows(container.rows())
    np.save(array, container.tensor())
    for body, kind in ((text.getvalue().encode(), "text/csv"), (array.getvalue(), "application/x-npy")):
        answer = container.post(body, kind)
        container.agrees(arrays(answer, container.signature, len(container.golden)))


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "binary"])
def test_open_inference_over_rest_answers_the_golden_set(container: Container, binary: bool) -> None:
    client = tritonclient.http.InferenceServerClient(container.http)
    values = tritonclient.http.InferInput("features", list(container.tensor().shape), "FP64")
    values.set_data_from_numpy(container.tensor(), binary_data=binary)
    asked = [tritonclient.http.InferRequestedOutput(name, binary_data=binary) for name in container.golden.outputs]
    answer = client.infer(container.signature.model, [values], outputs=asked)
    container.agrees({name: answer.as_numpy(name) for name in container.golden.outputs})
    client.close()


def test_open_inference_over_grpc_answers_the_golden_set(container: Container) -> None:
    client = tritonclient.grpc.InferenceServerClient(container.grpc)
    values = tritonclient.grpc.InferInput("features", list(container.tensor().shape), "FP64")
    values.set_data_from_numpy(container.tensor())
    answer = client.infer(container.signature.model, [values])
    container.agrees({name: answer.as_numpy(name) for name in container.golden.outputs})
    client.close()


def test_sagemaker_is_told_the_labels_of_the_golden_set(container: Container) -> None:
    assert httpx.get(f"http://{container.http}/ping").status_code == 200
    body = json.dumps({"instances": container.rows()}).encode()
    answer = container.post(body, "application/json", "/invocations")
    told = [prediction["predicted_label"] for prediction in answer["predictions"]]
    assert told == container.golden.outputs["prediction"].tolist()
