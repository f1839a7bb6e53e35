"""The Open Inference Protocol over REST: what is answered, and what is refused."""

import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.open_inference_support import OF_TYPE, by_column, by_tensor, features, sample

CASES = ("numeric", "mixed", "texts", "switch")
NAMES = {"numeric": "iris", "mixed": "passengers", "texts": "reviews", "switch": "switch"}
IRIS = "/v2/models/iris/infer"
ROW = [5.1, 3.5, 1.4, 0.2]
INPUT = {"name": "features", "shape": [1, 4], "datatype": "FP64", "data": ROW}
COLUMNS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
NUMERIC = {"BOOL", *(f"{kind}{bits}" for kind in ("INT", "UINT") for bits in (8, 16, 32, 64)), "FP16", "FP32", "FP64"}
HEADER = "inference-header-content-length"

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="session")
def ask(served: Callable[..., Ask]) -> Callable[[str], Ask]:
    """Return a function that returns how to ask the service of a case, each with a model name of its own."""
    made: dict[str, Ask] = {}

    def get(name: str) -> Ask:
        return made.setdefault(name, made.get(name) or served(name, model_name=NAMES[name], model_version="7"))

    return get


def infer(ask: Ask, name: str, inputs: list[dict[str, Any]], **request: Any) -> dict[str, dict[str, Any]]:
    """Infer, and return the outputs by name."""
    status, answer = ask("POST", f"/v2/models/{NAMES[name]}/infer", {"inputs": inputs, **request})
    assert status == 200, answer
    return {output["name"]: output for output in answer["outputs"]}


def test_the_server_says_who_it_is(ask: Callable[[str], Ask]) -> None:
    told = {"name": "iris", "version": "7", "extensions": ["binary_tensor_data"]}
    assert ask("numeric")("GET", "/v2") == ask("numeric")("GET", "/v2/") == (200, told)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/iris/ready",
        "/v2/models/iris/versions/7/ready",
    ],
)
def test_health_is_told_to_everybody(served: Callable[..., Ask], path: str) -> None:
    guarded = served("numeric", model_name="iris", model_version="7", api_keys=("secret",))
    assert guarded("GET", path)[0] == 200
    assert guarded("GET", "/v2/models/iris")[0] == 401


def test_the_name_of_a_model_can_stand_in_a_path_as_it_is(served: Callable[..., Ask]) -> None:
    assert served("mixed")("GET", "/v2/models/Pipeline-ColumnTransformer-LogisticRegression")[0] == 200


@pytest.mark.parametrize("state", ["starting", "draining"])
@pytest.mark.parametrize("path", ["/v2/health/ready", "/v2/models/iris/ready"])
def test_a_service_is_ready_neither_before_all_workers_serve_nor_once_it_is_told_to_end(
    served: Callable[..., Ask], tmp_path: Any, path: str, state: str
) -> None:
    ask = served("numeric", model_name="iris", shared_dir=tmp_path)
    (tmp_path / state).touch()
    assert ask("GET", path) == (503, {"ready": False, "error": state})
    assert ask("GET", "/v2/health/live")[0] == 200


def test_metadata_describe_a_matrix(ask: Callable[[str], Ask]) -> None:
    status, told = ask("numeric")("GET", "/v2/models/iris/versions/7")
    assert status == 200
    assert told == ask("numeric")("GET", "/v2/models/iris")[1]
    assert told["versions"] == ["7"]
    assert told["platform"] == "onnxruntime_onnx"
    assert told["inputs"] == [{"name": "features", "datatype": "FP64", "shape": [-1, 4]}]
    assert told["outputs"] == [
        {"name": "prediction", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP64", "shape": [-1, 3]},
    ]
    assert json.loads(told["properties"]["columns"]) == list(COLUMNS)
    assert json.loads(told["properties"]["classes"]) == [0, 1, 2]


def test_metadata_describe_each_column_of_a_frame(ask: Callable[[str], Ask]) -> None:
    told = ask("mixed")("GET", "/v2/models/passengers")[1]
    assert {item["name"]: item["datatype"] for item in told["inputs"]} == {
        "fare paid": "FP64",
        "home.dest": "BYTES",
        "年龄": "INT64",
        "member": "BOOL",
    }
    assert told["outputs"][0] == {"name": "prediction", "datatype": "BYTES", "shape": [-1]}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("model", ["other", "iris/versions/8", "iris/versions/7 "])
def test_a_model_that_is_not_there_is_not_found(ask: Callable[[str], Ask], method: str, model: str) -> None:
    path = f"/v2/models/{model}" + ("/infer" if method == "POST" else "")
    status, answer = ask("numeric")(method, path, {"inputs": [INPUT]} if method == "POST" else None)
    assert status == 404
    assert "there is: " in answer["error"]


@pytest.mark.parametrize("form", [by_tensor, by_column])
@pytest.mark.parametrize("name", CASES)
def test_rows_get_the_answers_of_predict(
    cases: Mapping[str, Any], ask: Callable[[str], Ask], name: str, form: Callable[..., Any]
) -> None:
    case, golden = cases[name], sample(cases[name])
    expected = ask(name)("POST", "/predict?outputs=all", features(case, golden))[1]
    found = infer(ask(name), name, form(case, golden))
    assert list(found) == [output.name for output in case.signature.outputs]
    for output in case.signature.outputs:
        told = found[output.name]
        assert told["datatype"] == OF_TYPE[output.type][0]
        assert told["shape"] == list(np.shape(expected[output.name]))
        assert told["data"] == np.array(expected[output.name], dtype=object).ravel().tolist()


def test_data_may_be_a_list_of_rows(ask: Callable[[str], Ask]) -> None:
    flat = infer(ask("numeric"), "numeric", [{**INPUT, "shape": [2, 4], "data": ROW + ROW[::-1]}])
    assert flat == infer(ask("numeric"), "numeric", [{**INPUT, "shape": [2, 4], "data": [ROW, ROW[::-1]]}])


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_one_column_needs_no_second_dimension(ask: Callable[[str], Ask], shape: list[int]) -> None:
    given = {"name": "features", "shape": shape, "datatype": "INT64", "data": [-1, 1]}
    assert infer(ask("switch"), "switch", [given])["prediction"]["data"] == [False, True]


@pytest.mark.parametrize("datatype", sorted(NUMERIC))
def test_numbers_may_be_of_any_datatype(ask: Callable[[str], Ask], datatype: str) -> None:
    data = [False, True] if datatype == "BOOL" else [0, 1]
    given = {"name": "x0", "shape": [2], "datatype": datatype, "data": data}
    assert infer(ask("switch"), "switch", [given])["prediction"]["data"] == [False, True]


@pytest.mark.parametrize("datatype", sorted(NUMERIC))
def test_binary_numbers_may_be_of_any_datatype(ask: Callable[[str], Ask], datatype: str) -> None:
    dtype = {"BOOL": "|b1"}.get(datatype) or datatype.lower().replace("fp", "float")
    data = np.array([0, 1], dtype=np.dtype(dtype).newbyteorder("<")).tobytes()
    given = {"name": "x0", "shape": [2], "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
    status, answer = binary(ask("switch"), "switch", {"inputs": [given]}, data)
    assert status == 200, answer
    assert answer["outputs"][0]["data"] == [False, True]


def binary(ask: Ask, name: str, request: Any, data: bytes, length: object = None) -> tuple[int, Any]:
    """Infer with binary data behind the JSON; ``length`` is what the header says, None: what is right."""
    text = json.dumps(request).encode()
    headers = {HEADER: str(len(text) if length is None else length)}
    return ask("POST", f"/v2/models/{NAMES[name]}/infer", text + data, headers)


def test_binary_strings_have_their_length_before_them(cases: Mapping[str, Any], ask: Callable[[str], Ask]) -> None:
    case, golden = cases["texts"], sample(cases["texts"])
    [given] = by_tensor(case, golden)
    texts = [text.encode() for text in given.pop("data")]
    data = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    status, answer = binary(
        ask("texts"), "texts", {"inputs": [{**given, "parameters": {"binary_data_size": len(data)}}]}, data
    )
    assert status == 200
    assert answer["outputs"][0]["data"] == golden.outputs["prediction"].tolist()


def test_outputs_are_those_that_are_asked_for_in_that_order(ask: Callable[[str], Ask]) -> None:
    outputs = [{"name": "probabilities"}, {"name": "prediction"}]
    assert list(infer(ask("numeric"), "numeric", [INPUT], outputs=outputs)) == ["probabilities", "prediction"]


def test_probabilities_name_their_classes(ask: Callable[[str], Ask]) -> None:
    found = infer(ask("numeric"), "numeric", [INPUT])
    assert json.loads(found["probabilities"]["parameters"]["classes"]) == [0, 1, 2]
    assert "parameters" not in found["prediction"]


def test_the_id_of_a_request_comes_back(ask: Callable[[str], Ask]) -> None:
    status, answer = ask("numeric")("POST", IRIS, {"id": "4:2", "inputs": [INPUT]})
    assert (status, answer["id"]) == (200, "4:2")
    assert (answer["model_name"], answer["model_version"]) == ("iris", "7")
    assert "id" not in ask("numeric")("POST", IRIS, {"inputs": [INPUT]})[1]


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "application/json; charset=utf-8"])
def test_a_body_may_be_called_json_or_bytes(ask: Callable[[str], Ask], kind: str) -> None:
    assert ask("numeric")("POST", IRIS, {"inputs": [INPUT]}, {"content-type": kind})[0] == 200


def mixed_row(**cells: Any) -> list[dict[str, Any]]:
    """Return a row of the frame, one input for each column."""
    row = {"fare paid": ("FP64", 7.5), "home.dest": ("BYTES", "Köln"), "年龄": ("INT64", 40), "member": ("BOOL", True)}
    pairs = {name: (datatype, cells.get(name.split()[0], value)) for name, (datatype, value) in row.items()}
    return [{"name": n, "shape": [1, 1], "datatype": d, "data": [v]} for n, (d, v) in pairs.items()]


def test_null_is_a_missing_value_where_the_column_may_have_one(ask: Callable[[str], Ask]) -> None:
    rows = {"features": [[None, "Köln", 40, True]]}
    expected = ask("mixed")("POST", "/predict", rows)[1]["prediction"]
    assert infer(ask("mixed"), "mixed", mixed_row(fare=None))["prediction"]["data"] == expected


def test_binary_nan_is_a_missing_value_where_the_column_may_have_one(ask: Callable[[str], Ask]) -> None:
    inputs = mixed_row()
    inputs[0] = {**inputs[0], "parameters": {"binary_data_size": 8}}
    del inputs[0]["data"]
    status, answer = binary(ask("mixed"), "mixed", {"inputs": inputs}, struct.pack("<d", np.nan))
    assert status == 200
    expected = infer(ask("mixed"), "mixed", mixed_row(fare=None))
    assert {output["name"]: output for output in answer["outputs"]} == expected


def columns(**changed: Any) -> list[dict[str, Any]]:
    made = [{"name": name, "shape": [1], "datatype": "FP64", "data": [x]} for name, x in zip(COLUMNS, ROW, strict=True)]
    made[3].update(changed)
    return made


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ([], "body: an object is expected, not a list"),
        ({}, "body.features: this input is missing"),
        ({"inputs": []}, "body.features: this input is missing"),
        ({"inputs": {}}, "body.inputs: a list is expected, not an object"),
        ({"inputs": [1]}, "body.inputs.0: an object is expected, not 1"),
        ({"inputs": [{}]}, "body.inputs.0.name: a string is expected, not null"),
        ({"inputs": [INPUT], "id": 7}, "body.id: a string is expected, not 7"),
        ({"inputs": [INPUT], "parameters": []}, "body.parameters: an object is expected"),
        ({"inputs": [INPUT], "parameters": {"binary_data_output": 1}}, "binary_data_output: true or false is expected"),
        ({"inputs": [INPUT], "outputs": "all"}, "body.outputs: a list is expected, not 'all'"),
        ({"inputs": [INPUT], "outputs": [{"name": "x"}]}, "there is no output 'x'; there is: prediction, prob"),
        ({"inputs": [INPUT], "outputs": [{"name": "prediction"}] * 2}, "'prediction' is asked for more than once"),
        (
            {"inputs": [INPUT], "outputs": [{"name": "probabilities", "parameters": {"classification": 2}}]},
            "'classification' is not supported",
        ),
        ({"inputs": [{**INPUT, "parameters": {"shared_memory_region": "a"}}]}, "'shared_memory_region' is not supp"),
        ({"inputs": [INPUT, INPUT]}, "body.features: this input is given more than once"),
        ({"inputs": [{**INPUT, "name": "input-0"}]}, "body.input-0: there is no such input; there is: features"),
        ({"inputs": columns()[:3]}, "body.petal width (cm): this input is missing"),
        ({"inputs": columns(shape=[2], data=[1, 2])}, "body.petal width (cm).shape: 1 rows are expected, as many as"),
        ({"inputs": columns(data=["x"])}, "body.petal width (cm).0.petal width (cm): a number is expected, not 'x'"),
        ({"inputs": columns(data=[None])}, "body.petal width (cm).0.petal width (cm): a number is expected, and null"),
        ({"inputs": [{**INPUT, "shape": "4"}]}, "body.features.shape: a list of whole numbers is expected, not '4'"),
        ({"inputs": [{**INPUT, "shape": [1, 4.0]}]}, "body.features.shape: a list of whole numbers is expected"),
        ({"inputs": [{**INPUT, "shape": [True, 4]}]}, "body.features.shape: a list of whole numbers is expected"),
        ({"inputs": [{**INPUT, "shape": []}]}, "the shape [rows, 4] is expected, not []"),
        ({"inputs": [{**INPUT, "shape": [4]}]}, "the shape [rows, 4] is expected, not [4]"),
        ({"inputs": [{**INPUT, "shape": [-1, 4]}]}, "the shape [rows, 4] is expected, not [-1, 4]"),
        ({"inputs": [{**INPUT, "shape": [1, 1, 4]}]}, "the shape [rows, 4] is expected, not [1, 1, 4]"),
        ({"inputs": [{**INPUT, "shape": [0, 4], "data": []}]}, "0 rows in one request, 1 to 10000 are allowed"),
        ({"inputs": [{**INPUT, "shape": [10**18, 4]}]}, "rows in one request, 1 to 10000 are allowed"),
        ({"inputs": [{**INPUT, "shape": [10**30, 4]}]}, "body.features.shape: "),
        ({"inputs": [{**INPUT, "data": ROW[:3]}]}, "data: 4 values are expected for the shape [1, 4], found 3"),
        ({"inputs": [{**INPUT, "data": [*ROW, 1]}]}, "data: 4 values are expected for the shape [1, 4], found 5"),
        ({"inputs": [{**INPUT, "data": [ROW, ROW]}]}, "data: 1 rows are expected for the shape [1, 4], found 2"),
        ({"inputs": [{**INPUT, "data": [ROW[:3]]}]}, "body.features.0: a list of 4 values is expected, not one of 3"),
        ({"inputs": [{**INPUT, "data": [[ROW]]}]}, "body.features.0: a list of 4 values is expected, not one of 1"),
        ({"inputs": [{**INPUT, "data": None}]}, "body.features.data: a list is expected, not null"),
        ({"inputs": [{**INPUT, "datatype": "FP99"}]}, "body.features.datatype: BOOL or UINT8 or"),
        ({"inputs": [{**INPUT, "datatype": "BYTES"}]}, "FP64 is expected, not 'BYTES'"),
        ({"inputs": [{**INPUT, "datatype": 1}]}, "body.features.datatype: a string is expected, not 1"),
        ({"inputs": [{**INPUT, "data": [5.1, 3.5, True, 0.2]}]}, "0.petal length (cm): a number is expected, not true"),
        ({"inputs": [{**INPUT, "datatype": "UINT8", "data": [1, 2, 3, 256]}]}, "a value of UINT8 is expected, not 256"),
        ({"inputs": [{**INPUT, "datatype": "INT32"}]}, "0.sepal length (cm): a value of INT32 is expected, not 5.1"),
        ({"inputs": [{**INPUT, "datatype": "BOOL", "data": [1, 0, 1, 2]}]}, "a value of BOOL is expected, not 2"),
        ({"inputs": [{**INPUT, "data": [5.1, 3.5, 10**400, 0.2]}]}, "petal length (cm): the number is beyond 1.798e+"),
        ({"inputs": [{**INPUT, "data": [5.1, 3.5, float("nan"), 0.2]}]}, "NaN is not JSON"),
        ({"inputs": [{**INPUT, "data": [5.1, 3.5, float("inf"), 0.2]}]}, "petal length (cm): the number is beyond"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(ask: Callable[[str], Ask], request_: Any, told: str) -> None:
    status, answer = ask("numeric")("POST", IRIS, request_)
    assert status == 400
    assert told in answer["error"]
    assert answer["error"] == answer["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b'{"id": "\\ud800", "inputs": []}', "body.id: the string has a code point that is not a character"),
        (b"\xff", "the body is not UTF-8"),
        (b"[" * 100_000, "the body is "),
        (b'{"inputs": [], "inputs": []}', "body.inputs: this field is given more than once"),
        (
            json.dumps({"inputs": [INPUT]}).replace('"shape"', '"data": [1], "shape"').encode(),
            "data: this field is given more than once",
        ),
    ],
)
def test_a_body_that_is_no_request_is_refused(ask: Callable[[str], Ask], body: bytes, told: str) -> None:
    status, answer = ask("numeric")("POST", IRIS, body)
    assert status == 400
    assert told in answer["error"]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"年龄": None}, "年龄: an integer is expected, and null is not accepted here"),
        ({"年龄": 40.5}, "年龄: a value of INT64 is expected, not 40.5"),
        ({"member": 2}, "member: a value of BOOL is expected, not 2"),
        ({"home.dest": 5}, "home.dest: a string is expected, not 5"),
        ({"home.dest": "\ud800"}, "a code point that is not a character"),
        ({"home.dest": "\uffff"}, "a code point that is not a character"),
    ],
)
def test_a_wrong_cell_is_named_by_row_and_column(ask: Callable[[str], Ask], cells: Any, told: str) -> None:
    status, answer = ask("mixed")("POST", "/v2/models/passengers/infer", {"inputs": mixed_row(**cells)})
    assert status == 400
    assert told in answer["error"]
    assert answer["errors"][0]["row"] == 0
    assert answer["errors"][0]["field"] == next(iter(cells))


BINARY = {"name": "features", "shape": [1, 4], "datatype": "FP64", "parameters": {"binary_data_size": 32}}
TEXT = {"name": "review", "shape": [1], "datatype": "BYTES"}


@pytest.mark.parametrize(
    ("given", "data", "length", "told"),
    [
        (BINARY, bytes(31), None, "a size of 0 to 31 bytes is expected, which is what follows, not 32"),
        (BINARY, bytes(33), None, "1 bytes follow the data of the last input"),
        (BINARY, bytes(32), 10**6, "inference-header-content-length: a number up to the length of the body"),
        (BINARY, bytes(32), "-1", "inference-header-content-length: a number up to the length of the body"),
        (BINARY, bytes(32), "", "inference-header-content-length: a number up to the length of the body"),
        (BINARY, bytes(32), 5, "the body is not JSON"),
        (BINARY | {"shape": [2, 4]}, bytes(32), None, "64 bytes are expected for the shape [2, 4], found 32"),
        (BINARY | {"datatype": "FP32"}, bytes(32), None, "16 bytes are expected for the shape [1, 4], found 32"),
        (BINARY | {"data": ROW}, bytes(32), None, "give data or binary_data_size, not both"),
        (BINARY | {"parameters": {"binary_data_size": -1}}, bytes(32), None, "a size of 0 to 32 bytes is expected"),
        (BINARY | {"parameters": {"binary_data_size": 32.0}}, bytes(32), None, "a size of 0 to 32 bytes is expected"),
        (BINARY, struct.pack("<4d", 1, 2, 3, np.nan), None, "petal width (cm): a number is expected, and null is not"),
        (BINARY, struct.pack("<4d", 1, 2, 3, np.inf), None, "petal width (cm): the number is beyond 1.798e+308"),
        (BINARY | {"datatype": "BOOL", "parameters": {"binary_data_size": 4}}, b"\0\1\0\2", None, "BOOL is expected"),
    ],
)
def test_binary_data_that_does_not_add_up_is_refused(
    ask: Callable[[str], Ask], given: Any, data: bytes, length: object, told: str
) -> None:
    status, answer = binary(ask("numeric"), "numeric", {"inputs": [given]}, data, length)
    assert status == 400
    assert told in answer["error"]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "1 values are expected for the shape [1], found 0"),
        (b"\1\0\0", "body.review.0.review: the data ends before the element does"),
        (b"\2\0\0\0a", "body.review.0.review: the data ends before the element does"),
        (b"\xff\xff\xff\xffa", "body.review.0.review: the data ends before the element does"),
        (b"\1\0\0\0ab", "body.review.data: 1 bytes are left over"),
        (b"\1\0\0\0\xff", "body.review.0.review: the string is not UTF-8"),
    ],
)
def test_broken_binary_strings_are_refused(ask: Callable[[str], Ask], data: bytes, told: str) -> None:
    given = {**TEXT, "parameters": {"binary_data_size": len(data)}}
    status, answer = binary(ask("texts"), "texts", {"inputs": [given]}, data)
    assert status == 400
    assert told in answer["error"]


def test_more_rows_than_allowed_are_refused(served: Callable[..., Ask]) -> None:
    ask = served("numeric", model_name="iris", max_rows=2)
    assert infer(ask, "numeric", [{**INPUT, "shape": [2, 4], "data": ROW * 2}])
    status, answer = ask("POST", IRIS, {"inputs": [{**INPUT, "shape": [3, 4], "data": ROW * 3}]})
    assert status == 400
    assert "3 rows in one request, 1 to 2 are allowed" in answer["error"]


def test_ranges_are_checked_where_that_is_asked_for(served: Callable[..., Ask], ask: Callable[[str], Ask]) -> None:
    far = {**INPUT, "data": [99.0, *ROW[1:]]}
    assert infer(ask("numeric"), "numeric", [far])
    status, answer = served("numeric", model_name="iris", check_ranges=True)("POST", IRIS, {"inputs": [far]})
    assert status == 400
    assert "sepal length (cm): a value of at least 4.3 and at most 7.9 is expected, not 99" in answer["error"]


def test_all_wrong_cells_are_told_up_to_a_limit(ask: Callable[[str], Ask]) -> None:
    given = {**INPUT, "shape": [100, 4], "data": ["x"] * 400}
    assert len(ask("numeric")("POST", IRIS, {"inputs": [given]})[1]["errors"]) == 20


def test_the_openapi_document_has_a_right_request_as_its_example(ask: Callable[[str], Ask]) -> None:
    paths = ask("mixed")("GET", "/openapi.json")[1]["paths"]
    operation = paths["/v2/models/{model_name}/versions/{model_version}/infer"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert ask("mixed")("POST", "/v2/models/passengers/infer", example)[0] == 200
    assert "422" not in operation["responses"]
