"""Lossless rewrites inside trees, in the order in which they are applied, and what can be said about trees.

Each takes a graph, changes it, and returns how much it did. Left out, as measured to bring nothing with ONNX Runtime:
another order of nodes. It lays trees out anew when it loads them, each node followed by its "false" child.
"""

from collections.abc import Callable

import numpy as np

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.lookups import share
from mlship.surgery.rewrites.narrow import narrow, part_targets
from mlship.surgery.rewrites.thresholds import fold_casts, fold_scalers
from mlship.surgery.rewrites.tree_shapes import identities, simplify
from mlship.surgery.trees import Ensemble

REWRITES: tuple[Callable[[Graph], int], ...] = (fold_scalers, share, simplify, narrow, fold_casts, part_targets)


def unread_features(ensemble: Ensemble, width: int) -> list[int]:
    """Return the columns of ``width`` that no tree of ``ensemble`` reads, in order."""
    return sorted(set(range(width)) - set(np.unique(ensemble.feature[~ensemble.leaf]).tolist()))


def equal_trees(ensemble: Ensemble) -> int:
    """Return how many trees of ``ensemble`` are equal to one before them."""
    return len(ensemble.sizes) - len(np.unique(identities(ensemble)[ensemble.starts]))
