"""The image as SageMaker starts it: the argument serve, the environment of the stack, and two routes at port 8080."""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson
import pytest
from docker import DockerClient

from mlship import golden
from mlship.plugins import load
from tests.integration.targets.conftest import Images
from tests.unit.targets.writing import resources

pytestmark = pytest.mark.docker

Ask = Callable[..., tuple[int, str, bytes]]


@pytest.fixture(scope="module")
def ask(engine: DockerClient, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Start the image with what the stack says, and return how to ask it: status, type and body of the answer.

    Source: Amazon SageMaker Developer Guide, "Custom Inference Code with Hosting Services": ``docker run image serve``.
    """
    out = tmp_path_factory.mktemp("sagemaker")
    load("targets", "aws-sagemaker")().run(images.inputs, out, lambda message, fraction=None: None)
    stack = {"stack.yaml": (out / "manifests" / "stack.yaml").read_bytes()}
    environment = resources(stack)["Model"]["PrimaryContainer"]["Environment"]
    container = engine.containers.run(
        images.first, ["serve"], detach=True, environment=environment, ports={"8080/tcp": ("127.0.0.1", None)}
    )

    def asked(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers["content-type"], answer.read()
        finally:
            connection.close()

    try:
        container.reload()
        port = int(container.ports["8080/tcp"][0]["HostPort"])
        _wait(asked, lambda: container.logs().decode())
        yield asked
    finally:
        container.remove(force=True)


def _wait(ask: Ask, log: Callable[[], str]) -> None:
    deadline = time.monotonic() + 40
    while True:
        try:
            if ask("GET", "/ping")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass  # the engine's own end of the port takes connections before the service does
        assert time.monotonic() < deadline, log()
        time.sleep(0.1)


@pytest.fixture(scope="module")
def expected(images: Images) -> tuple[np.ndarray[Any, Any], Mapping[str, Any]]:
    """Return rows without missing values, and what the original model said of them."""
    kept = golden.read(images.inputs["golden"])
    [rows] = kept.inputs.values()
    plain = np.isfinite(rows).all(axis=1)
    return rows[plain], {name: values[plain] for name, values in kept.outputs.items()}


def test_invocations_in_json_are_answered_as_the_model_does(
    ask: Ask, expected: tuple[np.ndarray[Any, Any], Mapping[str, Any]]
) -> None:
    rows, outputs = expected
    body = orjson.dumps({"instances": [{"features": row} for row in rows.tolist()]})
    status, kind, answer = ask("POST", "/invocations", body, content_type="application/json", accept="application/json")
    assert (status, kind) == (200, "application/json")
    found = orjson.loads(answer)["predictions"]
    assert [each["predicted_label"] for each in found] == outputs["prediction"].tolist()
    np.testing.assert_allclose([each["score"] for each in found], outputs["probabilities"], atol=1e-9)


def test_invocations_in_csv_are_answered_as_the_model_does(
    ask: Ask, expected: tuple[np.ndarray[Any, Any], Mapping[str, Any]]
) -> None:
    rows, outputs = expected
    body = "\n".join(",".join(map(repr, row)) for row in rows.tolist()).encode()
    status, kind, answer = ask("POST", "/invocations", body, content_type="text/csv", accept="text/csv")
    assert (status, kind.partition(";")[0]) == (200, "text/csv")
    assert [int(line.split(",")[0]) for line in answer.decode().split()] == outputs["prediction"].tolist()


def test_what_is_no_row_of_the_model_is_refused(ask: Ask) -> None:
    status, _, answer = ask("POST", "/invocations", b'{"instances": [[1.0]]}', content_type="application/json")
    assert status == 422
    assert b"instances" in answer
