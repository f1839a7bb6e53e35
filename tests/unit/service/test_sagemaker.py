"""What SageMaker asks: /ping and /invocations, in the forms that its documentation shows."""

import json
from collections.abc import Callable
from typing import Any

import pytest

IRIS = [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
CSV = {"content-type": "text/csv"}

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def ask(served: Callable[..., Ask]) -> Ask:
    return served("numeric")


@pytest.fixture(scope="module")
def predictions(ask: Ask) -> list[dict[str, Any]]:
    """Return what is expected for IRIS, from POST /predict."""
    _, answer = ask("POST", "/predict?outputs=all", {"features": IRIS})
    pairs = zip(answer["prediction"], answer["probabilities"], strict=True)
    return [{"predicted_label": label, "score": chances} for label, chances in pairs]


def test_a_ready_service_answers_a_ping(ask: Ask) -> None:
    assert ask("GET", "/ping") == (200, {"status": "ok"})


def test_a_ping_needs_no_key(served: Callable[..., Ask]) -> None:
    guarded = served("numeric", api_keys=("secret",))
    assert guarded("GET", "/ping")[0] == 200
    assert guarded("POST", "/invocations", {"instances": IRIS})[0] == 401


@pytest.mark.parametrize(
    "body",
    [
        {"instances": IRIS},
        {"instances": [{"features": row} for row in IRIS]},
        {"instances": [{"data": {"features": {"values": row}}} for row in IRIS]},
        {"instances": [dict(zip(NAMES, row, strict=True)) for row in IRIS]},
        {"features": IRIS},
        {"records": [dict(zip(NAMES, row, strict=True)) for row in IRIS]},
    ],
    ids=["lists", "features", "values", "records", "as /predict, lists", "as /predict, records"],
)
def test_every_form_of_rows_is_answered_by_predictions(ask: Ask, body: Any, predictions: Any) -> None:
    assert ask("POST", "/invocations", body) == (200, {"predictions": predictions})


def test_csv_comes_without_a_header(ask: Ask, predictions: Any) -> None:
    body = "\n".join(",".join(map(str, row)) for row in IRIS).encode()
    assert ask("POST", "/invocations", body, CSV) == (200, {"predictions": predictions})
    assert ask("POST", "/invocations", ",".join(NAMES).encode() + b"\n" + body, CSV)[0] == 422
    named = {"content-type": "text/csv; header=present"}
    assert ask("POST", "/invocations", ",".join(NAMES).encode() + b"\n" + body, named)[0] == 200


@pytest.mark.parametrize("accept", ["text/csv", "text/csv, application/json;q=0.5"])
def test_csv_goes_without_a_header(ask: Ask, accept: str) -> None:
    assert ask("POST", "/invocations", {"instances": IRIS}, {"accept": accept}) == (200, "0\r\n2\r\n")


def test_other_answers_are_refused(ask: Ask) -> None:
    assert ask("POST", "/invocations", {"instances": IRIS}, {"accept": "application/x-npy"})[0] == 406


def test_the_headers_of_sagemaker_are_ignored(ask: Ask, predictions: Any) -> None:
    headers = {"x-amzn-sagemaker-custom-attributes": "c000b4f9", "x-amzn-sagemaker-target-model": "a.tar.gz"}
    assert ask("POST", "/invocations", {"instances": IRIS}, headers) == (200, {"predictions": predictions})


def test_the_score_of_two_classes_is_the_probability_of_the_second(served: Callable[..., Ask]) -> None:
    mixed, row = served("mixed"), [10.5, "Köln", 40, True]
    _, full = mixed("POST", "/predict?outputs=all", {"features": [row]})
    score = {"predicted_label": full["prediction"][0], "score": full["probabilities"][0][1]}
    assert mixed("POST", "/invocations", {"instances": [row]}) == (200, {"predictions": [score]})


def test_labels_keep_their_type(served: Callable[..., Ask]) -> None:
    switch = served("switch")
    labels = [{"predicted_label": False}, {"predicted_label": True}]
    assert switch("POST", "/invocations", {"instances": [[-3], [3]]}) == (200, {"predictions": labels})
    assert switch("POST", "/invocations", b"-3\n3\n", CSV | {"accept": "text/csv"}) == (200, "false\r\ntrue\r\n")


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({"instances": []}, ["body", "instances"], "too_short"),
        ({"instances": {}}, ["body", "instances"], "list_type"),
        ({"instances": None}, ["body", "instances"], "list_type"),
        ({"instances": [5]}, ["body", "instances", 0], "list_type"),
        ({"instances": [IRIS[0], [1, 2, 3]]}, ["body", "instances", 1], "too_short"),
        ({"instances": [IRIS[0], {"a": 1}]}, ["body", "instances", 1], "list_type"),
        ({"instances": [{"features": [1, 2, "x", 4]}]}, ["body", "instances", 0, NAMES[2]], "float_type"),
        ({"instances": [{"features": [1, 2, None, 4]}]}, ["body", "instances", 0, NAMES[2]], "float_type"),
        ({"instances": IRIS, "parameters": {}}, ["body", "parameters"], "extra_forbidden"),
        (b'{"instances": [[1,2,3,4]], "instances": [[1,2,3,4]]}', ["body", "instances"], "duplicate"),
        (
            b'{"instances": [{"features": [1,2,3,4], "features": [1,2,3,4]}]}',
            ["body", "instances", 0, NAMES[0]],
            "missing",
        ),
        (b'{"instances": [[1,2,NaN,4]]}', ["body", "instances", 0, NAMES[2]], "finite_number"),
        ({}, ["body", "features"], "missing"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_wrong_instances_are_named(ask: Ask, body: Any, loc: list[Any], kind: str) -> None:
    status, document = ask("POST", "/invocations", body)
    assert (status, document["errors"][0]["loc"], document["errors"][0]["type"]) == (422, loc, kind)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_bad_request(ask: Ask, body: bytes) -> None:
    assert ask("POST", "/invocations", body)[0] == 400


def test_other_bodies_are_refused(ask: Ask) -> None:
    assert ask("POST", "/invocations", b"", {"content-type": "application/x-recordio-protobuf"})[0] == 415


def test_the_example_of_the_description_is_answered(ask: Ask) -> None:
    _, document = ask("GET", "/openapi.json")
    example = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["example"]
    status, answer = ask("POST", "/invocations", json.loads(json.dumps(example)))
    assert (status, list(answer)) == (200, ["predictions"])
