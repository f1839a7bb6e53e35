import json
from typing import Any

import numpy as np
import pytest

from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.signature import MISSING_STRING, Column, Output, Signature, Tensor
from mlship.trials.dialects import OpenInference, Predict, TensorMetadata

SIGNATURE = Signature(
    model="Test",
    task="classifier",
    named=True,
    columns=(
        Column(name="age", type="integer", tensor="numbers", index=0),
        Column(name="town", type="string", tensor="texts", index=0, nullable=True),
        Column(name="member", type="boolean", tensor="numbers", index=1),
    ),
    tensors=(Tensor(name="numbers", kind="number", width=2), Tensor(name="texts", kind="string", width=1)),
    outputs=(
        Output(name="prediction", type="integer"),
        Output(name="probabilities", type="number", width=2, classes=(0, 1)),
    ),
)
GOLDEN = Golden(
    {
        "numbers": np.array([[31.0, 1.0], [np.nan, 0.0], [7.0, 1.0]]),
        "texts": np.array([["Köln"], ["東京"], [MISSING_STRING]], dtype=object),
    },
    {"prediction": np.array([0, 1, 1])},
    ("sample",) * 3,
)
ROWS = np.array([1, 2])


def inputs(dialect: OpenInference) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dialect.body(GOLDEN, SIGNATURE, ROWS))["inputs"]
    return found


def test_tensors_are_sent_where_the_server_does_not_tell_its_inputs() -> None:
    assert inputs(OpenInference("m")) == [
        {"name": "numbers", "shape": [2, 2], "datatype": "FP64", "data": [None, 0.0, 7.0, 1.0]},
        {"name": "texts", "shape": [2, 1], "datatype": "BYTES", "data": ["東京", None]},
    ]


def test_columns_are_sent_where_the_server_tells_those() -> None:
    told = (
        TensorMetadata("town", "BYTES", (-1,)),
        TensorMetadata("member", "BOOL", (-1, 1)),
        TensorMetadata("age", "INT64", (-1, 1)),
    )
    assert inputs(OpenInference("m", inputs=told)) == [
        {"name": "age", "shape": [2, 1], "datatype": "INT64", "data": [None, 7]},
        {"name": "town", "shape": [2], "datatype": "BYTES", "data": ["東京", None]},
        {"name": "member", "shape": [2, 1], "datatype": "BOOL", "data": [False, True]},
    ]


def test_the_name_and_version_of_the_model_stand_in_the_path() -> None:
    assert OpenInference("a model", "1.0+x").path == "/v2/models/a%20model/versions/1.0%2Bx/infer"


def test_only_the_prediction_is_asked_for_where_there_is_one() -> None:
    assert (Predict(True).path, Predict(False).path) == ("/predict", "/predict?outputs=all")


@pytest.mark.parametrize("data", [[1, 0], [1.0, 0.0], [[1.0], [0.0]]], ids=["flat", "floats", "nested"])
def test_labels_come_back_however_they_are_laid_out(data: list[Any]) -> None:
    document = {"outputs": [{"name": "prediction", "data": data}]}
    assert OpenInference("m").outputs(document, SIGNATURE, 2)["prediction"].tolist() == [1, 0]


@pytest.mark.parametrize("data", [[0.75, 0.25, 0.5, 0.5], [[0.75, 0.25], [0.5, 0.5]]], ids=["flat", "nested"])
def test_probabilities_come_back_as_rows(data: list[Any]) -> None:
    document = {"outputs": [{"name": "probabilities", "data": data}]}
    found = OpenInference("m").outputs(document, SIGNATURE, 2)
    assert found["probabilities"].tolist() == [[0.75, 0.25], [0.5, 0.5]]


def test_the_only_output_is_the_prediction_whatever_its_name() -> None:
    document = {"outputs": [{"name": "output-0", "data": [1, 1]}]}
    assert OpenInference("m").outputs(document, SIGNATURE, 2)["prediction"].tolist() == [1, 1]


@pytest.mark.parametrize("document", [[], {"outputs": 3}, {"outputs": ["a"]}, {"error": "no"}])
def test_what_is_no_answer_is_quoted(document: Any) -> None:
    with pytest.raises(ServiceError, match="instead of outputs"):
        OpenInference("m").outputs(document, SIGNATURE, 1)


@pytest.mark.parametrize("data", [None, ["a", "b"], [0.5, 1.0], [1], [1, 2, 3]])
def test_a_tensor_that_does_not_fit_is_quoted(data: Any) -> None:
    with pytest.raises(ServiceError, match=r"'prediction' of the service's answer is .* instead of 2 rows"):
        OpenInference("m").outputs({"outputs": [{"name": "prediction", "data": data}]}, SIGNATURE, 2)
