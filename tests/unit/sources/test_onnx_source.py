"""ONNX files are told by their suffix, described without a session, and checked when they are loaded."""

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from mlship import gate
from mlship.errors import DataError, ModelError
from mlship.sources.onnx import OnnxSource

TEXT = '<ir_version: 8, opset_import: ["" : 17]> agraph (float[N, 3] x) => (float[N, 3] y) { y = Relu(x) }'


@pytest.fixture
def path(tmp_path):
    onnx.save(onnx.parser.parse_model(TEXT), tmp_path / "relu.onnx")
    return tmp_path / "relu.onnx"


def test_the_gate_finds_the_source(path):
    name, source = gate.source_of(path)
    assert name == "onnx"
    assert isinstance(source, OnnxSource)


def test_what_is_in_it_is_told(path):
    found = gate.inspect(path)
    assert (found.format, found.n_features, found.untrusted) == ("ONNX, IR 8, ai.onnx 17", 3, ())
    assert found.model == "graph of 1 nodes"


def test_it_is_loaded(path):
    assert OnnxSource().load(path).graph.node[0].op_type == "Relu"


@pytest.mark.parametrize("content", [b"", b"not an ONNX file", b"\x08\x08\x12"])
def test_a_damaged_file_is_named(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        OnnxSource().inspect(path)


def test_an_invalid_graph_is_named(tmp_path):
    model = onnx.parser.parse_model(TEXT)
    model.graph.node[0].input[0] = "nowhere"
    (tmp_path / "wrong.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"'wrong\.onnx' is not a valid ONNX model"):
        OnnxSource().load(tmp_path / "wrong.onnx")


def test_external_data_that_are_not_there_are_missed(tmp_path):
    model = onnx.parser.parse_model(TEXT.replace("Relu(x)", "Add(x, w)"))
    model.graph.initializer.append(numpy_helper.from_array(np.ones(3, dtype=np.float32), "w"))
    place = {"save_as_external_data": True, "location": "w.data", "size_threshold": 0}
    onnx.save(model, tmp_path / "big.onnx", **place)
    assert OnnxSource().load(tmp_path / "big.onnx").graph.initializer[0].raw_data
    (tmp_path / "w.data").unlink()
    with pytest.raises(ModelError, match=r"'big\.onnx' cannot be read"):
        OnnxSource().load(tmp_path / "big.onnx")


def test_a_saved_model_is_refused_with_the_way_to_onnx(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(DataError, match="a SavedModel of TensorFlow") as caught:
        gate.inspect(tmp_path)
    assert "tf2onnx" in caught.value.hint
