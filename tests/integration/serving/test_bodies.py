"""Bodies and answers that are not JSON, and SageMaker's routes, through a real server of each framework."""

import http.client
import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest

from mlship.serving import Running

FRAMEWORKS = ("asgi", "fastapi", "flask", "django")
NPY, CSV, ARROW = "application/x-npy", "text/csv", "application/vnd.apache.arrow.stream"
IRIS = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0], [4.9, 3.1, 1.5, 0.1]])
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]


@pytest.fixture(scope="module", params=FRAMEWORKS)
def service(request: pytest.FixtureRequest, start: Callable[..., Running]) -> Running:
    return start("numeric", request.param)


def ask(service: Running, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
    """Return status, type and content of an answer."""
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=20)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body or None, told)
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], answer.read()
    finally:
        connection.close()


def bodies(rows: Any) -> Mapping[str, bytes]:
    array, stream = io.BytesIO(), pa.BufferOutputStream()
    np.save(array, rows)
    table = pa.table(dict(zip(NAMES, rows.T, strict=True)))
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    text = "\n".join(",".join(map(repr, row)) for row in rows.tolist())
    return {NPY: array.getvalue(), CSV: text.encode(), ARROW: stream.getvalue().to_pybytes()}


@pytest.mark.parametrize("kind", [NPY, CSV, ARROW])
@pytest.mark.parametrize("times", [1, 1000], ids=["few rows", "many rows"])
def test_a_body_of_any_type_is_answered_as_json_is(service: Running, kind: str, times: int) -> None:
    rows = np.tile(IRIS, (times, 1))
    expected = ask(service, "POST", "/predict?outputs=all", json.dumps({"features": rows.tolist()}).encode())
    assert expected[0] == 200
    assert ask(service, "POST", "/predict?outputs=all", bodies(rows)[kind], content_type=kind) == expected


@pytest.mark.parametrize("kind", [NPY, CSV, ARROW])
def test_a_wrong_value_is_named_whatever_it_came_in(service: Running, kind: str) -> None:
    rows = IRIS.copy()
    rows[1, 2] = np.inf
    status, form, content = ask(service, "POST", "/predict", bodies(rows)[kind], content_type=kind)
    [problem] = json.loads(content)["errors"]
    assert (status, form, problem["row"], problem["field"]) == (422, "application/problem+json", 1, NAMES[2])


def test_the_answer_is_of_the_type_that_is_asked_for(service: Running) -> None:
    body = json.dumps({"features": IRIS.tolist()}).encode()
    status, form, content = ask(service, "POST", "/predict", body, accept=NPY)
    assert (status, form) == (200, NPY)
    assert np.load(io.BytesIO(content)).tolist() == [0, 2, 0]
    status, form, content = ask(service, "POST", "/predict", body, accept=CSV)
    assert (status, form.partition(";")[0], content) == (200, CSV, b"prediction\r\n0\r\n2\r\n0\r\n")
    status, form, content = ask(service, "POST", "/predict", body, accept=ARROW)
    assert (status, form) == (200, ARROW)
    assert pa.ipc.open_stream(content).read_all().to_pydict() == {"prediction": [0, 2, 0]}
    assert ask(service, "POST", "/predict", body, accept="image/png")[0] == 406


def test_sagemaker_is_answered(service: Running) -> None:
    assert ask(service, "GET", "/ping")[0] == 200
    rows = json.dumps({"instances": IRIS.tolist()}).encode()
    status, _, content = ask(service, "POST", "/invocations", rows, content_type="application/json")
    assert (status, [row["predicted_label"] for row in json.loads(content)["predictions"]]) == (200, [0, 2, 0])
    status, _, content = ask(service, "POST", "/invocations", bodies(IRIS)[CSV], content_type=CSV, accept=CSV)
    assert (status, content) == (200, b"0\r\n2\r\n0\r\n")


def test_a_body_of_another_type_is_refused(service: Running) -> None:
    assert ask(service, "POST", "/predict", b"x", content_type="application/x-recordio-protobuf")[0] == 415
