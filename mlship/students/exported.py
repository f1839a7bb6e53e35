"""Writes a student as ONNX, with the inputs and outputs of its teacher to the letter."""

from typing import Any

import numpy as np
import onnx
from onnx import helper

from mlship.graphs import convert
from mlship.signature import Column
from mlship.students.training import Student
from mlship.surgery.graph import Graph

#: How far from 0 a column may be, in multiples of its range: float32 then still has 1,600 steps for it.
_FARTHEST = 1e4


def exported(student: Student, teacher: onnx.ModelProto) -> onnx.ModelProto:
    """Return the student as a model with ``teacher``'s inputs and outputs: names, order, types, shapes and classes.

    Within, it computes in float32, unless a column is known to hold numbers that float32 does not tell apart.
    Raises UnsupportedModelError where an output of the teacher is none that the student has.
    """
    signature, outputs = student.signature, teacher.graph.output
    names = [item.name for item in outputs]
    single = all(_coarse(column) for column in signature.columns)
    converted = convert(student.pipeline, signature.tensors, signature.columns, outputs=names, single=single)
    graph = Graph(converted.model)
    if "probabilities" in names and (order := student.order()) != sorted(order):
        places = graph.add_constant(np.array(order, dtype=np.int64))
        _after(graph, "probabilities", "Gather", [places], axis=1)
    for item in teacher.graph.input:
        if (own := _kind(graph.inputs[item.name])) != _kind(item):
            cast = graph.node("Cast", [item.name], to=own)
            graph.rewire(item.name, cast.output[0])
            graph.nodes.insert(0, cast)
    if _rank(graph.outputs["prediction"]) < _rank(next(item for item in outputs if item.name == "prediction")):
        _after(graph, "prediction", "Unsqueeze", [graph.add_constant(np.array([1], dtype=np.int64))])
    for item in outputs:
        if _kind(graph.outputs[item.name]) != _kind(item):
            _after(graph, item.name, "Cast", [], to=_kind(item))
    model = graph.model()
    for ports, theirs in ((model.graph.input, teacher.graph.input), (model.graph.output, outputs)):
        del ports[:]
        ports.extend(theirs)
    return model


def _coarse(column: Column) -> bool:
    """Say whether the numbers of a column are far enough apart for float32; timestamps and ids are not."""
    if column.minimum is None or column.maximum is None:
        return True
    return max(abs(column.minimum), abs(column.maximum)) <= _FARTHEST * (column.maximum - column.minimum)


def _kind(item: onnx.ValueInfoProto) -> int:
    return int(item.type.tensor_type.elem_type)


def _rank(item: onnx.ValueInfoProto) -> int:
    return len(item.type.tensor_type.shape.dim)


def _after(graph: Graph, output: str, operator: str, more: list[str], **attributes: Any) -> None:
    """Put one more node between what makes ``output`` and ``output``."""
    maker = graph.producer(output)
    assert maker is not None
    before = graph.fresh(output)
    graph.rewire(output, before)
    maker.output[list(maker.output).index(output)] = before
    graph.nodes.append(helper.make_node(operator, [before, *more], [output], **attributes))
