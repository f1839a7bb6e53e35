"""The Lambda function in its image, driven by Lambda's own runtime interface client against a small runtime API."""

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

pytest.importorskip("awslambdaric", reason="no awslambdaric, the client through which Lambda starts functions")

from benchmarks.deploy import lambda_start
from benchmarks.deploy.lambda_start import RuntimeApi
from tests.integration.targets.conftest import Images

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def runtime(engine: DockerClient, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeApi]:
    """Start a service as Lambda starts it."""
    tag = f"mlship-test/lambda:{os.getpid()}"
    lambda_start.build(engine, images.inputs, tmp_path_factory.mktemp("lambda"), tag)
    try:
        with lambda_start.started(engine, tag) as (api, _):
            yield api
    finally:
        engine.images.remove(tag, force=True)


def event(
    method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None, query: str = ""
) -> dict[str, Any]:
    """Return an event as a function URL makes it: a body of bytes is in base64."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.7"}, "stage": "$default"},
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": isinstance(body, bytes),
    }


@pytest.fixture(scope="module")
def example(scaffolded: Callable[..., Path]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((scaffolded("numeric") / "model" / "examples.json").read_bytes())["examples"][0]
    return found


@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "base64"])
def test_it_answers_as_the_service_does(
    encode: Callable[[str], Any], runtime: RuntimeApi, example: dict[str, Any], served: Callable[..., Any]
) -> None:
    said, answer = runtime.ask(event("POST", "/predict", encode(json.dumps(example["features"]))))
    assert (said, answer["statusCode"], answer["isBase64Encoded"]) == ("response", 200, False)
    assert json.loads(answer["body"]) == served("numeric")("POST", "/predict", example["features"])[1]
    assert answer["headers"]["content-type"] == "application/json"


def test_the_query_is_heeded(runtime: RuntimeApi, example: dict[str, Any]) -> None:
    body = json.dumps(example["features"])
    _, answer = runtime.ask(event("POST", "/predict", body, query="outputs=all"))
    assert "probabilities" in json.loads(answer["body"])


def test_csv_goes_in_and_binary_answers_come_in_base64(runtime: RuntimeApi, example: dict[str, Any]) -> None:
    line = ",".join(map(str, example["features"]["features"][0])).encode()
    headers = {"content-type": "text/csv", "accept": "application/x-npy"}
    _, answer = runtime.ask(event("POST", "/predict", line, headers))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert base64.b64decode(answer["body"]).startswith(b"\x93NUMPY")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/readyz", None, 200),
        ("GET", "/predict", None, 405),
        ("GET", "/absent", None, 404),
        ("POST", "/predict", "{", 400),
        ("POST", "/predict", '{"features": [[1]]}', 422),
        ("POST", "/predict", json.dumps({"features": [[1, 2, 3, 4]] * 10_001}), 422),
    ],
    ids=["ready", "another method", "another path", "no JSON", "a short row", "too many rows"],
)
def test_what_is_refused_is_refused_by_the_service(
    method: str, path: str, body: str | None, status: int, runtime: RuntimeApi
) -> None:
    said, answer = runtime.ask(event(method, path, body))
    assert (said, answer["statusCode"]) == ("response", status)


def test_an_event_that_is_no_request_is_an_error_and_the_function_goes_on(runtime: RuntimeApi) -> None:
    said, answer = runtime.ask({"source": "aws.events"})
    assert said == "error"
    assert "no HTTP request" in answer["errorMessage"]
    assert runtime.ask(event("GET", "/livez"))[1]["statusCode"] == 200
