"""Decision trees and forests of scikit-learn, to the last bit.

They cast rows to float32 and compare them with double thresholds; leaves are added up in double.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.ensemble import Doubles, Trees, summed
from mlship.graphs.labels import flat, largest, pick

_DIGITS = 53  # integers below 2**53 are exact in double


def tree_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """DecisionTreeClassifier and ExtraTreeClassifier: the class shares of the leaf."""
    classes = model.classes_
    chances = _leaf_rows(g, model, model.tree_.value[:, 0, : len(classes)], block)
    return _classes(g, chances, classes)


def tree_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """DecisionTreeRegressor and ExtraTreeRegressor: the value, or values, of the leaf."""
    if model.n_outputs_ > 1:
        return {"prediction": Result(_leaf_rows(g, model, model.tree_.value[:, :, 0], block), width=model.n_outputs_)}
    total = summed(g, as_float32(g, block), trees_of([model]), model.tree_.value[:, 0, :1])
    return {"prediction": Result(flat(g, total))}


def forest_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """RandomForestRegressor and ExtraTreesRegressor: the mean over the trees."""
    trees = trees_of(model.estimators_)
    values = np.concatenate([tree.tree_.value[:, :, 0] for tree in model.estimators_])
    total = summed(g, as_float32(g, block), trees, values)
    mean = g.op("Div", total, np.array(float(len(model.estimators_))))
    if model.n_outputs_ > 1:
        return {"prediction": Result(mean, width=model.n_outputs_)}
    return {"prediction": Result(flat(g, mean))}


def forest_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """RandomForestClassifier and ExtraTreesClassifier: the mean of the class shares over the trees."""
    classes = model.classes_
    trees = trees_of(model.estimators_)
    shares = np.concatenate([tree.tree_.value[:, 0, :] for tree in model.estimators_])
    x, count = as_float32(g, block), len(model.estimators_)
    chances = _counted(g, x, trees, shares)
    if chances is None:
        chances = g.op("Div", summed(g, x, trees, shares), np.array(float(count)))
    return _classes(g, chances, classes)


def as_float32(g: Graph, block: Block) -> str:
    """Round to float32 and go back to double."""
    rounded = g.op("Cast", numbers(g, block).name, to=TensorProto.FLOAT)
    return g.op("Cast", rounded, to=TensorProto.DOUBLE)


def trees_of(models: Sequence[Any]) -> Trees:
    """Return the trees of fitted decision trees."""
    raw = [model.tree_ for model in models]
    return Trees(
        sizes=np.array([tree.node_count for tree in raw], dtype=np.int64),
        left=np.concatenate([tree.children_left for tree in raw]),
        right=np.concatenate([tree.children_right for tree in raw]),
        feature=np.concatenate([tree.feature for tree in raw]),
        threshold=np.concatenate([tree.threshold for tree in raw]),
        missing_left=np.concatenate([tree.missing_go_to_left for tree in raw]).astype(bool),
        members={},
    )


def _leaf_rows(g: Graph, model: Any, values: Doubles, block: Block) -> str:
    """Return the row of ``values`` (nodes, width) of the leaf that one tree reaches."""
    numbers_of_nodes = np.arange(len(values), dtype=np.float64).reshape(-1, 1)
    reached = summed(g, as_float32(g, block), trees_of([model]), numbers_of_nodes)
    return g.op("Gather", np.ascontiguousarray(values), g.op("Cast", flat(g, reached), to=TensorProto.INT64))


def _counted(g: Graph, x: str, trees: Trees, shares: Doubles) -> str | None:
    """Return the mean shares (rows, classes) where they can be added up as integers; None where they cannot.

    In pure leaves (and such as 3/4 : 1/4) shares are multiples of 1/2**k that sum to 1. Sums of such numbers are exact
    in any order, so the last class is what the others leave; and several classes fit as digits into one double. That
    saves copies of the trees.
    """
    shares = np.where(trees.left[:, None] < 0, shares, np.eye(1, shares.shape[1]))  # inner nodes do not count
    scale = next((2.0**k for k in range(8) if np.array_equal(shares * 2.0**k, np.rint(shares * 2.0**k))), 0.0)
    if not scale or shares.shape[1] == 1 or not (shares.sum(axis=1) == 1.0).all():
        return None
    whole = len(trees.sizes) * scale
    base = 2.0 ** int(whole).bit_length()
    per, classes = _DIGITS // int(whole).bit_length(), shares.shape[1]
    order = np.arange(classes - 1)
    digit, carrier = base ** (order % per), order // per
    packed = np.stack(
        [(shares[:, :-1] * scale * digit)[:, carrier == k].sum(axis=1) for k in range(carrier[-1] + 1)], 1
    )
    counts = summed(g, x, trees, packed)
    if per > 1 and classes > 2:
        total = g.op("Gather", counts, carrier, axis=1)
        above = g.op("Floor", g.op("Div", total, digit * base))
        counts = g.op("Sub", g.op("Floor", g.op("Div", total, digit)), g.op("Mul", above, np.array(base)))
    rest = g.op("Sub", np.array(whole), g.op("ReduceSum", counts, np.array([1]), keepdims=1))
    return g.op("Div", g.op("Concat", counts, rest, axis=1), np.array(whole))


def _classes(g: Graph, chances: str, classes: Any) -> Answers:
    return {
        "prediction": pick(g, largest(g, chances), classes),
        "probabilities": Result(chances, width=len(classes)),
    }
