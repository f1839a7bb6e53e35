from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx.parser
import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from mlship import signature as signatures
from mlship.errors import UnsupportedModelError, UsageError
from mlship.signature import Column, Output, Signature, Tensor
from mlship.testing import quiet
from tests.unit.targets.cluster_support import configured, contents, written

Golden = Callable[[str, Mapping[str, bytes]], None]
GRAPH = """<ir_version: 10, opset_import: ["" : 21]>
mixed (double[rows, 2] numbers, string[rows, 1] words)
  => (string[rows] prediction, double[rows, 2] probabilities, int64[rows] inner) {
  probabilities = Identity (numbers)
  column = Constant <value: tensor = int64[1] {1}> ()
  prediction = Squeeze (words, column)
  inner = ArgMax <axis: int = 1, keepdims: int = 0> (numbers)
}
"""
SIGNATURE = Signature(
    model='Odd "one"',
    task="classifier",
    named=True,
    columns=(
        Column(name="a", type="number", tensor="numbers", index=0),
        Column(name="b", type="number", tensor="numbers", index=1),
        Column(name="c", type="string", tensor="words", index=0),
    ),
    tensors=(Tensor(name="numbers", kind="number", width=2), Tensor(name="words", kind="string", width=1)),
    outputs=(
        Output(name="prediction", type="string", classes=("a", "b")),
        Output(name="probabilities", type="number", width=2, classes=("a", "b")),
    ),
)


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    """Return what the target reads, of a model with numbers and strings."""
    model = tmp_path / "service" / "model"
    model.mkdir(parents=True)
    onnx.save(onnx.parser.parse_model(GRAPH), model / "model.onnx")
    signatures.write(SIGNATURE, tmp_path / "signature.json")
    return {"signature": tmp_path / "signature.json", "service": tmp_path / "service"}


def configuration(folder: Path) -> Any:
    (path,) = folder.glob("model_repository/*/config.pbtxt")
    return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())


def test_the_configuration_is_the_one_that_was_looked_at(
    inputs: dict[str, Path], tmp_path: Path, assert_golden: Golden
) -> None:
    files = contents(written("triton", inputs, tmp_path, name="odd"))
    assert files.pop("model_repository/odd/1/model.onnx") == (inputs["service"] / "model/model.onnx").read_bytes()
    assert_golden("deploy/triton", files)


def test_tensors_are_those_of_the_signature(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = configuration(written("triton", inputs, tmp_path))
    kinds = model_config_pb2.DataType
    tensors = [(each.name, each.data_type, list(each.dims)) for each in (*found.input, *found.output)]
    assert tensors == [
        ("numbers", kinds.TYPE_FP64, [2]),
        ("words", kinds.TYPE_STRING, [1]),
        ("prediction", kinds.TYPE_STRING, [1]),
        ("probabilities", kinds.TYPE_FP64, [2]),
    ]


def test_only_what_has_no_dimension_beside_the_rows_is_reshaped(inputs: dict[str, Path], tmp_path: Path) -> None:
    found = configuration(written("triton", inputs, tmp_path))
    assert [each.HasField("reshape") for each in (*found.input, *found.output)] == [False, False, True, False]


def test_the_rows_of_a_batch_are_bounded_as_asked(inputs: dict[str, Path], tmp_path: Path) -> None:
    assert configuration(written("triton", inputs, tmp_path, max_batch=7)).max_batch_size == 7


def test_a_model_in_its_own_library_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    (inputs["service"] / "model" / "model.onnx").rename(inputs["service"] / "model" / "model.joblib")
    with pytest.raises(UnsupportedModelError, match="Triton runs ONNX") as raised:
        written("triton", inputs, tmp_path)
    assert raised.value.hint == "mlship convert --to onnx"


def test_a_type_that_triton_lacks_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    graph = GRAPH.replace("double", "complex128")
    onnx.save(onnx.parser.parse_model(graph), inputs["service"] / "model" / "model.onnx")
    with pytest.raises(UnsupportedModelError, match="'numbers' of the model is of the type COMPLEX128"):
        written("triton", inputs, tmp_path)


@pytest.mark.parametrize("shape", ["[8, 2]", "[]", ""], ids=["fixed", "none", "not told"])
def test_a_model_that_does_not_take_any_number_of_rows_is_refused(
    shape: str, inputs: dict[str, Path], tmp_path: Path
) -> None:
    graph = GRAPH.replace("(double[rows, 2] numbers", f"(double{shape} numbers")
    onnx.save(onnx.parser.parse_model(graph), inputs["service"] / "model" / "model.onnx")
    with pytest.raises(UnsupportedModelError, match="'numbers' of the model is not made of any number of rows"):
        written("triton", inputs, tmp_path)


def test_a_name_that_no_folder_should_have_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        written("triton", inputs, tmp_path, name="../odd")


def test_the_check_reads_the_configuration(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("triton", inputs, tmp_path)
    (found,) = configured("triton", {}).check(folder, quiet)
    assert (found.passed, found.said) == (True, "2 inputs, 2 outputs, up to 1024 rows")


def test_the_check_names_a_field_that_triton_does_not_know(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = written("triton", inputs, tmp_path)
    (path,) = folder.glob("model_repository/*/config.pbtxt")
    path.write_text(path.read_text() + "replicas: 2\n")
    (found,) = configured("triton", {}).check(folder, quiet)
    assert found.passed is False
    assert "replicas" in found.said
