"""The served code, in process: right requests get right answers, wrong ones a 422 that names the field."""

import json
import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship.parity import compare
from mlship.replay import arrays, payload

IRIS = [5.1, 3.5, 1.4, 0.2]
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
RECORD = dict(zip(NAMES, IRIS, strict=True))
MIXED = [10.5, "Köln", 40, True]
MIXED_NAMES = ["fare paid", "home.dest", "年龄", "member"]
MIXED_RECORD = dict(zip(MIXED_NAMES, MIXED, strict=True))

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def numeric(served: Callable[..., Ask]) -> Ask:
    return served("numeric")


@pytest.fixture(scope="session")
def mixed(served: Callable[..., Ask]) -> Ask:
    return served("mixed")


def refused(answer: tuple[int, Any]) -> tuple[list[Any], str]:
    """Return place and type of the only problem."""
    status, content = answer
    assert status == 422
    [problem] = content["errors"]
    assert problem["detail"]
    return problem["loc"], problem["type"]


@pytest.mark.parametrize("name", ["numeric", "mixed", "texts", "switch"])
@pytest.mark.parametrize("form", ["features", "records"])
def test_every_golden_row_gets_the_answer_of_the_original(
    served: Callable[..., Ask], cases: Mapping[str, Any], name: str, form: str
) -> None:
    case = cases[name]
    rows = payload(case.golden, case.signature, range(len(case.golden)))["features"]
    names = [column.name for column in case.signature.columns]
    body = {"records": [dict(zip(names, row, strict=True)) for row in rows]} if form == "records" else {form: rows}
    status, answer = served(name)("POST", "/predict?outputs=all", body)
    assert status == 200
    verdict = compare(case.golden, arrays(answer, case.signature, len(rows)))
    assert verdict.passed, verdict.sentence()


def test_only_the_prediction_is_answered_unless_asked(numeric: Ask) -> None:
    assert numeric("POST", "/predict", {"features": [IRIS]}) == (200, {"prediction": [0]})


def test_an_output_is_added_by_name(numeric: Ask) -> None:
    status, answer = numeric("POST", "/predict?outputs=probabilities", {"features": [IRIS]})
    assert status == 200
    assert list(answer) == ["prediction", "probabilities"]
    assert sum(answer["probabilities"][0]) == pytest.approx(1.0)


@pytest.mark.parametrize("outputs", ["nonsense", "probabilities,nonsense", "Prediction", "%00", "a" * 5000])
def test_an_unknown_output_is_refused(numeric: Ask, outputs: str) -> None:
    assert refused(numeric("POST", f"/predict?outputs={outputs}", {"features": [IRIS]})) == (
        ["query", "outputs"],
        "enum",
    )


def test_boolean_labels_are_answered_as_booleans(served: Callable[..., Ask]) -> None:
    assert served("switch")("POST", "/predict", {"features": [[-3], [3.0]]}) == (200, {"prediction": [False, True]})


def test_fields_of_a_record_may_come_in_any_order(mixed: Ask) -> None:
    shuffled = dict(reversed(MIXED_RECORD.items()))
    listed = mixed("POST", "/predict?outputs=all", {"features": [MIXED]})
    assert mixed("POST", "/predict?outputs=all", {"records": [shuffled]}) == listed


def test_a_colon_in_a_string_is_no_second_field(mixed: Ask) -> None:
    row = MIXED_RECORD | {"home.dest": 'a: "features": b'}
    assert mixed("POST", "/predict", {"records": [row]})[0] == 200
    assert mixed("POST", "/predict", {"features": [list(row.values())]})[0] == 200


def test_a_model_of_texts_takes_one_text_a_row(served: Callable[..., Ask]) -> None:
    ask = served("texts")
    short, named = (
        ask("POST", "/predict", body)[1] for body in ({"features": [["wine"]]}, {"records": [{"review": "wine"}]})
    )
    assert short == named == {"prediction": [1]}
    assert refused(ask("POST", "/predict", {"features": [[None]]})) == (
        ["body", "features", 0, "review"],
        "string_type",
    )


def test_null_is_a_missing_value_where_the_model_takes_one(mixed: Ask, cases: Mapping[str, Any]) -> None:
    status, answer = mixed("POST", "/predict", {"features": [[None, None, 40, True]]})
    assert status == 200
    assert answer["prediction"][0] in {"ja", "nein"}


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b"", ["body", 0], "json_invalid"),
        (b"{", ["body", 1], "json_invalid"),
        (b'{"features": [[1,2,3,4]]} x', ["body", 26], "json_invalid"),
        (b'{"features": "\xff"}', ["body", 14], "json_invalid"),
        ("\ufeff{}".encode(), ["body", 0], "json_invalid"),
        ('{"features": [[1,2,3,4]]}'.encode("utf-16"), ["body", 0], "json_invalid"),
        (b"[" * 200_000, ["body"], "json_invalid"),
        (b'{"features":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ["body"], "json_invalid"),
        (b"null", ["body"], "dict_type"),
        (b"[[1,2,3,4]]", ["body"], "dict_type"),
        (b"3", ["body"], "dict_type"),
        (b"{}", ["body", "features"], "missing"),
        ({"features": [IRIS], "records": [RECORD]}, ["body", "records"], "extra_forbidden"),
        ({"features": [IRIS], "extra": 1}, ["body", "extra"], "extra_forbidden"),
        (b'{"features": [[1,2,3,4]], "features": [[1,2,3,4]]}', ["body", "features"], "duplicate"),
        (b'{"features": [[1,2,3,4]], "feat\\u0075res": [[1,2,3,4]]}', ["body", "features"], "duplicate"),
        ({"features": None}, ["body", "features"], "list_type"),
        ({"features": {"0": IRIS}}, ["body", "features"], "list_type"),
        ({"features": "abcd"}, ["body", "features"], "list_type"),
        ({"features": []}, ["body", "features"], "too_short"),
        ({"records": []}, ["body", "records"], "too_short"),
        ({"features": [IRIS, 5]}, ["body", "features", 1], "list_type"),
        ({"features": [IRIS, "abcd"]}, ["body", "features", 1], "list_type"),
        ({"features": [IRIS, RECORD]}, ["body", "features", 1], "list_type"),
        ({"features": [IRIS, IRIS[:3]]}, ["body", "features", 1], "too_short"),
        ({"features": [[*IRIS, 1]]}, ["body", "features", 0], "too_long"),
        ({"features": [[[1], [2], [3], [4]]][0]}, ["body", "features", 0], "too_short"),
        ({"records": [RECORD, IRIS]}, ["body", "records", 1], "dict_type"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_wrong_body_is_refused_where_it_is_wrong(numeric: Ask, body: Any, loc: list[Any], kind: str) -> None:
    status, answer = numeric("POST", "/predict", body)
    assert status == (400 if kind == "json_invalid" else 422)
    assert (answer["errors"][0]["loc"], answer["errors"][0]["type"]) == (loc, kind)


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ('"1.5"', "float_type"),
        ('""', "float_type"),
        ("true", "float_type"),
        ("false", "float_type"),
        ("null", "float_type"),
        ("[1]", "float_type"),
        ("{}", "float_type"),
        ("NaN", "finite_number"),
        ("Infinity", "finite_number"),
        ("-Infinity", "finite_number"),
        ("1e999", "finite_number"),
        ("-1e999", "finite_number"),
        ("1" * 309 + "0", "finite_number"),
        ("1" * 400, "finite_number"),
        ("-" + "9" * 5_000, "finite_number"),
        ("[" * 500 + "]" * 500, "float_type"),
    ],
    ids=lambda value: value[:12],
)
def test_what_is_not_a_number_is_named_by_row_and_column(numeric: Ask, cell: str, kind: str) -> None:
    row = f"[5.1, {cell}, 1.4, 0.2]"
    place, found = refused(numeric("POST", "/predict", f'{{"features": [[1,2,3,4], {row}]}}'.encode()))
    assert (place, found) == (["body", "features", 1, "sepal width (cm)"], kind)


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("fare paid", "ten", "float_type"),
        ("fare paid", True, "float_type"),
        ("home.dest", 5, "string_type"),
        ("home.dest", True, "string_type"),
        ("home.dest", ["Köln"], "string_type"),
        ("home.dest", "\uffff", "string_unicode"),
        ("home.dest", "\ud800", "string_unicode"),
        ("年龄", 1.5, "int_from_float"),
        ("年龄", "40", "int_type"),
        ("年龄", None, "int_type"),
        ("年龄", 10**400, "finite_number"),
        ("member", "yes", "bool_type"),
        ("member", 2, "bool_type"),
        ("member", None, "bool_type"),
    ],
)
@pytest.mark.parametrize("form", ["features", "records"])
def test_a_value_of_another_type_is_named(mixed: Ask, form: str, column: str, value: Any, kind: str) -> None:
    record = MIXED_RECORD | {column: value}
    rows = [record] if form == "records" else [list(record.values())]
    assert refused(mixed("POST", "/predict", {form: rows})) == (["body", form, 0, column], kind)


@pytest.mark.parametrize("value", [41.0, 2**53 + 1, -(2**70), 1e300])
def test_a_whole_number_may_be_written_in_any_way(mixed: Ask, value: float) -> None:
    assert mixed("POST", "/predict", {"features": [[10.5, "Köln", value, True]]})[0] == 200


@pytest.mark.parametrize("value", [0, 1, 1.0])
def test_a_boolean_may_be_written_as_zero_or_one(mixed: Ask, value: float) -> None:
    asked = [
        mixed("POST", "/predict?outputs=all", {"features": [[*MIXED[:3], member]]}) for member in (value, bool(value))
    ]
    assert asked[0] == asked[1]
    assert asked[0][0] == 200


def test_a_missing_field_is_named(numeric: Ask) -> None:
    record = {name: value for name, value in RECORD.items() if name != "petal width (cm)"}
    place = ["body", "records", 1, "petal width (cm)"]
    assert refused(numeric("POST", "/predict", {"records": [RECORD, record]})) == (place, "missing")


def test_an_unknown_field_is_named(numeric: Ask) -> None:
    body = {"records": [RECORD | {"petal \ud800": 3}]}
    assert refused(numeric("POST", "/predict", body)) == (["body", "records", 0, "petal \\ud800"], "extra_forbidden")


def test_a_repeated_field_is_named(numeric: Ask) -> None:
    body = json.dumps({"records": [RECORD]}).replace("}]}", ', "sepal width (cm)": 3.5}]}')
    assert refused(numeric("POST", "/predict", body.encode())) == (
        ["body", "records", 0, "sepal width (cm)"],
        "duplicate",
    )


def test_a_field_repeated_in_place_of_another_is_named(numeric: Ask) -> None:
    body = json.dumps({"records": [RECORD]}).replace("petal width (cm)", "sepal width (cm)")
    status, answer = numeric("POST", "/predict", body.encode())
    assert status == 422
    assert {problem["type"] for problem in answer["errors"]} == {"missing", "duplicate"}


def test_every_problem_is_told_up_to_a_limit(numeric: Ask) -> None:
    status, answer = numeric("POST", "/predict", {"features": [["a", "b", "c", "d"]] * 50})
    assert status == 422
    assert len(answer["errors"]) == 20
    assert [problem["loc"][2] for problem in answer["errors"]] == [row for row in range(5) for _ in range(4)]


def test_more_rows_than_allowed_are_refused(served: Callable[..., Ask]) -> None:
    ask = served("numeric", max_rows=3)
    assert ask("POST", "/predict", {"features": [IRIS] * 3})[0] == 200
    assert refused(ask("POST", "/predict", {"features": [IRIS] * 4})) == (["body", "features"], "too_long")
    assert refused(ask("POST", "/predict", {"features": [["x"]] * 4})) == (["body", "features"], "too_long")


def test_a_body_larger_than_allowed_is_413(served: Callable[..., Ask]) -> None:
    ask = served("numeric", max_body_bytes=100)
    status, answer = ask("POST", "/predict", b" " * 101)
    assert status == 413
    assert answer["errors"][0]["type"] == "too_large"
    assert ask("POST", "/predict", b'{"features": [[1,2,3,4]]}' + b" " * 75)[0] == 200


def test_a_large_batch_is_answered_like_a_small_one(numeric: Ask) -> None:
    rows = np.random.default_rng(1).uniform(0, 8, size=(5_000, 4)).tolist()
    status, answer = numeric("POST", "/predict", {"features": rows})
    assert status == 200
    first = numeric("POST", "/predict", {"features": rows[:50]})[1]["prediction"]
    assert answer["prediction"][:50] == first
    assert len(answer["prediction"]) == 5_000


@pytest.mark.parametrize("url", ["/livez", "/readyz"])
def test_probes_answer_ok(numeric: Ask, url: str) -> None:
    assert numeric("GET", url) == (200, {"status": "ok"})


def test_a_model_that_answers_its_example_wrongly_is_not_ready(
    served: Callable[..., Ask], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    text = (tmp_path / "model" / "examples.json").read_text()
    (tmp_path / "model" / "examples.json").write_text(text.replace('"prediction": [0]', '"prediction": [2]'))
    ask = served(tmp_path)
    status, answer = ask("GET", "/readyz")
    assert (status, answer["status"]) == (503, "the golden example is answered wrongly: prediction")
    assert ask("GET", "/livez")[0] == 200
    assert ask("POST", "/predict", {"features": [IRIS]})[0] == 503


def test_the_info_tells_model_versions_threads_and_limits(numeric: Ask, scaffolded: Callable[[str], Path]) -> None:
    import hashlib

    status, info = numeric("GET", "/info")
    content = (scaffolded("numeric") / "model" / "model.onnx").read_bytes()
    assert status == 200
    assert (info["model"], info["threads"]) == ("LogisticRegression", 1)
    assert info["model_sha256"] == hashlib.sha256(content).hexdigest()
    assert info["versions"]["onnxruntime"]
    assert info["limits"].items() >= {"max_body_bytes": 16 * 1024 * 1024, "max_rows": 10_000}.items()


def test_threads_are_those_that_were_measured(
    served: Callable[..., Ask], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    (tmp_path / "model" / "session.json").write_text('{"intra_op_num_threads": 2, "other": true}')
    assert served(tmp_path)("GET", "/info")[1]["threads"] == 2


@pytest.mark.parametrize("name", ["numeric", "mixed", "switch"])
def test_the_openapi_document_describes_the_columns_and_its_examples_are_valid(
    served: Callable[..., Ask], cases: Mapping[str, Any], name: str
) -> None:
    from jsonschema import Draft202012Validator

    ask = served(name)
    document = ask("GET", "/openapi.json")[1]
    operation = document["paths"]["/predict"]["post"]
    content = operation["requestBody"]["content"]["application/json"]
    fields = content["schema"]["oneOf"][1]["properties"]["records"]["items"]["properties"]
    assert list(fields) == [column.name for column in cases[name].signature.columns]
    answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
    for example in content["examples"].values():
        Draft202012Validator(content["schema"]).validate(example["value"])
        Draft202012Validator(answer).validate(ask("POST", "/predict?outputs=all", example["value"])[1])
    assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"]
    Draft202012Validator(document["components"]["schemas"]["Problem"]).validate(
        ask("POST", "/predict", {"features": [["x"]]})[1]
    )


@pytest.mark.parametrize(("url", "status"), [("/predict", 405), ("/nothing", 404)])
def test_what_is_not_there_is_refused(numeric: Ask, url: str, status: int) -> None:
    assert numeric("GET", url)[0] == status


def test_numbers_that_json_cannot_carry_are_answered_as_null(service_code: Callable[[str], Any]) -> None:
    output = service_code("core.runtime.signature").Output("prediction", "number")
    encoder = service_code("core.bodies.encode").Encoder([output])
    values = np.array([1.5, math.nan, math.inf, -math.inf], dtype=np.float32)
    assert json.loads(encoder.encode({"prediction": values})) == {"prediction": [1.5, None, None, None]}


def test_a_number_beyond_float_is_refused_by_a_model_in_float(served: Callable[..., Ask]) -> None:
    ask = served("switch")
    assert ask("POST", "/predict", {"features": [[10**38]]}) == (200, {"prediction": [True]})
    assert refused(ask("POST", "/predict", {"features": [[10**39]]})) == (
        ["body", "features", 0, "x0"],
        "finite_number",
    )


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_not_a_positive_whole_number_is_named(service_code: Callable[[str], Any], value: str) -> None:
    with pytest.raises(ValueError, match=f"MAX_ROWS='{value}'"):
        service_code("core.settings").from_environment({"MAX_ROWS": value})


@pytest.mark.parametrize("name", ["model.onnx", "signature.json"])
@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense"])
def test_a_damaged_model_folder_is_named(
    service_code: Callable[[str], Any],
    scaffolded: Callable[[str], Path],
    tmp_path: Path,
    name: str,
    content: bytes,
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(content)
    model = service_code("core.runtime.model")
    with pytest.raises(model.ModelFolderError, match=name.replace(".", r"\.")):
        model.load(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.onnx", "signature.json"])
def test_a_file_that_is_not_there_is_named(
    service_code: Callable[[str], Any], scaffolded: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    model = service_code("core.runtime.model")
    with pytest.raises(model.ModelFolderError, match=name.replace(".", r"\.")):
        model.load(tmp_path / "model")


def test_a_signature_of_another_model_is_refused(
    service_code: Callable[[str], Any], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    shutil.copytree(scaffolded("numeric") / "model", tmp_path / "model")
    shutil.copyfile(scaffolded("mixed") / "model" / "signature.json", tmp_path / "model" / "signature.json")
    model = service_code("core.runtime.model")
    with pytest.raises(model.ModelFolderError, match="fare paid"):
        model.load(tmp_path / "model")
