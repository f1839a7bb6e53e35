"""One-hot columns that meet a product by constants: rows of these looked up, not multiplied by ones and zeros."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.rewrites.encoders import Encoder, encoder_of, written
from mlship.surgery.rewrites.index import Index
from mlship.surgery.rewrites.products import Product, dense, rewrite
from mlship.surgery.rewrites.terms import Doubles, Term

#: Up to so many texts are looked up one by one, which is faster for many rows; more of them side by side, which is
#: faster for a single row, as each node costs time.
_FEW = 8

#: A table of codes may have so many times as many rows as there are one-hot columns.
_LARGEST = 4


@dataclass(frozen=True)
class Lookup:
    """What columns of codes add to a product: the row that a code, an int64 from ``lowest`` on, has in its table.

    ``codes``: (rows, tables). ``tables``: (codes, columns of the product) each. ``encoder``: what makes ``codes``, of
    one column, from ``source``.
    """

    codes: str
    tables: tuple[Doubles, ...]
    lowest: int
    source: str = ""
    encoder: Encoder | None = None


def gather_one_hot(graph: Graph) -> int:
    """Replace products of one-hot columns by rows of constants, looked up; return how many products changed.

    Numbers beside the categories keep a product of their own. Codes that no column stands for add nothing, as before.
    """
    return rewrite(graph, _written)


def _written(index: Index, product: Product) -> list[onnx.NodeProto] | None:
    lookups: list[Lookup] = []
    others: list[Term] = []
    for term in product.terms:
        found = _lookups(index, term)
        lookups += found or []
        if found is None:
            others.append(term)
    if not lookups:
        return None
    tables = lookups[0].tables
    lookups[0] = replace(lookups[0], tables=(tables[0] + product.offset, *tables[1:]))
    parts = [dense(index, others, None, product)] if others else []
    for group in _groups(lookups):
        looked_up = _looked_up(index.graph, group, product.dtype)
        if looked_up is None:
            return None
        parts.append(looked_up)
    nodes = [node for part in parts for node in part]
    ends = [part[-1].output[0] for part in parts]
    return nodes if len(parts) == 1 else [*nodes, index.graph.node("Sum", ends)]


def _lookups(index: Index, term: Term) -> list[Lookup] | None:
    """Return what the one-hot columns that ``term`` multiplies look up; None where it multiplies anything else."""
    found = _one_hot(index, term.source)
    if found is None:
        return None
    codes, columns, hot = found
    lookups, first = [], 0
    for piece in _pieces(index, codes):
        width, span = index.width(piece), _range(index, piece)
        if width is None or span is None or span[1] - span[0] > _LARGEST * len(hot):
            return None
        tables = tuple(_table(term.weights, hot, columns == first + place, span) for place in range(width))
        encoder, maker = encoder_of(index.made.get(piece)), index.made.get(piece)
        if encoder is None or maker is None or width > 1:
            lookups.append(Lookup(piece, tables, span[0]))
        else:
            lookups.append(Lookup(piece, tables, span[0], maker.input[0], encoder))
        first += width
    return lookups


def _one_hot(index: Index, value: str) -> tuple[str, NDArray[np.int64], NDArray[np.int64]] | None:
    """Return codes (rows, columns), and for each one-hot column which of these it looks at, and for what code."""
    cast = index.made.get(value)
    if cast is None or cast.op_type != "Cast" or attributes(cast)["to"] not in (TensorProto.DOUBLE, TensorProto.FLOAT):
        return None
    equal = index.made.get(cast.input[0])
    if equal is None or equal.op_type != "Equal":
        return None
    hot = next((found for name in equal.input if (found := index.graph.constant(name)) is not None), None)
    spread = next((name for name in equal.input if index.graph.constant(name) is None), "")
    width = index.width(value)
    if hot is None or hot.dtype != np.int64 or width is None or hot.shape not in ((1, width), (width,)):
        return None
    gather = index.made.get(spread)
    if gather is not None and gather.op_type == "Gather" and attributes(gather).get("axis", 0) == 1:
        columns = index.graph.constant(gather.input[1])
        if columns is not None and columns.shape == (width,):
            return gather.input[0], columns.astype(np.int64), hot.reshape(-1)
    columns = np.arange(width) if index.width(spread) == width else np.zeros(width, dtype=np.int64)
    return (spread, columns, hot.reshape(-1)) if index.width(spread) in (1, width) else None


def _pieces(index: Index, codes: str) -> list[str]:
    """Return the values that ``codes`` puts side by side."""
    node = index.made.get(codes)
    if node is None or node.op_type != "Concat" or attributes(node)["axis"] not in (1, -1):
        return [codes]
    return [piece for name in node.input for piece in _pieces(index, name)]


def _range(index: Index, codes: str) -> tuple[int, int] | None:
    """Return the lowest and the highest of all codes that can occur; None where the graph does not tell."""
    constant, node = index.graph.constant(codes), index.made.get(codes)
    if constant is not None and constant.dtype == np.int64 and constant.size:
        return int(constant.min()), int(constant.max())
    if node is None:
        return None
    encoder = encoder_of(node)
    if encoder is not None and encoder.values.dtype == np.int64:
        every = np.append(encoder.values, encoder.default)
        return int(every.min()), int(every.max())
    sources = {"Gather": node.input[:1], "Where": node.input[1:], "Concat": node.input}.get(node.op_type, [])
    spans = [_range(index, name) for name in sources]
    found = [span for span in spans if span is not None]
    return (
        (min(low for low, _ in found), max(high for _, high in found)) if found and len(found) == len(spans) else None
    )


def _table(weights: Doubles, hot: NDArray[np.int64], mine: NDArray[np.bool_], span: tuple[int, int]) -> Doubles:
    """Return what each code of a span adds, (codes, columns)."""
    table = np.zeros((span[1] - span[0] + 1, weights.shape[1]))
    mine = mine & (hot >= span[0]) & (hot <= span[1])
    np.add.at(table, hot[mine] - span[0], weights[mine])
    return table


def _groups(lookups: list[Lookup]) -> list[list[Lookup]]:
    """Return what is looked up together: many texts with several columns of weights, everything else on its own."""
    texts = [lookup for lookup in lookups if lookup.encoder is not None]
    if len(texts) <= _FEW or texts[0].tables[0].shape[1] == 1:
        return [[lookup] for lookup in lookups]
    return [texts, *([lookup] for lookup in lookups if lookup.encoder is None)]


def _looked_up(graph: Graph, group: list[Lookup], dtype: np.dtype[np.floating]) -> list[onnx.NodeProto] | None:
    """Return the nodes that look rows up and add up those of one row; None where there is no such operator."""
    tables = [table for lookup in group for table in lookup.tables]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])], dtype=np.int64)
    rows = np.concatenate(tables).astype(dtype)
    if group[0].encoder is not None:
        if rows.shape[1] == 1 and (direct := _encoded(graph, group[0], rows[:, 0])) is not None:
            return [direct]
        nodes = _all_encoded(graph, group, starts)
    else:
        shift = starts - group[0].lowest
        nodes = [graph.node("Add", [group[0].codes, graph.add_constant(shift.reshape(1, -1))])] if shift.any() else []
    if nodes is None:
        return None
    codes = nodes[-1].output[0] if nodes else group[0].codes
    table = graph.add_constant(rows, "table")
    if len(tables) == 1:
        return [*nodes, graph.node("GatherND", [table, codes])]
    nodes.append(graph.node("Gather", [table, codes]))
    axis = graph.add_constant(np.array([1], dtype=np.int64))
    return [*nodes, graph.node("ReduceSum", [nodes[-1].output[0], axis], keepdims=0)]


def _all_encoded(graph: Graph, group: list[Lookup], starts: NDArray[np.int64]) -> list[onnx.NodeProto] | None:
    """Return the nodes that put the places of several texts side by side, in one table of all."""
    nodes: list[onnx.NodeProto] = []
    for lookup, start in zip(group, starts.tolist(), strict=True):
        node = _encoded(graph, lookup, np.arange(start, start + len(lookup.tables[0])))
        if node is None:
            return None
        nodes.append(node)
    if len(nodes) == 1:
        return nodes
    return [*nodes, graph.node("Concat", [node.output[0] for node in nodes], axis=1)]


def _encoded(graph: Graph, lookup: Lookup, answers: NDArray[Any]) -> onnx.NodeProto | None:
    """Return what looks text up with ``answers`` for its codes, from the lowest on."""
    encoder = lookup.encoder
    if encoder is None:
        return None
    values, default = (answers[codes - lookup.lowest] for codes in (encoder.values, encoder.default))
    return written(graph, lookup.source, Encoder(encoder.keys, values, default))
