"""Leaves out the last rounds of boosting: each adds less than those before it, and the last ones often nothing.

The score after every number of rounds comes from one run of all trees; which is what staged prediction does for early
stopping (Friedman 2001, section 4.3: the number of components as a parameter).
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.quality import Quality, assess
from mlship.runtime import Session, complaints
from mlship.surgery.pruning.rounds import Doubles, Forest
from mlship.surgery.pruning.search import Pruned, Search, grid, sizes
from mlship.surgery.pruning.values import behind


def truncated(forest: Forest, search: Search) -> Iterator[Pruned]:
    """Yield the model with the first rounds only, the smallest first, as far as the budget allows.

    Start values stay: base values, and the first trees as far as they answer the same for every row.
    """
    forest = forest.coarse(len(search.rows), forest.ensemble.n_targets)
    fixed, counts = _fixed(forest), forest.counts
    quality = _quality(forest, search)
    whole = int(counts[fixed:].sum())
    for size in sizes(grid(fixed + search.fewest, len(counts)), quality, search):
        left = int(counts[fixed:size].sum())
        name = f"{left:,} of {whole:,} rounds"
        yield Pruned(name, forest.with_rounds(np.arange(size)), {"rounds": left, "rounds_before": whole})


def _fixed(forest: Forest) -> int:
    """Return how many rounds, from the first on, are of trees that answer the same for every row."""
    ensemble, count = forest.ensemble, len(forest.ensemble.sizes)
    tree = ensemble.tree[ensemble.node]
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(low, tree, ensemble.weight)
    np.maximum.at(high, tree, ensemble.weight)
    return int(forest.round_of[low < high].min(initial=len(forest.counts) - 1))


def _quality(forest: Forest, search: Search) -> Callable[[int], Quality]:
    """Return what judges so many of the first rounds: from their sums, where only these lead to the answers."""
    node, plain = forest.node, forest.ensemble.post_transform == "NONE" and forest.ensemble.aggregate == "SUM"
    classifies = node.op_type == "TreeEnsembleClassifier" or len(forest.ensemble.base_values) > 0
    session = behind(forest.model, node.output[0], forest.sum_type) if plain and not classifies else None
    if session is None:
        return lambda size: search.quality(forest.with_rounds(np.arange(size)))
    sums = np.cumsum(forest.added(search.rows.inputs), axis=1)
    return lambda size: assess(search.signature, search.rows, _answers(session, sums[:, size - 1]))


def _answers(session: Session, sums: Doubles) -> dict[str, NDArray[Any]]:
    name, dtype = next(iter(session.inputs.items()))
    with complaints("fails on the sums of trees"):
        return session.run({name: sums.astype(dtype)})
