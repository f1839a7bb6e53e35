"""What the JSON of a CatBoost model says: scale, bias, and trees as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.ensemble import Doubles, Trees

_OTHER_FEATURES = {
    "categorical_features": "categorical",
    "text_features": "text",
    "embedding_features": "embedding",
}
#: Oblivious trees are written out node by node; beyond this many the file would not fit a service.
_MOST_NODES = 20_000_000


@dataclass(frozen=True)
class Booster:
    """A model as read: answers are ``scale`` * the sum of ``values`` (nodes, groups) + ``bias`` (groups,)."""

    groups: int
    scale: float
    bias: Doubles
    trees: Trees
    values: Doubles


@dataclass(frozen=True)
class _Tree:
    left: Any
    right: Any
    feature: Any
    threshold: Any
    values: Doubles


def parse(content: Mapping[str, Any]) -> Booster:
    """Read a model; raises UnsupportedModelError where it splits anything but numbers."""
    info = content["features_info"]
    for key, kind in _OTHER_FEATURES.items():
        if info.get(key):
            raise UnsupportedModelError(
                f"this CatBoost model takes {kind} columns, which it hashes and counts; mlship does not convert that",
                "encode them in a step before it, for example with OrdinalEncoder or TargetEncoder",
            )
    scale, bias = content.get("scale_and_bias", [1.0, [0.0]])
    bias = np.atleast_1d(np.array(bias, dtype=np.float64))
    groups = _groups(content, len(bias))
    if "oblivious_trees" in content:
        read = [_oblivious(tree, groups) for tree in _bounded(content["oblivious_trees"])]
    else:
        read = [_nested(tree, groups) for tree in content.get("trees", ())]
    columns = np.array([item["flat_feature_index"] for item in info["float_features"]], dtype=np.int64)
    true_missing = np.array([item["nan_value_treatment"] == "AsTrue" for item in info["float_features"]], dtype=bool)
    feature, left = (np.concatenate([getattr(tree, key) for tree in read]) for key in ("feature", "left"))
    trees = Trees(
        np.array([len(tree.left) for tree in read], dtype=np.int64),
        left,
        np.concatenate([tree.right for tree in read]),
        np.where(left < 0, -1, columns[feature]),
        np.concatenate([tree.threshold for tree in read]),
        ~true_missing[feature] & (left >= 0),
        {},
    )
    return Booster(
        groups, float(scale), np.broadcast_to(bias, (groups,)).copy(), trees, np.concatenate([t.values for t in read])
    )


def _groups(content: Mapping[str, Any], biases: int) -> int:
    if content.get("oblivious_trees"):
        tree = content["oblivious_trees"][0]
        return len(tree["leaf_values"]) >> len(tree.get("splits") or ())
    if content.get("trees"):
        node = content["trees"][0]
        while "left" in node:
            node = node["left"]
        return len(np.atleast_1d(node["value"]))
    return biases


def _bounded(trees: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if sum(2 << len(tree.get("splits") or ()) for tree in trees) > _MOST_NODES:
        deepest = max(len(tree["splits"]) for tree in trees)
        message = f"{len(trees)} CatBoost trees of depth {deepest} are more nodes than mlship writes"
        raise UnsupportedModelError(message, "train it with a smaller depth")
    return trees


def _oblivious(tree: Mapping[str, Any], groups: int) -> _Tree:
    """Write a tree that asks the same on each level out as a full binary tree, level by level.

    Leaf number: bit i is set where the row is above the border of split i.
    """
    splits = tree.get("splits") or ()
    depth = len(splits)
    inner = (1 << depth) - 1
    level = np.floor(np.log2(np.arange(1, inner + 1))).astype(np.int64)
    number = np.zeros(1, dtype=np.int64)
    for bit in range(depth):
        number = np.stack([number, number | 1 << bit], axis=1).ravel()
    leaf = np.full(inner + 1, -1, dtype=np.int64)
    order = np.arange(inner, dtype=np.int64)
    features = np.array([split["float_feature_index"] for split in splits], dtype=np.int64)
    borders = np.array([split["border"] for split in splits], dtype=np.float64)
    return _Tree(
        np.concatenate([2 * order + 1, leaf]),
        np.concatenate([2 * order + 2, leaf]),
        np.concatenate([features[level], np.zeros(inner + 1, dtype=np.int64)]),
        np.concatenate([borders[level], np.zeros(inner + 1)]),
        np.concatenate(
            [np.zeros((inner, groups)), np.array(tree["leaf_values"], dtype=np.float64).reshape(-1, groups)[number]]
        ),
    )


def _nested(tree: Mapping[str, Any], groups: int) -> _Tree:
    """Read a tree of nodes inside nodes (grow_policy Depthwise or Lossguide)."""
    nodes = [tree]
    left, right, feature, threshold, values = [], [], [], [], []
    for node in nodes:  # grows while it is read
        is_leaf = "left" not in node
        left.append(-1 if is_leaf else len(nodes))
        right.append(-1 if is_leaf else len(nodes) + 1)
        feature.append(0 if is_leaf else node["split"]["float_feature_index"])
        threshold.append(0.0 if is_leaf else node["split"]["border"])
        values.append(np.atleast_1d(node["value"]) if is_leaf else np.zeros(groups))
        nodes += [] if is_leaf else [node["left"], node["right"]]
    return _Tree(np.array(left), np.array(right), np.array(feature), np.array(threshold), np.array(values))
