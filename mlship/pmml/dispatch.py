"""Finds who writes a step: our own function for its class, or the reader of its ONNX graph."""

import importlib
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from onnx import TensorProto

from mlship import graphs
from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix, NotOurs, Result
from mlship.graphs.dispatch import answer as graph_answer
from mlship.graphs.dispatch import transform as graph_transform
from mlship.graphs.table import public_name
from mlship.pmml import symbolic
from mlship.pmml.columns import Block, Cell, plain
from mlship.pmml.models import Answers
from mlship.pmml.nodes import Node
from mlship.pmml.rounding import unrounded
from mlship.pmml.table import PREDICTORS, TRANSFORMERS


def transform(estimator: Any, block: Block) -> Block:
    """Return the columns that a fitted transformer makes of ``block``; raises UnsupportedModelError."""
    own = _own(TRANSFORMERS, estimator)
    if own is not None:
        columns: Block = own(estimator, block)
        return columns
    g, matrices, inputs = _graph(block)
    pieces = graph_transform(g, estimator, matrices)
    kinds = {"string": TensorProto.STRING, "number": TensorProto.DOUBLE}
    wanted = {f"out{i}": Result(piece.name, kinds[piece.kind], piece.width) for i, piece in enumerate(pieces)}
    found = _outputs(g, estimator, wanted, inputs)
    if g.precision == "float32":
        message = f"{type(estimator).__name__} computes in single precision, which PMML evaluators do differently"
        raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
    return [
        Cell(value, piece.null, piece.sparse)
        for i, piece in enumerate(pieces)
        for value in found[f"out{i}"].reshape(-1).tolist()
    ]


def answer(estimator: Any, block: Block) -> Answers:
    """Return all answers of a fitted predictor; raises UnsupportedModelError."""
    own = _own(PREDICTORS, estimator)
    if own is not None:
        try:
            answers: Answers = own(estimator, block)
        except NotOurs:
            pass
        else:
            return answers
    g, matrices, inputs = _graph(block)
    results = graph_answer(g, estimator, matrices)
    wanted = {name: results[name] for name in graphs.outputs_of(estimator)}
    values = _outputs(g, estimator, wanted, inputs)
    classes = getattr(estimator, "classes_", None)
    if classes is None or isinstance(classes, list) or values["prediction"].size > 1:
        return Answers(values, precision=g.precision)
    labels = plain(classes)
    return Answers(values, labels, _index(values["prediction"].item(), len(labels)), precision=g.precision)


def _own(table: Mapping[str, str], estimator: Any) -> Any:
    kind = type(estimator)
    target = table.get(public_name(f"{kind.__module__}.{kind.__qualname__}"))
    if target is None:
        return None
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(f"mlship.pmml.{module}"), name)


def _graph(block: Block) -> tuple[Graph, list[Matrix], dict[str, list[Any]]]:
    """Start a graph whose inputs are the columns of ``block``; columns of one kind side by side are one matrix."""
    g = Graph()
    matrices: list[Matrix] = []
    inputs: dict[str, list[Any]] = {}
    for (kind, null, sparse), group in groupby(block, key=lambda cell: (cell.kind, cell.null, cell.sparse)):
        values = [cell.value for cell in group]
        name = f"in{len(matrices)}"
        matrices.append(g.input(Matrix(name, kind, len(values), null, sparse)))
        inputs[name] = values
    return g, matrices, inputs


def _outputs(g: Graph, estimator: Any, wanted: Mapping[str, Result], inputs: Mapping[str, list[Any]]) -> dict[str, Any]:
    if any(step.endswith(": skl2onnx") for step in g.route):
        message = f"{type(estimator).__name__} cannot be written as PMML"
        raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
    found = symbolic.outputs(g.model(dict(wanted)), inputs)
    return {name: unrounded(values) for name, values in found.items()} if g.precision == "float32" else found


def _index(prediction: Any, classes: int) -> Any:
    """Return the class number that the label was looked up with, where that can be seen."""
    if isinstance(prediction, Node) and prediction.op == "map":
        table = prediction.value
        if list(table.entries) == list(range(classes)):
            return prediction.args[0]
    return None
