"""Leaves out columns of linear models whose coefficients move the answers little, so that matrices get smaller.

The measure of a row is what it moves the answer by: the length of its coefficients times how far its column strays on
given rows (magnitude pruning with standardised coefficients; Bring 1994).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.signature import Signature
from mlship.surgery.graph import ONNX, Graph, attributes
from mlship.surgery.pruning.layers import layers, matrix, set_matrix
from mlship.surgery.pruning.search import Pruned, Search, grid, sizes
from mlship.surgery.pruning.values import observed

Doubles = NDArray[np.float64]

#: Matrices with fewer rows are left as they are: what picks the columns that stay would cost more than it saves.
_FEWEST_ROWS = 256
#: Share of the whole model that the coefficients must be.
_LEAST_SHARE = 0.5
_SAME_WIDTH = frozenset({"Add", "Cast", "Div", "Identity", "Mul", "Sub"})


@dataclass(frozen=True)
class Coefficients:
    """A constant (columns, sums) that columns of numbers are multiplied by, or whose rows are looked up by number.

    ``node`` multiplies its first input by it (``product``), or gathers rows (``lookup``), as text models do with the
    numbers of the terms that a text has.
    """

    node: onnx.NodeProto
    weights: NDArray[Any]
    kind: Literal["product", "lookup"]


def coefficients(graph: Graph) -> list[Coefficients]:
    """Return the coefficients of ``graph`` of which rows can be left out with a gain."""
    hidden = {id(node) for layer in layers(graph) for node in layer.readers}
    found = []
    for node in graph.nodes:
        weights = matrix(graph, node)
        if weights is not None and id(node) not in hidden and len(weights) >= _FEWEST_ROWS:
            found.append(Coefficients(node, weights, "product"))
        rows = graph.constant(node.input[0]) if node.op_type == "Gather" and node.domain == ONNX else None
        if rows is None or rows.ndim != 2 or rows.dtype.kind != "f" or attributes(node).get("axis", 0) != 0:
            continue
        if len(rows) >= _FEWEST_ROWS and rows.shape[1] > 1:  # of one number a row, the map would be as large
            found.append(Coefficients(node, rows, "lookup"))
    return found


def refusal(model: onnx.ModelProto) -> str:
    """Say why no rows of coefficients of ``model`` are worth leaving out; "" where some may be."""
    held = sum(item.weights.nbytes for item in coefficients(Graph(model)))
    if not held:
        return f"no coefficients of {_FEWEST_ROWS} columns or more"
    share = held / model.ByteSize()
    return "" if share >= _LEAST_SHARE else f"coefficients that are only {share:.0%} of it"


def thinner(model: onnx.ModelProto, search: Search) -> Iterator[Pruned]:
    """Yield the model with fewer rows of coefficients, the smallest first, as far as the budget allows."""
    scores = _scores(model, search.rows.inputs)
    ranked = np.sort(np.concatenate(scores))[::-1]

    def pruned(size: int) -> onnx.ModelProto:
        return _without(model, [np.flatnonzero(score >= ranked[size - 1]) for score in scores])[0]

    for size in sizes(grid(max(search.fewest, 1), len(ranked)), lambda size: search.quality(pruned(size)), search):
        kept = [np.flatnonzero(score >= ranked[size - 1]) for score in scores]
        smaller, unused = _without(model, kept, search.signature)
        left = sum(len(rows) for rows in kept)
        facts = {"coefficient_rows": left, "coefficient_rows_before": len(ranked), "unused_inputs": unused}
        yield Pruned(f"{left:,} of {len(ranked):,} rows of coefficients", smaller, facts)


def _scores(model: onnx.ModelProto, inputs: Mapping[str, NDArray[Any]]) -> list[Doubles]:
    """Return by how much each row of each of the coefficients moves the answers."""
    found = coefficients(Graph(model))
    names = [item.node.input[0 if item.kind == "product" else 1] for item in found]
    values = observed(model, list(dict.fromkeys(names)), inputs)
    scores = []
    for item, name in zip(found, names, strict=True):
        length = np.linalg.norm(item.weights.astype(np.float64), axis=1)
        if item.kind == "product":
            columns = values[name].reshape(-1, len(length)).astype(np.float64)
            spread = np.nan_to_num(np.nanstd(columns, axis=0))
            scores.append(length * np.sqrt(spread**2 + (spread**2).mean() / len(columns)))
        else:
            often = np.bincount(values[name].ravel() % len(length), minlength=len(length))
            scores.append(length * np.sqrt(often + 0.5))
    return scores


def _without(
    model: onnx.ModelProto, kept: list[NDArray[np.intp]], signature: Signature | None = None
) -> tuple[onnx.ModelProto, list[str]]:
    """Return ``model`` with these rows of each of its coefficients only, and the user's columns that nothing reads."""
    graph, unused = Graph(model), list[str]()
    for item, rows in zip(coefficients(graph), kept, strict=True):
        if len(rows) == len(item.weights):
            continue
        if item.kind == "lookup":
            _shorten(graph, item, rows)
            continue
        if signature is not None:
            unused += _unused(graph, item, rows, signature)
        picked = graph.node("Gather", [item.node.input[0], graph.add_constant(rows, "kept")], axis=1)
        graph.nodes.insert(next(i for i, node in enumerate(graph.nodes) if node is item.node), picked)
        item.node.input[0] = picked.output[0]
        set_matrix(graph, item.node, item.weights[rows])
    return graph.model(), unused


def _shorten(graph: Graph, item: Coefficients, rows: NDArray[np.intp]) -> None:
    """Look up by way of new numbers: all rows that are left out share one of zeros."""
    numbers = np.full(len(item.weights), len(rows), dtype=np.int32)
    numbers[rows] = np.arange(len(rows), dtype=np.int32)
    short = np.concatenate([item.weights[rows], np.zeros_like(item.weights[:1])])
    renumber = graph.node("Gather", [graph.add_constant(numbers, "numbers"), item.node.input[1]], axis=0)
    graph.nodes.insert(next(i for i, node in enumerate(graph.nodes) if node is item.node), renumber)
    item.node.input[:] = [graph.add_constant(short, "weights"), renumber.output[0]]


def _unused(graph: Graph, item: Coefficients, rows: NDArray[np.intp], signature: Signature) -> list[str]:
    """Return the user's names of the columns that are left out, where they come straight from one input."""
    value = item.node.input[0]
    while (maker := graph.producer(value)) is not None:
        sources = [name for name in maker.input if graph.constant(name) is None]
        if maker.op_type not in _SAME_WIDTH or len(sources) != 1 or len(graph.readers(value)) != 1:
            return []
        value = sources[0]
    if len(graph.readers(value)) != 1:
        return []
    gone = set(range(len(item.weights))) - set(rows.tolist())
    return [column.name for column in signature.columns if column.tensor == value and column.index in gone]
