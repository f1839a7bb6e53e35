"""What kind of tensor each value of a graph is: its element type and its dimensions."""

from typing import Any, NamedTuple

import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from mlship.surgery.graph import ML, Graph

#: Constants of up to this many items are shown to the inference, as shapes may be computed from them.
_SHOWN = 64


class Type(NamedTuple):
    """An ONNX element type, and dimensions: None for one that is free, ``dims`` None where the rank is not known."""

    kind: int
    dims: tuple[int | None, ...] | None

    @property
    def width(self) -> int | None:
        """The number of columns of a matrix; None where it is not known to be one, or how wide it is."""
        return self.dims[1] if self.dims is not None and len(self.dims) == 2 else None


def types_of(graph: Graph) -> dict[str, Type]:
    """Return the type of every value that ONNX's own inference finds; bulky constants and trees are kept from it."""
    model = _skeleton(graph)
    for name, array in graph.constants.items():
        if array.size > _SHOWN:
            model.graph.input.append(helper.make_tensor_value_info(name, _kind(array), array.shape))
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    for node in graph.nodes:
        if node.op_type == "TreeEnsemble" and node.domain == ML:
            model.graph.value_info.append(_of_trees(node))
        else:
            model.graph.node.append(node)
    inferred = shape_inference.infer_shapes(model).graph
    infos = (*inferred.value_info, *inferred.input, *inferred.output)
    known = {item.name: _type(item.type.tensor_type) for item in infos}
    return known | {name: Type(_kind(array), array.shape) for name, array in graph.constants.items()}


def _skeleton(graph: Graph) -> onnx.ModelProto:
    empty = helper.make_graph([], "graph", list(graph.inputs.values()), list(graph.outputs.values()))
    return helper.make_model(empty, opset_imports=[helper.make_opsetid(*item) for item in graph.versions.items()])


def _of_trees(node: onnx.NodeProto) -> onnx.ValueInfoProto:
    """Describe what a TreeEnsemble of ai.onnx.ml 5 answers: numbers of the type of its leaves, a column a target."""
    about = {item.name: item for item in node.attribute if item.name in {"n_targets", "leaf_weights"}}
    targets = about["n_targets"].i if "n_targets" in about else 1
    return helper.make_tensor_value_info(node.output[0], about["leaf_weights"].t.data_type, [None, targets])


def _type(found: onnx.TypeProto.Tensor) -> Type:
    if not found.HasField("shape"):
        return Type(found.elem_type, None)
    return Type(found.elem_type, tuple(d.dim_value if d.HasField("dim_value") else None for d in found.shape.dim))


def _kind(array: NDArray[Any]) -> int:
    return int(TensorProto.STRING if array.dtype.kind in "OU" else helper.np_dtype_to_tensor_dtype(array.dtype))
