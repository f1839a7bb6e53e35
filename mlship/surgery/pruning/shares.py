"""Writes a forest that answers class shares with as few copies of its trees as will do.

A leaf of ai.onnx.ml 5 holds one number, so leaves with several shares need a copy of their tree for each. Counts of
several classes fit into one double as the digits of one number, though, and the last class is what the others leave.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import Graph
from mlship.surgery.trees import Ensemble, write

Doubles = NDArray[np.float64]

#: Shares are rounded to multiples of 1 / this where they are no multiples of something coarser.
_FINEST = 64
_EXACT = {np.dtype(np.float64): 2.0**53, np.dtype(np.float32): 2.0**24}  # integers below are exact


@dataclass(frozen=True)
class Packing:
    """How the shares of all classes but the last are written: ``digits`` of them, ``per`` to a number of base ``base``.

    A share of 1 is the digit ``scale``; a leaf needs ``carriers`` such numbers.
    """

    digits: int
    scale: int
    base: float
    per: int

    @property
    def carriers(self) -> int:
        return -(-self.digits // self.per)


def packing(shares: Doubles, trees: int, kind: np.dtype[Any]) -> Packing:
    """Return how the sums over ``trees`` trees of ``shares`` (leaves, classes) are packed into numbers of ``kind``.

    Sums of digits stay below the base: there is no carrying, and dividing such numbers is exact enough to round down.
    """
    scale = next((2**k for k in range(_FINEST.bit_length()) if _is_whole(shares, 2**k)), _FINEST)
    base, digits = float(trees * scale + 1), shares.shape[1] - 1
    per = 0
    while per < digits and base ** (per + 1) < _EXACT[kind]:
        per += 1
    return Packing(digits, scale, base, max(per, 1))


def packed(ensemble: Ensemble, shares: Doubles, pack: Packing) -> Ensemble:
    """Return the trees of ``ensemble``, copied as ``pack`` asks, with the class ``shares`` (leaves, classes)."""
    digits = _digits(shares, pack.scale)
    weights = np.zeros((len(shares), pack.carriers))
    for label in range(pack.digits):
        weights[:, label // pack.per] += digits[:, label] * pack.base ** (label % pack.per)
    kind, copies, nodes = ensemble.threshold.dtype, pack.carriers, len(ensemble.left)
    return replace(
        ensemble,
        sizes=np.tile(ensemble.sizes, copies),
        left=np.tile(ensemble.left, copies),
        right=np.tile(ensemble.right, copies),
        feature=np.tile(ensemble.feature, copies),
        threshold=np.tile(ensemble.threshold, copies),
        mode=np.tile(ensemble.mode, copies),
        missing_left=np.tile(ensemble.missing_left, copies),
        members={place + nodes * copy: held for copy in range(copies) for place, held in ensemble.members.items()},
        node=np.concatenate([ensemble.node + nodes * copy for copy in range(copies)]),
        target=np.repeat(np.arange(copies), len(shares)),
        weight=weights.T.ravel().astype(kind),
        n_targets=copies,
        aggregate="SUM",
    )


def answered(graph: Graph, output: str) -> str | None:
    """Return the value that is handed on as it is under the name ``output``; None where that is made on the spot."""
    node = graph.producer(output)
    return node.input[0] if node is not None and node.op_type == "Identity" else None


def put(graph: Graph, node: onnx.NodeProto, place: str, ensemble: Ensemble, pack: Packing) -> None:
    """Let ``ensemble``, which is ``packed``, answer the mean shares in place of value ``place``, which ``node`` fed."""
    kind = ensemble.weight.dtype.type
    trees = len(ensemble.sizes) // pack.carriers
    order = np.arange(pack.digits)
    whole = graph.add_constant(np.array(trees * pack.scale, dtype=kind), "whole")
    like = onnx.helper.make_node(node.op_type, [node.input[0]], [graph.fresh("sums")], domain=node.domain)
    made = [write(ensemble, like)]

    def op(name: str, *inputs: Any, **attributes: Any) -> str:
        named = [item if isinstance(item, str) else graph.add_constant(item) for item in inputs]
        made.append(graph.node(name, named, **attributes))
        return str(made[-1].output[0])

    counts = made[0].output[0]
    if pack.per > 1 and pack.digits > 1:
        digit = (pack.base ** (order % pack.per)).astype(kind)
        total = op("Gather", counts, order // pack.per, axis=1) if pack.carriers > 1 else counts
        above = op("Floor", op("Div", total, (digit * pack.base).astype(kind)))
        own = op("Floor", op("Div", total, digit))
        counts = op("Sub", own, op("Mul", above, np.array(pack.base, dtype=kind)))
    rest = op("Sub", whole, op("ReduceSum", counts, np.array([1]), keepdims=1))
    shares = op("Div", op("Concat", counts, rest, axis=1), whole)
    at = next(number for number, item in enumerate(graph.nodes) if item is node)
    graph.nodes[at:at] = made
    graph.rewire(place, shares)


def _digits(shares: Doubles, scale: int) -> Doubles:
    """Return the shares of all classes but the last as whole numbers that sum to ``scale`` at most."""
    digits = np.rint(shares[:, :-1] * scale)
    rows, largest = np.arange(len(digits)), digits.argmax(axis=1)
    digits[rows, largest] -= np.maximum(digits.sum(axis=1) - scale, 0)
    return digits


def _is_whole(shares: Doubles, scale: int) -> bool:
    return bool(np.allclose(shares * scale, np.rint(shares * scale), rtol=0, atol=1e-6))
