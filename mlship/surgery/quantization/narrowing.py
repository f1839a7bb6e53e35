"""Lets the matrix products of a graph in double compute in float32; what must stay exact stays in double."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper

from mlship.surgery.graph import ONNX, Graph, reads
from mlship.surgery.quantization.layers import Layer, before_comparisons, layers
from mlship.surgery.rewrites.types import types_of

_FLOAT, _DOUBLE = TensorProto.FLOAT, TensorProto.DOUBLE

#: Operators that hand numbers on as they are: it is all one whether these are rounded before or after.
_MOVING = frozenset(
    {
        "Concat",
        "Flatten",
        "Gather",
        "Identity",
        "Relu",
        "Reshape",
        "Slice",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
        "Where",
    }
)
#: Element types that become float32 at once as they become double, then float32.
_EXACT = frozenset({TensorProto.BOOL, TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8, TensorProto.INT64})


def narrow(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return ``model`` with its layers, and what follows them, in float32; None where none of them is in double.

    Inputs and outputs keep their types. Numbers are rounded where the first layer reads them: a scaler before it works
    in double, and so does all that leads to trees, neighbours and kernels.
    """
    graph = Graph(model)
    types = {name: found.kind for name, found in types_of(graph).items()}
    found = [layer for layer in layers(graph) if types.get(layer.value) == _DOUBLE]
    if not found:
        return None
    _Narrowing(graph, types, found).rewrite()
    return graph.model()


class _Narrowing:
    """What of ``graph`` becomes float32; ``types``: ONNX element types by value."""

    def __init__(self, graph: Graph, types: Mapping[str, int], found: Sequence[Layer]) -> None:
        self._graph, self._types = graph, types
        self._chosen: set[int] = set()
        self._values: set[str] = set()  # doubles that the chosen nodes make
        self._singles: dict[str, str] = {}  # their names, and those of rounded values, in float32
        self._onwards({layer.value for layer in found})
        self._backwards()

    def rewrite(self) -> None:
        """Put the chosen nodes into float32, with casts where others begin."""
        nodes: list[onnx.NodeProto] = []
        wide = set(self._graph.outputs).union(
            *(reads(node) for node in self._graph.nodes if id(node) not in self._chosen)
        )
        for node in self._graph.nodes:
            if id(node) not in self._chosen:
                nodes.append(node)
                continue
            made = [name for name in node.output if self._types.get(name) == _DOUBLE]
            nodes += self._read_singles(node)
            self._write_singles(node)
            nodes.append(node)
            nodes += [_cast(self._singles[name], name, _DOUBLE) for name in made if name in wide]
        self._graph.nodes = nodes

    def _onwards(self, starts: set[str]) -> None:
        """Choose the layers that make ``starts``, and all that follows from them."""
        exact = before_comparisons(self._graph)
        for node in self._graph.nodes:
            begun = not starts.isdisjoint(node.output) or not self._values.isdisjoint(node.input)
            if begun and id(node) not in exact and self._can(node):
                self._choose(node)

    def _backwards(self) -> None:
        """Choose what merely moves numbers to the chosen nodes, so that less is to be rounded."""
        elsewhere = set(self._graph.outputs)
        read = set[str]()
        for node in reversed(self._graph.nodes):
            alone = elsewhere.isdisjoint(node.output) and not read.isdisjoint(node.output)
            if alone and id(node) not in self._chosen and self._moves(node):
                self._choose(node)
            (read if id(node) in self._chosen else elsewhere).update(reads(node))

    def _moves(self, node: onnx.NodeProto) -> bool:
        if len(node.output) != 1 or not self._can(node) or self._types[node.output[0]] != _DOUBLE:
            return False
        return node.op_type in _MOVING or (node.op_type == "Cast" and self._types[node.input[0]] in _EXACT)

    def _can(self, node: onnx.NodeProto) -> bool:
        """Say whether ``node`` can work in float32: an operator of ONNX without a body, all types known."""
        known = all(name in self._types for name in (*filter(None, node.input), *filter(None, node.output)))
        return known and node.domain == ONNX and reads(node) == set(node.input)

    def _choose(self, node: onnx.NodeProto) -> None:
        self._chosen.add(id(node))
        self._values.update(name for name in node.output if self._types.get(name) == _DOUBLE)

    def _read_singles(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """Let ``node`` read float32; return the casts that this takes."""
        casts = []
        for place, name in enumerate(node.input):
            if self._types.get(name) != _DOUBLE:
                continue
            if name not in self._singles:
                self._singles[name], cast = self._single(name)
                casts += cast
            node.input[place] = self._singles[name]
        return casts

    def _single(self, name: str) -> tuple[str, list[onnx.NodeProto]]:
        array = self._graph.constant(name)
        if array is None:
            cast = _cast(name, self._graph.fresh(f"{name}.float32"), _FLOAT)
            return cast.output[0], [cast]
        with np.errstate(over="ignore", under="ignore"):
            return self._graph.add_constant(array.astype(np.float32), f"{name}.float32"), []

    def _write_singles(self, node: onnx.NodeProto) -> None:
        for place, name in enumerate(node.output):
            if self._types.get(name) == _DOUBLE:
                self._singles[name] = node.output[place] = self._graph.fresh(f"{name}.float32")
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == _DOUBLE:
                attribute.i = _FLOAT


def _cast(old: str, new: str, kind: int) -> onnx.NodeProto:
    return helper.make_node("Cast", [old], [new], to=kind)
