"""Steps that change nothing, and steps that are done twice: taken out."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import onnx
from onnx import TensorProto

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.rewrites.index import Index, inner_reads

#: Operators that answer otherwise each time.
RANDOM = frozenset(
    {"Bernoulli", "Dropout", "Multinomial"} | {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
)

#: Casts that lose nothing.
_WIDENING: dict[int, set[int]] = {
    TensorProto.BOOL: {TensorProto.INT32, TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE},
    TensorProto.INT32: {TensorProto.INT64, TensorProto.DOUBLE},
    TensorProto.FLOAT: {TensorProto.DOUBLE},
}
_NUMBERS: set[int] = {TensorProto.INT32, TensorProto.INT64, TensorProto.FLOAT, TensorProto.DOUBLE}
_SAME_ITEMS = {"Reshape", "Unsqueeze", "Squeeze", "Flatten"}

#: Nodes of more bytes are not compared with others.
_LARGEST = 1 << 26


def remove_no_ops(graph: Graph) -> int:
    """Take out Identity, casts and reshapes that change nothing, and times one; return how many nodes are gone.

    Outputs of the graph keep their names. A cast of what was only widened before, and a reshape of what was only
    reshaped, read the value before that.
    """
    index, count = Index(graph), 0
    for node in list(graph.nodes):
        check = _CHECKS.get(node.op_type) if not node.domain else None
        source = check(index, node) if check else None
        if source is not None:
            count += index.bypass(node, source)
        elif not node.domain:
            count += _shortened(index, node)
    return count


def share_repeats(graph: Graph) -> int:
    """Let steps that do the same with the same values be one; return how many nodes are gone."""
    index, count = Index(graph, typed=False), 0
    for name, other in _equal_constants(graph).items():
        if name not in index.hidden:
            index.rename(name, other)
    seen: dict[Any, onnx.NodeProto] = {}
    for node in list(graph.nodes):
        key = _key(node)
        first = seen.setdefault(key, node) if key else node
        if first is not node and all(index.is_free(name) for name in node.output):
            for old, new in zip(node.output, first.output, strict=True):
                index.rename(old, new)
            index.replace([node], [])
            count += 1
    return count


def _shortened(index: Index, node: onnx.NodeProto) -> bool:
    """Let a cast or reshape read what is before another one, where that then is read by nobody."""
    before = index.made.get(node.input[0]) if node.input else None
    if before is None or index.reader(node.input[0]) is not node or before.domain:
        return False
    if node.op_type == "Cast" and before.op_type == "Cast":
        kind = index.types.get(before.input[0])
        wider = _WIDENING.get(kind.kind, set()) if kind else set()
        if attributes(before)["to"] not in wider or attributes(node)["to"] not in _NUMBERS:
            return False
    elif node.op_type == "Reshape" and before.op_type in _SAME_ITEMS:
        shape = index.graph.constant(node.input[1])
        if shape is None or not shape.all():
            return False
    else:
        return False
    new = onnx.NodeProto()
    new.CopyFrom(node)
    new.input[0] = before.input[0]
    index.replace([node], [new])
    return True


def _identity(index: Index, node: onnx.NodeProto) -> str | None:
    return str(node.input[0])


def _cast(index: Index, node: onnx.NodeProto) -> str | None:
    known = index.types.get(node.input[0])
    return node.input[0] if known is not None and known.kind == attributes(node)["to"] else None


def _concat(index: Index, node: onnx.NodeProto) -> str | None:
    return node.input[0] if len(node.input) == 1 else None


def _reshape(index: Index, node: onnx.NodeProto) -> str | None:
    """Return the operand where the shape asked for is its own: all dimensions but one known or kept."""
    known, shape = index.types.get(node.input[0]), index.graph.constant(node.input[1])
    if known is None or known.dims is None or shape is None or len(shape) != len(known.dims):
        return None
    kept = [wanted == 0 and not attributes(node).get("allowzero") for wanted in shape.tolist()]
    same = [keep or wanted == dim for keep, wanted, dim in zip(kept, shape.tolist(), known.dims, strict=True)]
    free = [wanted == -1 for wanted in shape.tolist()]
    return node.input[0] if all(a or b for a, b in zip(same, free, strict=True)) else None


def _neutral(index: Index, node: onnx.NodeProto) -> str | None:
    """Return what is multiplied or divided by one, or from which zero is taken, without becoming wider by that."""
    places = ((0, 1), (1, 0)) if node.op_type == "Mul" else ((0, 1),)
    for place, other in places:
        constant, known = index.graph.constant(node.input[other]), index.types.get(node.input[place])
        if constant is None or known is None or known.dims is None or constant.dtype.kind != "f":
            continue
        width = known.dims[-1] if known.dims else None
        narrow = constant.size == 1 or (constant.size == width and constant.shape[-1] == width)
        if narrow and constant.ndim <= len(known.dims) and (constant == (node.op_type != "Sub")).all():
            return str(node.input[place])
    return None


_CHECKS: Mapping[str, Callable[[Index, onnx.NodeProto], str | None]] = {
    "Cast": _cast,
    "Concat": _concat,
    "Div": _neutral,
    "Identity": _identity,
    "Mul": _neutral,
    "Reshape": _reshape,
    "Sub": _neutral,
}


def _equal_constants(graph: Graph) -> dict[str, str]:
    """Return which constant another one is equal to, by name."""
    first: dict[Any, str] = {}
    equal = {}
    for name, array in graph.constants.items():
        content = tuple(array.ravel()) if array.dtype.kind in "OU" else array.tobytes()
        other = first.setdefault((array.dtype.str, array.shape, content), name)
        if other != name:
            equal[name] = other
    return equal


def _key(node: onnx.NodeProto) -> Any:
    """Return what nodes that do the same have in common; None where none does the same as ``node``."""
    if node.op_type in RANDOM or inner_reads(node) or node.ByteSize() > _LARGEST:
        return None
    about = [item.SerializeToString(deterministic=True) for item in sorted(node.attribute, key=lambda item: item.name)]
    return node.domain, node.op_type, tuple(node.input), len(node.output), hashlib.sha256(b"\0".join(about)).digest()
