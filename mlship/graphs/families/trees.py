"""Decision trees and forests of scikit-learn, to the last bit.

They cast rows to float32 and compare them with double thresholds; leaves are added up in double.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sklearn
from onnx import TensorProto
from packaging.version import Version

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.ensemble import Doubles, Trees, joined_ints, on_leaves, summed
from mlship.graphs.labels import flat, largest, pick, together

#: Before 1.4, scikit-learn kept the weights of the classes in the leaves and divided when it was asked.
_WEIGHTS = Version(sklearn.__version__) < Version("1.4")

_DIGITS = {False: 53, True: 24}  # integers below 2**53 are exact in double, below 2**24 in float32


def tree_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """DecisionTreeClassifier and ExtraTreeClassifier: the class shares of the leaf; several targets: their labels."""
    values, reached = shares_of(model.tree_), _leaf(g, model, block)
    if model.n_outputs_ > 1:
        best = values.argmax(axis=2).T
        labels = [pick(g, reached, kinds.take(codes)) for kinds, codes in zip(model.classes_, best, strict=True)]
        return {"prediction": together(g, labels)}
    shares = np.ascontiguousarray(values[:, 0, : len(model.classes_)])
    return _classes(g, g.op("Gather", shares, reached), model.classes_)


def tree_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """DecisionTreeRegressor and ExtraTreeRegressor: the value, or values, of the leaf."""
    if model.n_outputs_ > 1:
        values = np.ascontiguousarray(model.tree_.value[:, :, 0])
        return {"prediction": Result(g.op("Gather", values, _leaf(g, model, block)), width=model.n_outputs_)}
    total = summed(g, as_float32(g, block), trees_of([model]), model.tree_.value[:, 0, :1])
    return {"prediction": Result(flat(g, total))}


def forest_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """RandomForestRegressor and ExtraTreesRegressor: the mean over the trees."""
    values = np.concatenate([tree.tree_.value[:, :, 0] for tree in model.estimators_])
    return mean_values(g, as_float32(g, block), trees_of(model.estimators_), values)


def forest_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """RandomForestClassifier and ExtraTreesClassifier: the mean of the class shares over the trees."""
    trees, x = trees_of(model.estimators_), as_float32(g, block)
    if model.n_outputs_ > 1:
        labels = [
            pick(g, largest(g, mean_shares(g, x, trees, leaf_shares(model.estimators_, len(kinds), target))), kinds)
            for target, kinds in enumerate(model.classes_)
        ]
        return {"prediction": together(g, labels)}
    chances = mean_shares(g, x, trees, leaf_shares(model.estimators_, len(model.classes_)))
    return _classes(g, chances, model.classes_)


def as_float32(g: Graph, block: Block) -> str:
    """Round to float32 and go back to double."""
    rounded = g.op("Cast", numbers(g, block).name, to=TensorProto.FLOAT)
    return g.op("Cast", rounded, to=TensorProto.DOUBLE)


def trees_of(models: Sequence[Any]) -> Trees:
    """Return the trees of fitted decision trees."""
    raw = [model.tree_ for model in models]
    return Trees(
        sizes=np.array([tree.node_count for tree in raw], dtype=np.int32),
        left=joined_ints([tree.children_left for tree in raw]),
        right=joined_ints([tree.children_right for tree in raw]),
        feature=joined_ints([tree.feature for tree in raw]),
        threshold=np.concatenate([tree.threshold for tree in raw]),
        missing_left=np.concatenate([tree.missing_go_to_left for tree in raw]).astype(bool),
        members={},
    )


def leaf_shares(models: Sequence[Any], classes: int, target: int = 0) -> Doubles:
    """Return the class shares in the leaves of fitted decision trees, (leaves, classes)."""
    raw = [model.tree_ for model in models]
    return np.concatenate([shares_of(tree)[tree.children_left < 0, target, :classes] for tree in raw])


def shares_of(tree: Any) -> Doubles:
    """Return the class shares in all nodes of a tree of scikit-learn, (nodes, targets, classes)."""
    values: Doubles = tree.value
    if not _WEIGHTS:
        return values
    total = values.sum(axis=2, keepdims=True)
    return values / np.where(total == 0.0, 1.0, total)


def mean_values(g: Graph, x: str, trees: Trees, values: Doubles) -> Answers:
    """Return the mean over the trees of ``values`` (nodes, targets), as a prediction."""
    mean = g.op("Div", summed(g, x, trees, values), np.array(float(len(trees.sizes))))
    targets = values.shape[1]
    return {"prediction": Result(mean, width=targets) if targets > 1 else Result(flat(g, mean))}


def mean_shares(g: Graph, x: str, trees: Trees, shares: Doubles) -> str:
    """Return the mean over the trees of ``shares`` (leaves, classes), (rows, classes)."""
    chances = _counted(g, x, trees, shares)
    if chances is None:
        total = summed(g, x, trees, on_leaves(trees, shares))
        chances = g.op("Div", total, np.array(float(len(trees.sizes))))
    return chances


def _leaf(g: Graph, model: Any, block: Block) -> str:
    """Return the number of the leaf that each row reaches in one tree, (rows,)."""
    numbers_of_nodes = np.arange(model.tree_.node_count, dtype=np.float64).reshape(-1, 1)
    reached = summed(g, as_float32(g, block), trees_of([model]), numbers_of_nodes)
    return g.op("Cast", flat(g, reached), to=TensorProto.INT64)


def _counted(g: Graph, x: str, trees: Trees, shares: Doubles) -> str | None:
    """Return the mean shares (rows, classes) where they can be added up as integers; None where they cannot.

    In pure leaves (and such as 3/4 : 1/4) shares are multiples of 1/2**k that sum to 1. Sums of such numbers are exact
    in any order, so the last class is what the others leave; and several classes fit as digits into one double. That
    saves copies of the trees.
    """
    classes = shares.shape[1]
    scale = next((2.0**k for k in range(8) if _is_whole(shares, 2.0**k)), 0.0)
    if not scale or classes == 1 or not (shares.sum(axis=1) == 1.0).all():
        return None
    whole = len(trees.sizes) * scale
    bits = int(whole).bit_length()
    base, per = 2.0**bits, _DIGITS[g.single] // bits
    if not per:
        return None
    order = np.arange(classes - 1)
    digit, carrier = base ** (order % per), order // per
    packed = np.stack(
        [(shares[:, :-1][:, carrier == k] @ digit[carrier == k]) * scale for k in range(carrier[-1] + 1)], 1
    )
    counts = summed(g, x, trees, on_leaves(trees, packed))
    if per > 1 and classes > 2:
        total = g.op("Gather", counts, carrier, axis=1)
        above = g.op("Floor", g.op("Div", total, digit * base))
        counts = g.op("Sub", g.op("Floor", g.op("Div", total, digit)), g.op("Mul", above, np.array(base)))
    rest = g.op("Sub", np.array(whole), g.op("ReduceSum", counts, np.array([1]), keepdims=1))
    return g.op("Div", g.op("Concat", counts, rest, axis=1), np.array(whole))


def _is_whole(shares: Doubles, scale: float) -> bool:
    return all(np.array_equal(column * scale, np.rint(column * scale)) for column in shares.T)


def _classes(g: Graph, chances: str, classes: Any) -> Answers:
    return {
        "prediction": pick(g, largest(g, chances), classes),
        "probabilities": Result(chances, width=len(classes)),
    }
