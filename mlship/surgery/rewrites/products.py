"""Products by constants with all that is linear around them, written as one product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.index import Index
from mlship.surgery.rewrites.terms import Doubles, Term, product_of, pulled, row_of, start


@dataclass(frozen=True)
class Product:
    """A sum of ``terms`` and ``offset`` (columns,), which ``nodes`` compute in a roundabout way as ``output``.

    ``dtype`` is what the graph computes in; ``terms`` are in double.
    """

    nodes: tuple[onnx.NodeProto, ...]
    terms: tuple[Term, ...]
    offset: Doubles
    output: str
    dtype: np.dtype[Any]


def fold_affine(graph: Graph) -> int:
    """Fold sums, scalings and products by constants around each product into it; return how many products changed.

    Scalers, centring, whitening, projections and linear models in a row become one product with a bias, also where
    columns are chosen or put side by side in between. A product is never joined with another where that would multiply
    more.
    """
    return rewrite(graph, lambda index, product: dense(index, product.terms, product.offset, product))


def rewrite(graph: Graph, written: Callable[[Index, Product], Sequence[onnx.NodeProto] | None]) -> int:
    """Replace each product by what ``written`` makes of it, where that is fewer nodes; return how many changed."""
    index, count = Index(graph), 0
    for node in list(graph.nodes):
        product = _at(index, node) if index.made.get(node.output[0]) is node else None
        new = written(index, product) if product else None
        if product and new and len(new) < len(index.dying(product.nodes, new)):
            new[-1].output[0] = product.output
            index.replace(product.nodes, new)
            count += 1
    return count


def dense(index: Index, terms: Sequence[Term], offset: Doubles | None, product: Product) -> list[onnx.NodeProto]:
    """Return the nodes of the sum of ``terms`` and ``offset``: one product, of columns put side by side before."""
    graph, nodes, parts, weights = index.graph, list[onnx.NodeProto](), [], []
    for term in _merged(terms):
        parts.append(term.source)
        weights.append(term.weights[term.read])
        if not term.read.all():
            chosen = graph.add_constant(np.flatnonzero(term.read))
            nodes.append(graph.node("Gather", [term.source, chosen], axis=1))
            parts[-1] = nodes[-1].output[0]
    if len(parts) > 1:
        nodes.append(graph.node("Concat", parts, axis=1))
        parts = [nodes[-1].output[0]]
    operands = [*parts, _constant(graph, np.concatenate(weights), product)]
    if offset is None:
        return [*nodes, graph.node("MatMul", operands)]
    return [*nodes, graph.node("Gemm", [*operands, _constant(graph, offset, product)])]


def _constant(graph: Graph, values: Doubles, product: Product) -> str:
    return graph.add_constant(values.astype(product.dtype), "weights")


def _at(index: Index, node: onnx.NodeProto) -> Product | None:
    """Return the product that ``node`` computes, with all that can be pulled into it from before and after."""
    found = product_of(index, node)
    if found is None:
        return None
    weights, bias = found
    after, weights, offset = _followed(index, node, weights, np.zeros(weights.shape[1]) if bias is None else bias)
    waiting, terms = [start(node.input[0], weights)], []
    while waiting:
        term = waiting.pop(0)
        further = pulled(index, term)
        if further is None:
            terms.append(term)
        else:
            waiting[:0] = further.terms
            offset = offset + further.offset
    dtype: NDArray[Any] = index.graph.constants[node.input[1]]
    output = after[-1].output[0] if after else node.output[0]
    return Product((node, *after), tuple(terms), offset, output, dtype.dtype) if np.isfinite(offset).all() else None


def _followed(
    index: Index, node: onnx.NodeProto, weights: Doubles, offset: Doubles
) -> tuple[list[onnx.NodeProto], Doubles, Doubles]:
    """Return the sums and scalings right after a product, and weights and offset with these in them."""
    nodes: list[onnx.NodeProto] = []
    value = node.output[0]
    while (reader := index.reader(value)) is not None and not reader.domain:
        step = _applied(index, reader, value, weights, offset)
        if step is None:
            break
        weights, offset = step
        nodes.append(reader)
        value = reader.output[0]
    return nodes, weights, offset


def _applied(
    index: Index, node: onnx.NodeProto, value: str, weights: Doubles, offset: Doubles
) -> tuple[Doubles, Doubles] | None:
    if node.op_type == "Neg":
        return -weights, -offset
    first = node.input[0] != value
    row = row_of(index.graph.constant(node.input[0 if first else -1]), weights.shape[1])
    if row is None or (node.op_type == "Div" and (first or not row.all())):
        return None
    one, none = np.ones_like(row), np.zeros_like(row)
    known = {
        "Add": (one, row),
        "Sub": (-one, row) if first else (one, -row),
        "Mul": (row, none),
        "Div": (1 / np.where(row == 0, 1, row), none),
    }
    factor, shift = known.get(node.op_type, (None, none))
    return None if factor is None else (weights * factor, offset * factor + shift)


def _merged(terms: Sequence[Term]) -> list[Term]:
    """Add up the terms of the same source."""
    joint: dict[str, Term] = {}
    for term in terms:
        weights, read = term.weights, term.read
        if term.source in joint:
            weights, read = weights + joint[term.source].weights, read | joint[term.source].read
        joint[term.source] = replace(term, weights=weights, read=read)
    return list(joint.values())
