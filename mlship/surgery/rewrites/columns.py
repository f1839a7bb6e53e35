"""What is done to each column of a matrix on the way to a tree ensemble, as far as it keeps or reverses the order."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from mlship.surgery.graph import ML, Graph, attributes
from mlship.surgery.rewrites.types import Type, types_of
from mlship.surgery.tree_layout import Ints

Floats = NDArray[np.floating[Any]]

_FLOATS: dict[int, np.dtype[Any]] = {TensorProto.FLOAT: np.dtype(np.float32), TensorProto.DOUBLE: np.dtype(np.float64)}

_ARITHMETIC = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


@dataclass(frozen=True)
class Step:
    """One operation on a column: ``kind`` is Cast, Add, Sub, Mul, Div or From (``constant - x``), as NumPy does it too.

    ``constant`` has one item, or one a column. It is finite, and not zero where it multiplies or divides.
    """

    kind: str
    constant: Floats

    def __call__(self, x: Floats, column: Ints) -> Floats:
        """Apply the step to ``x``, of which item i belongs to column ``column[i]``."""
        if self.kind == "Cast":
            return x.astype(self.constant.dtype)
        constant = self._of(column)
        if self.kind == "From":
            return np.subtract(constant, x)
        return np.asarray(_ARITHMETIC[self.kind](x, constant))

    def falls(self, column: Ints) -> NDArray[np.bool_]:
        """Say for each column whether the step reverses the order of numbers."""
        if self.kind in {"Mul", "Div"}:
            return np.asarray(self._of(column) < 0)
        return np.full(len(column), self.kind == "From")

    def _of(self, column: Ints) -> Floats:
        """Return the constant for each column."""
        return self.constant[column] if len(self.constant) > 1 else np.repeat(self.constant, len(column))


@dataclass(frozen=True)
class Block:
    """Columns ``start`` to ``stop`` (-1: the last) of a matrix: those of value ``base`` after ``steps``."""

    start: int
    stop: int
    base: str
    steps: tuple[Step, ...]


def blocks_of(graph: Graph, value: str, dtype: np.dtype[Any]) -> list[Block]:
    """Return where the columns of ``value`` come from: values of ``dtype``, as far up as steps can be followed."""
    types = types_of(graph)
    makers = {name: node for node in graph.nodes for name in node.output}
    whole = _followed(graph, makers, types, Block(0, -1, value, ()), dtype)
    concat = makers.get(whole.base)
    if concat is None or concat.op_type != "Concat" or attributes(concat)["axis"] not in (1, -1):
        return [whole]
    widths = [types[name].width if name in types else None for name in concat.input]
    if any(width is None for width in widths):
        return [whole]
    found, start = [], 0
    for name, width in zip(concat.input, widths, strict=True):
        stop = start + (width or 0)
        found.append(_followed(graph, makers, types, Block(start, stop, name, _part(whole.steps, start, stop)), dtype))
        start = stop
    return found


def _followed(
    graph: Graph, makers: dict[str, onnx.NodeProto], types: dict[str, Type], block: Block, dtype: np.dtype[Any]
) -> Block:
    """Return the block from the highest value of ``dtype`` that steps lead down from."""
    best, wanted, value, steps = block, helper.np_dtype_to_tensor_dtype(dtype), block.base, block.steps
    while (node := makers.get(value)) is not None and (found := _step(graph, node, types)) is not None:
        value, steps = found[0], (*found[1], *steps)
        if value in types and types[value].kind == wanted:
            best = replace(block, base=value, steps=steps)
    return best


def _step(graph: Graph, node: onnx.NodeProto, types: dict[str, Type]) -> tuple[str, tuple[Step, ...]] | None:
    """Return the value that ``node`` starts from and what it does to it; None where that is not known."""
    if node.op_type == "Identity":
        return node.input[0], ()
    if len(node.output) != 1 or not node.input:
        return None
    source, made = (
        _FLOATS.get(types[name].kind) if name in types else None for name in (node.input[0], node.output[0])
    )
    if node.op_type == "Cast" and source and made:
        return node.input[0], (Step("Cast", np.empty(1, dtype=made)),)
    if node.op_type == "Scaler" and node.domain == ML and source == np.float32:
        about = attributes(node)
        return _checked(node.input[0], types, ("Sub", about["offset"]), ("Mul", about["scale"]))
    if node.op_type in _ARITHMETIC and made:
        return _arithmetic(graph, node, types)
    return None


def _arithmetic(graph: Graph, node: onnx.NodeProto, types: dict[str, Type]) -> tuple[str, tuple[Step, ...]] | None:
    first, second = (graph.constant(name) for name in node.input)
    if (first is None) == (second is None) or (node.op_type == "Div" and second is None):
        return None
    if second is not None:
        return _checked(node.input[0], types, (node.op_type, second))
    return _checked(node.input[1], types, ("From" if node.op_type == "Sub" else node.op_type, first))


def _checked(value: str, types: dict[str, Type], *steps: tuple[str, Any]) -> tuple[str, tuple[Step, ...]] | None:
    """Return the steps where their constants are usable: one for each column, and none that makes columns alike."""
    made = []
    for kind, raw in steps:
        constant = np.asarray(raw, dtype=np.float32) if isinstance(raw, list) else raw
        known = types[value].width if value in types else None
        if constant.size != 1 and (constant.shape[-1] != constant.size or constant.size != known):
            return None
        if not np.isfinite(constant).all() or (kind in {"Mul", "Div"} and (constant == 0).any()):
            return None
        made.append(Step(kind, constant.reshape(-1)))
    return value, tuple(made)


def _part(steps: tuple[Step, ...], start: int, stop: int) -> tuple[Step, ...]:
    """Return the steps for columns ``start`` to ``stop``."""
    return tuple(replace(s, constant=s.constant[start:stop]) if len(s.constant) > 1 else s for s in steps)
