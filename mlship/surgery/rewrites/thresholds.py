"""Scalers before trees folded into their thresholds, to the last bit.

What a scaler does to a column keeps or reverses the order of numbers, rounding included. So for each threshold t there
is one largest x with f(x) <= t, and bisection over all floating-point numbers finds it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.columns import Block, Floats, blocks_of
from mlship.surgery.rewrites.types import types_of
from mlship.surgery.tree_layout import Ints
from mlship.surgery.trees import LEQ, LT, Ensemble, ensembles, outline, read, write


def fold_scalers(graph: Graph) -> int:
    """Let trees read what is before scalers, and casts around them; return how many operations they skip."""
    return sum(_fold(graph, node, casts_alone=False) for node in ensembles(graph))


def fold_casts(graph: Graph) -> int:
    """Let trees of doubles read what is before it is rounded to single precision; return how many casts they skip."""
    return sum(_fold(graph, node, casts_alone=True) for node in ensembles(graph))


def moved(ensemble: Ensemble, blocks: list[Block]) -> Ensemble | None:
    """Return the ensemble that answers for the bases of ``blocks`` alike; None where a node does not just compare.

    Where a step reverses the order, the children of a node change places.
    """
    left, right, missing = ensemble.left.copy(), ensemble.right.copy(), ensemble.missing_left.copy()
    threshold, mode = ensemble.threshold.copy(), ensemble.mode.copy()
    for block in blocks:
        here = ~ensemble.leaf & (ensemble.feature >= block.start)
        here &= (ensemble.feature < block.stop) | (block.stop < 0)
        if not block.steps or not here.any():
            continue
        if not np.isin(mode[here], (LEQ, LT)).all() or not (threshold[here] > -np.inf).all():
            return None
        column = ensemble.feature[here] - block.start
        found, falls = _highest(block, column, threshold[here], mode[here] == LT)
        threshold[here], mode[here] = found, LEQ
        places = np.flatnonzero(here)[falls]
        left[places], right[places] = right[places], left[places]
        missing[places] = ~missing[places]
    return replace(ensemble, left=left, right=right, threshold=threshold, mode=mode, missing_left=missing)


def _fold(graph: Graph, node: onnx.NodeProto, *, casts_alone: bool) -> int:
    dtype, _ = outline(node)
    given = types_of(graph).get(node.input[0])
    if given is None or given.kind != helper.np_dtype_to_tensor_dtype(dtype):
        return 0
    blocks = blocks_of(graph, node.input[0], dtype)
    kinds = [step.kind for block in blocks for step in block.steps]
    if not kinds or (set(kinds) == {"Cast"}) != casts_alone:
        return 0
    new = moved(read(node), blocks)
    if new is None:
        return 0
    made = [write(new, node)]
    if len(blocks) > 1:
        made.insert(0, graph.node("Concat", [block.base for block in blocks], axis=1))
    made[-1].input[0] = made[0].output[0] if len(blocks) > 1 else blocks[0].base
    graph.replace([node], made)
    return len(kinds)


def _highest(
    block: Block, column: Ints, threshold: Floats, less: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return for each node the number to compare x with (<=) instead, and whether its children change places."""
    values, number = np.unique(threshold, return_inverse=True)
    asked = (column.astype(np.int64) * 2 + less) * len(values) + number
    _, first, where = np.unique(asked, return_index=True, return_inverse=True)
    column, threshold, less = column[first], threshold[first], less[first]
    falls = np.logical_xor.reduce([step.falls(column) for step in block.steps])
    sign = np.where(falls, -1, 1).astype(threshold.dtype)

    def holds(x: Floats) -> NDArray[np.bool_]:
        with np.errstate(over="ignore", under="ignore"):
            value: Floats = sign * x
            for step in block.steps:
                value = step(value, column)
        return np.where(less, value < threshold, value <= threshold)

    found = _last(holds, threshold)
    falls &= ~np.isposinf(found)  # where all numbers go left, they still do
    below = np.nextafter(-found, threshold.dtype.type(-np.inf))
    return np.where(falls, below, found)[where], falls[where]


def _last(holds: Any, like: Floats) -> Floats:
    """Return for each item the largest number that ``holds``, which all smaller ones do too; -inf always does."""
    infinite: Floats = np.full(len(like), np.inf, dtype=like.dtype)
    low, high = _keys(-infinite), _keys(infinite)
    for _ in range(like.dtype.itemsize * 8):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        fits = holds(_numbers(middle, like.dtype))
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return np.where(holds(infinite), infinite, _numbers(low, like.dtype))


def _keys(numbers: Floats) -> NDArray[np.int64]:
    """Return integers in the order of floating-point numbers; neighbours differ by 1."""
    bits = numbers.view(f"i{numbers.dtype.itemsize}").astype(np.int64)
    return np.where(bits < 0, bits ^ _largest(numbers.dtype), bits)


def _numbers(keys: NDArray[np.int64], dtype: np.dtype[Any]) -> Floats:
    bits = np.where(keys < 0, keys ^ _largest(dtype), keys)
    return bits.astype(f"i{dtype.itemsize}").view(dtype)


def _largest(dtype: np.dtype[Any]) -> int:
    return (1 << (8 * dtype.itemsize - 1)) - 1
