"""What the text of a LightGBM model says: objective, and trees as arrays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.ensemble import Doubles, Ints, Trees

#: Which values of a column are missing (bits 2 and 3 of decision_type).
NONE, ZERO, NAN = 0, 1, 2
_CATEGORICAL, _DEFAULT_LEFT = 1, 2


@dataclass(frozen=True)
class Booster:
    """A model as read.

    ``objective`` is its name and options; ``values`` are (nodes,), ``targets`` the group of each tree; ``missing`` maps
    the columns that trees compare with numbers to NONE, ZERO or NAN; ``average``: answers are means (random forests).
    """

    objective: tuple[str, ...]
    features: int
    groups: int
    average: bool
    trees: Trees
    values: Doubles
    targets: Ints
    missing: Mapping[int, int]
    categorical: frozenset[int]


def parse(text: str) -> Booster:
    """Read the text of a model; raises UnsupportedModelError for linear trees."""
    sections = _sections(text)
    header = next(sections)
    groups = int(header["num_tree_per_iteration"])
    read = [_Tree(section) for section in sections]
    sizes = np.array([len(tree.left) for tree in read], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    members = {int(start) + node: v for start, tree in zip(starts, read, strict=True) for node, v in tree.sets.items()}
    trees = Trees(
        sizes,
        np.concatenate([tree.left for tree in read]),
        np.concatenate([tree.right for tree in read]),
        np.concatenate([tree.feature for tree in read]),
        np.concatenate([tree.threshold for tree in read]),
        np.concatenate([tree.missing_left for tree in read]),
        members,
    )
    missing, categorical = _kinds(trees, np.concatenate([tree.kind for tree in read]))
    return Booster(
        objective=tuple(header.get("objective", "").split(" ")),
        features=int(header["max_feature_idx"]) + 1,
        groups=groups,
        average="average_output" in header,
        trees=trees,
        values=np.concatenate([tree.value for tree in read]),
        targets=np.arange(len(read), dtype=np.int64) % groups,
        missing=missing,
        categorical=categorical,
    )


class _Tree:
    """One tree: inner nodes first, as LightGBM numbers them, then leaves, which it numbers ~0, ~1, ..."""

    def __init__(self, section: Mapping[str, str]) -> None:
        if section.get("is_linear", "0") != "0":
            message = "this LightGBM model has a linear model in each leaf (linear_tree), which mlship does not convert"
            raise UnsupportedModelError(message, "train it with linear_tree=False")
        leaves = int(section["num_leaves"])
        inner = leaves - 1
        leaf = np.full(leaves, -1, dtype=np.int64)
        self.left, self.right = (
            np.concatenate([np.where(child < 0, inner + ~child, child), leaf])
            for child in (_ints(section, "left_child", inner), _ints(section, "right_child", inner))
        )
        kind = _ints(section, "decision_type", inner)
        self.kind = np.concatenate([kind, leaf])
        self.feature = np.concatenate([_ints(section, "split_feature", inner), leaf])
        self.threshold = np.concatenate([_doubles(section, "threshold", inner), np.zeros(leaves)])
        by_set = (self.kind >= 0) & (self.kind & _CATEGORICAL != 0)
        self.missing_left = (self.kind >= 0) & (self.kind & _DEFAULT_LEFT != 0) & ~by_set
        self.value = np.concatenate([np.zeros(inner), _doubles(section, "leaf_value", leaves)])
        self.sets = dict(self._members(section, np.flatnonzero(by_set)))
        # no category is below zero: an empty set sends every row to the right
        self.threshold[by_set] = -1.0

    def _members(self, section: Mapping[str, str], nodes: Ints) -> Iterator[tuple[int, Doubles]]:
        """Yield the categories that go left, from the bits of 32-bit words."""
        if len(nodes) == 0:
            return
        bounds = np.array(section["cat_boundaries"].split(), dtype=np.int64)
        words = np.array(section["cat_threshold"].split(), dtype="<u4")
        for node, number in zip(nodes, self.threshold[nodes].astype(np.int64), strict=True):
            bits = np.unpackbits(words[bounds[number] : bounds[number + 1]].view(np.uint8), bitorder="little")
            values = np.flatnonzero(bits).astype(np.float64)
            if len(values):
                yield int(node), values


def _sections(text: str) -> Iterator[dict[str, str]]:
    """Yield the keys and values of the header, then of each tree."""
    current: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("Tree=") or line == "end of trees":
            yield current
            current = {}
        if line == "end of trees":
            return
        key, equals, value = line.partition("=")
        if equals or key == "average_output":
            current[key] = value


def _ints(section: Mapping[str, str], key: str, count: int) -> Ints:
    return np.array(section[key].split(), dtype=np.int64) if count else np.zeros(0, dtype=np.int64)


def _doubles(section: Mapping[str, str], key: str, count: int) -> Doubles:
    return np.array(section[key].split(), dtype=np.float64) if count else np.zeros(0)


def _kinds(trees: Trees, kinds: Any) -> tuple[dict[int, int], frozenset[int]]:
    """Return what is missing by column, and the columns that are split by category."""
    inner = kinds >= 0
    feature, kind = trees.feature[inner], kinds[inner]
    by_set = kind & _CATEGORICAL != 0
    categorical = frozenset(feature[by_set].tolist())
    pairs = set(zip(feature[~by_set].tolist(), (kind[~by_set] >> 2 & 3).tolist(), strict=True))
    missing = dict(pairs)
    if len(missing) != len(pairs) or categorical & missing.keys():
        message = "this LightGBM model was trained on, with other missing values or categories than before"
        raise UnsupportedModelError(message, "train it in one go")
    return missing, categorical
