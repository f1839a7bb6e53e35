"""Columns of the inputs that no answer depends on."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import ML, Graph, attributes
from mlship.surgery.rewrites.index import Index

Mask = NDArray[np.bool_]

#: Operators that work on each column alone, where their other operands are constants.
_BY_COLUMN = {"Add", "Cast", "Div", "Identity", "Mul", "Neg", "Sub"}


def unused_columns(graph: Graph) -> dict[str, list[int]]:
    """Return the numbers of the columns that nothing reads, by input: not chosen, no weight but zero, in no tree."""
    index = Index(graph)
    found = {}
    for name in graph.inputs:
        width = index.width(name)
        unread = [] if width is None else np.flatnonzero(~_read(index, name, width)).tolist()
        if unread:
            found[name] = unread
    return found


def _read(index: Index, value: str, width: int) -> Mask:
    """Say for each column of ``value`` whether an answer may depend on it."""
    if not index.is_free(value):
        return np.ones(width, dtype=bool)
    read = np.zeros(width, dtype=bool)
    for node in index.readers(value):
        read |= _read_by(index, node, value, width)
    return read


def _read_by(index: Index, node: onnx.NodeProto, value: str, width: int) -> Mask:
    everything = np.ones(width, dtype=bool)
    others = [index.graph.constant(name) for name in node.input if name != value]
    constants = [other for other in others if other is not None]
    if node.domain == ML and node.op_type == "TreeEnsemble":
        return _in_trees(node, width)
    if node.op_type == "Concat" and attributes(node)["axis"] in (1, -1):
        return _beside(index, node, value, width)
    if node.domain or len(constants) < len(others):
        return everything
    if node.op_type in _BY_COLUMN and index.width(node.output[0]) == width:
        return _read(index, node.output[0], width)
    if node.input[0] == value and constants:
        return _read_through(index, node, constants[0], width)
    return everything


def _read_through(index: Index, node: onnx.NodeProto, constant: NDArray[Any], width: int) -> Mask:
    about, everything = attributes(node), np.ones(width, dtype=bool)
    if node.op_type == "Gather" and about.get("axis", 0) in (1, -1) and constant.ndim == 1:
        chosen = np.zeros(width, dtype=bool)
        chosen[constant[_read(index, node.output[0], len(constant))]] = True
        return chosen
    if node.op_type in ("MatMul", "Gemm") and constant.ndim == 2 and not about.get("transA"):
        return np.asarray(constant.any(axis=0 if about.get("transB") else 1), dtype=np.bool_)
    return everything


def _in_trees(node: onnx.NodeProto, width: int) -> Mask:
    """Say which features the inner nodes of trees compare; those of unreachable nodes count."""
    features = next(item.ints for item in node.attribute if item.name == "nodes_featureids")
    read = np.zeros(width, dtype=bool)
    read[np.array(features, dtype=np.int64)] = True
    return read


def _beside(index: Index, node: onnx.NodeProto, value: str, width: int) -> Mask:
    widths = [index.width(name) for name in node.input]
    known = [item for item in widths if item is not None]
    if len(known) < len(widths):
        return np.ones(width, dtype=bool)
    whole, read = _read(index, node.output[0], sum(known)), np.zeros(width, dtype=bool)
    ends = np.cumsum(known)
    for name, end in zip(node.input, ends.tolist(), strict=True):
        if name == value:
            read |= whole[end - width : end]
    return read
