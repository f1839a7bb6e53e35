"""One against one: a decision for each pair of classes, (rows, pairs), becomes votes and scores, (rows, classes)."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.builder import Graph


def votes(g: Graph, second: str, classes: int) -> str:
    """Count the pairs that each class wins; ``second`` (bool) says where the second class of the pair does."""
    firsts, seconds = _sides(classes)
    won = g.op("MatMul", g.op("Cast", second, to=TensorProto.DOUBLE), seconds - firsts)
    return g.op("Add", won, firsts.sum(axis=0, keepdims=True))


def scores(g: Graph, second: str, confidences: str, classes: int) -> str:
    """Return votes plus a share below 1/3 that the summed confidences decide, as scikit-learn's one-vs-rest shape.

    ``confidences`` are above 0 in favour of the second class.
    """
    firsts, seconds = _sides(classes)
    sums = g.op("MatMul", confidences, seconds - firsts)
    bound = g.op("Mul", g.op("Add", g.op("Abs", sums), np.array(1.0)), np.array(3.0))
    return g.op("Add", votes(g, second, classes), g.op("Div", sums, bound))


def pairs(classes: int) -> NDArray[np.int64]:
    """Return the pairs in order, (pairs, 2): (0, 1), (0, 2) ... (1, 2) ..."""
    return np.array(list(combinations(range(classes), 2)), dtype=np.int64)


def _sides(classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    firsts, seconds = np.eye(classes)[pairs(classes)].transpose(1, 0, 2)
    return np.ascontiguousarray(firsts), np.ascontiguousarray(seconds)
