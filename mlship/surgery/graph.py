"""An ONNX graph that can be asked who makes and who reads a value, and changed; the file it came from stays as it is.

onnx-ir does this too, and more; it brings sympy, whose import takes longer than all that is done here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

#: What stands for ai.onnx in a node; the domain of the operators of classical models.
ONNX, ML = "", "ai.onnx.ml"


class Graph:
    """A copy of ``model``'s graph: ``nodes`` in order, ``constants`` by name, ``inputs`` and ``outputs`` by name."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model = model
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}
        known = {item.name for item in model.graph.initializer}  # before IR version 4 these were inputs, too
        self.inputs = {item.name: item for item in model.graph.input if item.name not in known}
        self.outputs = {item.name: item for item in model.graph.output}
        for item in model.graph.initializer:
            self.constants[item.name] = numpy_helper.to_array(item)
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            else:
                self.nodes.append(_copy(node))
        self._names = {name for node in self.nodes for name in node.output} | {*self.constants, *self.inputs}

    @property
    def versions(self) -> dict[str, int]:
        """Return the version of the operators of each domain that the model asks for."""
        return {ONNX if item.domain == "ai.onnx" else item.domain: item.version for item in self._model.opset_import}

    def producer(self, value: str) -> onnx.NodeProto | None:
        """Return the node that makes ``value``; None for an input or a constant."""
        return next((node for node in self.nodes if value in node.output), None)

    def readers(self, value: str) -> list[onnx.NodeProto]:
        """Return the nodes that read ``value``, in order, nodes with subgraphs that read it among them."""
        return [node for node in self.nodes if value in reads(node)]

    def only_reader(self, value: str) -> onnx.NodeProto | None:
        """Return the node that reads ``value`` where it is the only one, and ``value`` is no output of the graph."""
        found = self.readers(value)
        return found[0] if len(found) == 1 and value not in self.outputs else None

    def constant(self, value: str) -> NDArray[Any] | None:
        """Return the array behind ``value`` where it is a constant."""
        return self.constants.get(value)

    def add_constant(self, array: NDArray[Any], hint: str = "constant") -> str:
        """Keep ``array`` as a constant; return its name."""
        name = self.fresh(hint)
        self.constants[name] = array
        return name

    def fresh(self, hint: str) -> str:
        """Return a name that no value has."""
        number = len(self._names)
        while f"{hint}.{number}" in self._names:
            number += 1
        self._names.add(f"{hint}.{number}")
        return f"{hint}.{number}"

    def node(self, kind: str, inputs: Sequence[str], *, domain: str = ONNX, **attributes: Any) -> onnx.NodeProto:
        """Make a node with one output of a new name; it is not part of the graph before ``replace`` or ``insert``."""
        return onnx.helper.make_node(kind, list(inputs), [self.fresh(kind)], domain=domain, **attributes)

    def replace(self, old: Iterable[onnx.NodeProto], new: Sequence[onnx.NodeProto]) -> None:
        """Put ``new`` where the last of ``old`` stands, and take ``old`` out."""
        gone = {id(node) for node in old}
        places = [place for place, node in enumerate(self.nodes) if id(node) in gone]
        place = places[-1] + 1
        self.nodes[place:place] = new
        self.nodes = [node for node in self.nodes if id(node) not in gone]

    def rewire(self, old: str, new: str) -> None:
        """Let all readers of value ``old`` read ``new`` instead."""
        for node in self.nodes:
            for place, name in enumerate(node.input):
                if name == old:
                    node.input[place] = new

    def tidy(self) -> None:
        """Drop nodes and constants that no output depends on."""
        needed, kept = set(self.outputs), []
        for node in reversed(self.nodes):
            if not needed.isdisjoint(node.output):
                kept.append(node)
                needed.update(reads(node))
        self.nodes = kept[::-1]
        self.constants = {name: array for name, array in self.constants.items() if name in needed}

    def model(self) -> onnx.ModelProto:
        """Return the graph as a model of its own; versions, inputs, outputs and metadata are those it came with."""
        self.tidy()
        result = onnx.ModelProto()
        for field, value in self._model.ListFields():
            if field.name != "graph":
                _set(result, field, value)
        for field, value in self._model.graph.ListFields():
            if field.name not in {"node", "initializer", "value_info", "input"}:
                _set(result.graph, field, value)
        result.graph.input.extend(self.inputs.values())
        result.graph.node.extend(self.nodes)
        result.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in self.constants.items())
        return result

    def kinds(self) -> Counter[str]:
        """Count the nodes by operator."""
        return Counter(node.op_type for node in self.nodes)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Return the attributes of ``node`` by name: numbers, str, arrays for tensors, lists."""
    found = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    return {name: _plain(value) for name, value in found.items()}


def reads(node: onnx.NodeProto) -> set[str]:
    """Return the names of the values that ``node`` reads, its subgraphs included."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                names |= reads(inner)
            names |= {item.name for item in graph.output}
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value.decode() if isinstance(value, bytes) else value


def _copy(node: onnx.NodeProto) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def _set(message: Any, field: Any, value: Any) -> None:
    if isinstance(value, (int, float, str, bytes)):
        setattr(message, field.name, value)
    elif hasattr(value, "CopyFrom"):
        getattr(message, field.name).CopyFrom(value)
    else:
        getattr(message, field.name).extend(value)
