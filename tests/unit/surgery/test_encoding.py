"""Lists of integers that are encoded as a whole must be what onnx itself would write."""

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper

from mlship.graphs.builder import tensor
from mlship.surgery.encoding import attach


@pytest.mark.parametrize(
    "values",
    [
        np.array([0, 1, 127, 128, 16383, 16384, 2**31 - 1]),
        np.array([2**31, 2**40, 2**63 - 1]),
        np.array([-1, 0, -(2**63)]),
        np.array([5], dtype=np.int32),
        np.array([True, False, True]),
        np.array([], dtype=np.int64),
        np.arange(300_000),
    ],
    ids=["small", "large", "negative", "int32", "booleans", "none", "several pieces"],
)
def test_integers_are_encoded_as_onnx_does_it(values):
    node = NodeProto()
    attach(node, {"before": 1, "many": values, "after": 2.0})
    expected = helper.make_attribute("many", [int(value) for value in values], attr_type=7)
    assert [item.name for item in node.attribute] == ["before", "many", "after"]
    assert node.attribute[1] == expected
    assert node.attribute[1].SerializeToString() == expected.SerializeToString()


def test_tensors_are_attached_and_the_attributes_given_away():
    node, attributes = NodeProto(), {"t": tensor(np.array([1.5, 2.5]))}
    attach(node, attributes)
    assert node.attribute[0].t.data_type == TensorProto.DOUBLE
    assert not attributes
