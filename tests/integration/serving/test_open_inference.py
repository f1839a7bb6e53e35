"""Clients of the Open Inference Protocol get the answers of POST /predict, in the form that is published."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import numpy as np
import pytest
import tritonclient.http as triton
import yaml
from numpy.typing import NDArray

from mlship.serving import Running
from tests.open_inference_support import OF_TYPE, by_column, by_tensor, features, sample

CASES = ("numeric", "mixed", "switch")
FRAMEWORKS = ("asgi", "fastapi", "flask", "django")
SCHEMAS = Path(__file__).parents[4] / "shared" / "schemas" / "open-inference-protocol.openapi.yaml"
NUMPY = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}

Start = Callable[..., Running]


@pytest.fixture(scope="module", params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """The name of a case."""
    return str(request.param)


@pytest.fixture
def client(start: Start, name: str) -> Iterator[Any]:
    """A client of the service of the case."""
    with triton.InferenceServerClient(start(name, MODEL_NAME="m").url.removeprefix("http://")) as client:
        yield client


def ask(start: Start, name: str, method: str, path: str, body: Any = None) -> Any:
    """Ask the service of a case; returns the JSON of its answer."""
    connection = http.client.HTTPConnection(urlsplit(start(name, MODEL_NAME="m").url).netloc, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def array(given: Mapping[str, Any]) -> NDArray[Any]:
    """Return the data of an input as clients hold them: no value for what is missing is NaN or ""."""
    missing = "" if given["datatype"] == "BYTES" else np.nan
    values = [missing if value is None else value for value in given["data"]]
    return np.array(values, dtype=NUMPY[given["datatype"]]).reshape(given["shape"])


def tensor(given: Mapping[str, Any], *, binary: bool) -> Any:
    """Return an input as the client takes it."""
    made = triton.InferInput(given["name"], given["shape"], given["datatype"])
    return made.set_data_from_numpy(array(given), binary_data=binary)


def complete(case: Any) -> Any:
    """Return rows without missing strings, which binary data cannot say, nor missing numbers, which JSON cannot."""
    golden = sample(case, 40)
    whole = np.ones(len(golden), dtype=bool)
    for given in by_tensor(case, golden):
        whole &= np.array([value is not None for value in given["data"]]).reshape(len(golden), -1).all(axis=1)
    return golden.take(whole)


def test_the_client_finds_server_and_model_ready(client: Any) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("m")
    assert not client.is_model_ready("other")


@pytest.mark.parametrize("form", [by_tensor, by_column])
@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_golden_rows_get_the_answers_of_predict(
    start: Start, cases: Mapping[str, Any], client: Any, name: str, form: Callable[..., Any], binary: bool
) -> None:
    case = cases[name]
    golden = complete(case)
    expected = ask(start, name, "POST", "/predict?outputs=all", features(case, golden))
    outputs = [triton.InferRequestedOutput(output.name, binary_data=binary) for output in case.signature.outputs]
    inputs = [tensor(given, binary=binary) for given in form(case, golden)]
    result = client.infer("m", inputs, outputs=outputs, request_id="one")
    assert result.get_response()["id"] == "one"
    for output in case.signature.outputs:
        found = result.as_numpy(output.name)
        assert found.dtype == NUMPY[OF_TYPE[output.type][0]]
        texts = [value.decode() if isinstance(value, bytes) else value for value in found.ravel().tolist()]
        assert np.array(texts, dtype=object).reshape(found.shape).tolist() == expected[output.name]


def test_all_outputs_are_binary_where_none_is_named(cases: Mapping[str, Any], client: Any, name: str) -> None:
    case = cases[name]
    golden = complete(case)
    result = client.infer("m", [tensor(given, binary=True) for given in by_tensor(case, golden)])
    assert result.as_numpy("prediction").shape == (len(golden),)
    assert all("binary_data_size" in output["parameters"] for output in result.get_response()["outputs"])


def test_an_error_reaches_the_client_in_words(client: Any, name: str) -> None:
    wrong = triton.InferInput("x", [1], "FP64").set_data_from_numpy(np.ones(1))
    with pytest.raises(triton.InferenceServerException, match="there is no such input; there is: ") as error:
        client.infer("m", [wrong])
    assert error.value.status() == "400"


@pytest.fixture(scope="module")
def published() -> Callable[[str, Any], None]:
    """Return a function that holds an answer against a schema that the protocol publishes."""
    if not SCHEMAS.exists():
        pytest.skip(f"the published schemas are not at {SCHEMAS}")
    schemas = yaml.safe_load(SCHEMAS.read_text("utf-8"))["components"]

    def check(name: str, answer: Any) -> None:
        jsonschema.Draft4Validator({"$ref": f"#/components/schemas/{name}", "components": schemas}).validate(answer)

    return check


def test_metadata_are_as_published(start: Start, published: Callable[[str, Any], None], name: str) -> None:
    published("metadata_server_response", ask(start, name, "GET", "/v2/"))
    published("metadata_model_response", ask(start, name, "GET", "/v2/models/m"))
    published("metadata_model_error_response", ask(start, name, "GET", "/v2/models/other"))


def test_requests_and_answers_are_as_published(
    start: Start, cases: Mapping[str, Any], published: Callable[[str, Any], None], name: str
) -> None:
    request = {"id": "1", "inputs": by_tensor(cases[name], complete(cases[name])), "outputs": [{"name": "prediction"}]}
    published("inference_request", request)
    published("inference_response", ask(start, name, "POST", "/v2/models/m/infer", request))
    published("inference_error_response", ask(start, name, "POST", "/v2/models/m/infer", {}))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_framework_passes_binary_data_on(start: Start, framework: str) -> None:
    url = start("numeric", framework, MODEL_NAME="m").url.removeprefix("http://")
    row = triton.InferInput("features", [1, 4], "FP32").set_data_from_numpy(
        np.array([[5.1, 3.5, 1.4, 0.2]], np.float32)
    )
    with triton.InferenceServerClient(url) as client:
        assert client.infer("m", [row]).as_numpy("prediction").tolist() == [0]
