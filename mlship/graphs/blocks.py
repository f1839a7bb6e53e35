"""Columns side by side: choose some, join them, take them one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlship.errors import UnsupportedModelError
from mlship.graphs import terms
from mlship.graphs.builder import Block, Graph, Matrix


def select(g: Graph, block: Block, indices: Sequence[int]) -> list[Matrix]:
    """Return the columns with the given numbers, in that order; columns from one matrix stay together."""
    places = [(piece, column) for piece in block for column in range(piece.width)]
    runs: list[tuple[Matrix, list[int]]] = []
    for piece, column in (places[index] for index in indices):
        if runs and runs[-1][0] is piece:
            runs[-1][1].append(column)
        else:
            runs.append((piece, [column]))
    return [_gather(g, piece, columns) for piece, columns in runs]


def numbers(g: Graph, block: Block) -> Matrix:
    """Join numeric columns into one matrix; raises UnsupportedModelError where there is text among them."""
    if any(piece.kind == "string" for piece in block):
        raise UnsupportedModelError("a step that computes with numbers is given a column of text")
    return joined(g, block)


def joined(g: Graph, block: Block) -> Matrix:
    """Join columns of one kind into one matrix; raises UnsupportedModelError for mixed kinds."""
    if not block:
        raise UnsupportedModelError("a step is left without columns")
    if len(block) == 1:
        return block[0]
    if len({piece.kind for piece in block}) > 1:
        raise UnsupportedModelError("text and numbers side by side cannot be one ONNX output")
    name = g.op("Concat", *(piece.name for piece in block), axis=1)
    sparse = any(piece.sparse for piece in block)
    return replace(block[0], name=name, width=sum(piece.width for piece in block), sparse=sparse)


def product(g: Graph, block: Block, weights: NDArray[np.float64]) -> str:
    """Return the columns . ``weights``, (rows, columns of ``weights``); counts of terms never become a dense matrix."""
    if not any(piece.name in g.terms for piece in block):
        return g.op("MatMul", numbers(g, block).name, weights)
    start, shares = 0, []
    for piece in block:
        part = weights[start : start + piece.width]
        known = g.terms.get(piece.name)
        shares.append(product(g, [piece], part) if known is None else terms.product(g, known, part))
        start += piece.width
    return shares[0] if len(shares) == 1 else g.op("Sum", *shares)


def each(g: Graph, block: Block) -> Iterator[Matrix]:
    """Yield the columns one by one, each as a matrix of width 1."""
    for piece in block:
        for column in range(piece.width):
            yield _gather(g, piece, [column])


def width(block: Block) -> int:
    """Return the number of columns."""
    return sum(piece.width for piece in block)


def _gather(g: Graph, piece: Matrix, columns: list[int]) -> Matrix:
    if columns == list(range(piece.width)):
        return piece
    name = g.op("Gather", piece.name, np.array(columns, dtype=np.int64), axis=1)
    if piece.name in g.terms and len(set(columns)) == len(columns):
        g.terms[name] = terms.chosen(g, g.terms[piece.name], columns)
    return replace(piece, name=name, width=len(columns))
