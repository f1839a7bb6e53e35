"""What the JSON of an XGBoost model says: base score, objective, and trees as arrays."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlship.graphs.ensemble import Floats, Ints, Trees

_CATEGORICAL = 1  # split_type
_LOGISTIC = {"binary:logistic", "reg:logistic"}
#: Their base score is given as an answer and becomes a logarithm.
_LOGARITHM = {"count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"}


@dataclass(frozen=True)
class Booster:
    """A model as read; ``base`` (groups,) are the scores before the first tree, ``kind`` is gbtree, dart or gblinear.

    ``trees``, ``groups_of_trees`` and ``drops`` (the weight of each tree) are those that predict; ``weights`` are
    gblinear's, (features + 1, groups), the bias last.
    """

    kind: str
    objective: str
    features: int
    groups: int
    base: Floats
    trees: Sequence[Mapping[str, Any]]
    groups_of_trees: Ints
    drops: Floats
    weights: Floats


def parse(content: Mapping[str, Any], iterations: int | None) -> Booster:
    """Read the first ``iterations`` (None: all) of a model in JSON."""
    learner = content["learner"]
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    features = int(parameters["num_feature"])
    groups = max(int(parameters["num_class"]), int(parameters.get("num_target", 1)), 1)
    objective = learner["objective"]["name"]
    base = _margins(objective, np.atleast_1d(np.array(json.loads(parameters["base_score"]), dtype=np.float32)))
    base = np.broadcast_to(base, (groups,)).astype(np.float32)
    nothing, none = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
    if booster["name"] == "gblinear":
        weights = np.array(booster["model"]["weights"], dtype=np.float32).reshape(features + 1, groups)
        return Booster("gblinear", objective, features, groups, base, (), none, nothing, weights)
    model = (booster["gbtree"] if booster["name"] == "dart" else booster)["model"]
    count = _tree_count(model, groups, iterations)
    drops = np.array(booster.get("weight_drop", [1.0] * len(model["trees"])), dtype=np.float32)
    info = np.array(model["tree_info"], dtype=np.int64)
    return Booster(
        booster["name"], objective, features, groups, base, model["trees"][:count], info[:count], drops[:count], nothing
    )


def trees_of(booster: Booster) -> tuple[Trees, Floats, Ints]:
    """Return the trees, the weights of their nodes (nodes, 1 or targets), and the target of each tree."""
    read = [_tree(tree) for tree in booster.trees]
    sizes = np.array([len(left) for left, *_ in read], dtype=np.int64)
    left, right, feature, threshold, missing = (_joined([tree[part] for tree in read]) for part in range(5))
    starts = np.cumsum(sizes) - sizes
    members = {
        int(start) + node: values
        for start, tree in zip(starts, booster.trees, strict=True)
        for node, values in _sets(tree).items()
    }
    trees = Trees(
        sizes,
        left.astype(np.int64),
        right.astype(np.int64),
        feature.astype(np.int64),
        np.nextafter(threshold.astype(np.float32), np.float32(-np.inf)),  # x < t is x <= the number before t
        missing.astype(bool),
        members,
    )
    weights = np.concatenate([_weights(tree) for tree in booster.trees])
    if booster.kind == "dart":  # it predicts with each tree, takes the base score off again, and weighs the rest
        base = np.repeat(booster.base[booster.groups_of_trees], sizes)[:, None]
        weights = ((base + weights) - base) * np.repeat(booster.drops, sizes)[:, None]
    return trees, weights, booster.groups_of_trees


def categorical(trees: Trees) -> list[int]:
    """Return the numbers of the columns that are split by category."""
    return sorted({int(trees.feature[place]) for place in trees.members})


def _margins(objective: str, base: Floats) -> Floats:
    """Return base scores as raw scores (xgboost/src/objective, ProbToMargin), computed in float32."""
    one = np.float32(1)
    if objective in _LOGISTIC:
        return np.asarray(-np.log((one / base - one).astype(np.float64)), dtype=np.float32)
    return np.log(base.astype(np.float64)).astype(np.float32) if objective in _LOGARITHM else base


def _tree_count(model: Mapping[str, Any], groups: int, iterations: int | None) -> int:
    """Return how many trees the first iterations have; versions before 2.0 do not write where each begins."""
    every = len(model["trees"])
    if iterations is None:
        return every
    if "iteration_indptr" in model:
        return int(model["iteration_indptr"][min(iterations, len(model["iteration_indptr"]) - 1)])
    return min(every, iterations * groups * int(model["gbtree_model_param"]["num_parallel_tree"]))


def _tree(tree: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return left, right, feature, threshold and whether missing goes left.

    Categories of a set go right in XGBoost and left here: such nodes have their children exchanged.
    """
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    by_set = (np.array(tree["split_type"]) == _CATEGORICAL) & (left >= 0)
    missing = np.array(tree["default_left"]).astype(bool) & (left >= 0)
    is_leaf = left < 0
    first, second = np.where(by_set, right, left), np.where(by_set, left, right)
    return (
        np.where(is_leaf, -1, first),
        np.where(is_leaf, -1, second),
        np.array(tree["split_indices"]),
        np.array(tree["split_conditions"], dtype=np.float32),
        np.where(by_set, ~missing, missing) & ~is_leaf,
    )


def _sets(tree: Mapping[str, Any]) -> dict[int, Floats]:
    categories = np.array(tree.get("categories", ()), dtype=np.float32)
    parts = zip(
        tree.get("categories_nodes", ()),
        tree.get("categories_segments", ()),
        tree.get("categories_sizes", ()),
        strict=True,
    )
    return {int(node): categories[start : start + size] for node, start, size in parts}


def _weights(tree: Mapping[str, Any]) -> Floats:
    """Return the value of each node, (nodes, targets); those of inner nodes mean nothing."""
    targets = max(int(tree["tree_param"].get("size_leaf_vector", 1)), 1)
    if targets == 1:
        return np.array(tree["split_conditions"], dtype=np.float32).reshape(-1, 1)
    left, number = np.array(tree["left_children"]), np.array(tree["right_children"])
    if "leaf_weights" not in tree:  # until 3.1 every node had its values
        return np.array(tree["base_weights"], dtype=np.float32).reshape(-1, targets)
    leaves = np.array(tree["leaf_weights"], dtype=np.float32).reshape(-1, targets)
    return np.asarray(leaves[np.where(left < 0, number, 0)])


def _joined(parts: Sequence[Any]) -> Any:
    return np.concatenate(parts)
