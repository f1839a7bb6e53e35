"""The service gives the recorded answers, and refuses what is wrong by naming it."""

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from core.runtime.examples import Example, agrees, read
from core.settings import from_environment

MODEL = from_environment(os.environ).model_dir
EXAMPLES = read(MODEL / "examples.json")
COLUMNS = json.loads((MODEL / "signature.json").read_bytes())["columns"]

Call = Callable[..., tuple[int, Any]]


def body_with(cell: object) -> dict[str, Any]:
    """Return a right body whose first cell is replaced."""
    row = [cell, *EXAMPLES[0].features["features"][0][1:]]
    return {"features": [row]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
@pytest.mark.parametrize("form", ["features", "records"])
def test_a_golden_example_gives_the_recorded_answer(call: Call, example: Example, form: str) -> None:
    status, answer = call("POST", "/predict?outputs=all", getattr(example, form))
    assert status == 200
    assert answer.keys() == example.answer.keys()
    assert [name for name, expected in example.answer.items() if not agrees(expected, answer[name])] == []


def test_the_prediction_is_all_that_is_answered_unless_more_is_asked_for(call: Call) -> None:
    status, answer = call("POST", "/predict", EXAMPLES[0].features)
    assert status == 200
    assert len(answer) == 1


def test_an_unknown_output_is_refused(call: Call) -> None:
    status, answer = call("POST", "/predict?outputs=nonsense", EXAMPLES[0].features)
    assert status == 422
    assert answer["errors"][0]["loc"] == ["query", "outputs"]


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"[" * 100_000], ids=lambda body: repr(body)[:30])
def test_a_body_that_is_not_json_is_refused(call: Call, body: bytes) -> None:
    status, answer = call("POST", "/predict", body)
    assert status == 400
    assert answer["errors"][0]["loc"][0] == "body"


@pytest.mark.parametrize(
    "body",
    [
        b'{"features": [[NaN]]}',
        [],
        {},
        {"features": []},
        {"features": [[]]},
        {"features": {}},
        {"features": [1]},
        {"records": [{}]},
        {"records": [[]]},
        {"features": [], "records": []},
    ],
    ids=lambda body: repr(body)[:30],
)
def test_a_wrong_body_is_refused(call: Call, body: object) -> None:
    status, answer = call("POST", "/predict", body)
    assert status == 422
    assert answer["errors"][0]["loc"][0] == "body"


@pytest.mark.parametrize("cell", [[], {}, [[1]], "\uffff"], ids=repr)
def test_a_wrong_cell_is_named(call: Call, cell: object) -> None:
    status, answer = call("POST", "/predict", body_with(cell))
    assert status == 422
    assert answer["errors"][0]["loc"] == ["body", "features", 0, COLUMNS[0]["name"]]


def test_a_value_of_another_type_is_named(call: Call) -> None:
    cell: object = 1.5 if COLUMNS[0]["type"] in {"string", "boolean"} else "a word"
    status, answer = call("POST", "/predict", body_with(cell))
    assert status == 422
    assert answer["errors"][0]["loc"] == ["body", "features", 0, COLUMNS[0]["name"]]


def test_a_record_with_an_unknown_field_is_refused(call: Call) -> None:
    record = EXAMPLES[0].records["records"][0] | {"no such field": 1}
    status, answer = call("POST", "/predict", {"records": [record]})
    assert status == 422
    assert answer["errors"][0]["loc"] == ["body", "records", 0, "no such field"]


@pytest.mark.parametrize("url", ["/livez", "/readyz"])
def test_the_service_is_alive_and_ready(call: Call, url: str) -> None:
    assert call("GET", url) == (200, {"status": "ok"})


def test_the_metrics_name_what_was_answered(call: Call) -> None:
    call("POST", "/predict", EXAMPLES[0].features)
    status, page = call("GET", "/metrics")
    assert status == 200
    assert "/predict" in page


@pytest.mark.parametrize(("method", "url", "expected"), [("GET", "/predict", 405), ("GET", "/nothing", 404)])
def test_what_is_not_there_is_refused_with_a_problem_document(call: Call, method: str, url: str, expected: int) -> None:
    status, answer = call(method, url)
    assert (status, answer["status"]) == (expected, expected)


def test_the_openapi_document_names_the_columns(call: Call) -> None:
    status, document = call("GET", "/openapi.json")
    schema = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    records = schema["oneOf"][1]["properties"]["records"]["items"]
    assert status == 200
    assert list(records["properties"]) == [column["name"] for column in COLUMNS]


def test_the_info_tells_the_model(call: Call) -> None:
    status, info = call("GET", "/info")
    assert status == 200
    assert len(info["model_sha256"]) == 64
