"""Trees with fewer nodes and the same answer for every row: no twins, no branch that no row takes, fewer constants."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mlship.surgery.exact import sums_exactly
from mlship.surgery.graph import Graph
from mlship.surgery.tree_layout import Ints
from mlship.surgery.trees import LEQ, LT, Ensemble, ensembles, keep, links, read, relinked, write


def simplify(graph: Graph) -> int:
    """Make all tree ensembles of ``graph`` as small as they can be; return how many nodes of trees went."""
    gone = 0
    for node in ensembles(graph):
        before = read(node)
        after = simplified(before)
        if len(after.left) < len(before.left):
            graph.replace([node], [write(after, node)])
            gone += len(before.left) - len(after.left)
    return gone


def simplified(ensemble: Ensemble) -> Ensemble:
    """Return the ensemble without nodes that make no difference to any row, NaN included."""
    size = -1
    while size != len(ensemble.left):
        size = len(ensemble.left)
        ensemble = _cut(ensemble, decided(ensemble))
        ensemble = _cut(ensemble, _twins(ensemble))
    return _joined(ensemble)


def decided(ensemble: Ensemble) -> Ints:
    """Return 1 for nodes that send every row that gets there left, -1 for right, 0 for those that do split.

    A node is compared with all nodes above it on the same feature, step by step upwards.
    """
    left, right = links(ensemble)
    bound, less = ensemble.threshold.astype(np.float64), ensemble.mode == LT
    known = ~ensemble.leaf & ((ensemble.mode == LEQ) | (less & (bound > -np.inf)))
    bound[less] = np.nextafter(bound[less], -np.inf)
    parent, from_left = np.full(len(left), -1), np.zeros(len(left), dtype=bool)
    inner = np.flatnonzero(~ensemble.leaf)
    parent[left[inner]], parent[right[inner]] = inner, inner
    from_left[left[inner]] = True
    highest, lowest = np.full(len(left), np.inf), np.full(len(left), -np.inf)
    bounded, missing = np.zeros(len(left), dtype=bool), np.ones(len(left), dtype=bool)
    here, child = np.flatnonzero(known & (parent >= 0)), np.flatnonzero(known & (parent >= 0))
    while len(here):
        above, side = parent[child], from_left[child]
        same = known[above] & (ensemble.feature[above] == ensemble.feature[here])
        node, cut, goes_left = here[same], bound[above[same]], side[same]
        highest[node] = np.where(goes_left, np.minimum(highest[node], cut), highest[node])
        lowest[node] = np.where(goes_left, lowest[node], np.maximum(lowest[node], cut))
        missing[node] &= ensemble.missing_left[above[same]] == goes_left
        bounded[node] = True
        going = parent[above] >= 0
        here, child = here[going], above[going]
    always_left = bounded & (highest <= bound) & (~missing | ensemble.missing_left)
    always_right = bounded & (lowest >= bound) & (~missing | ~ensemble.missing_left)
    sides: Ints = always_left.astype(np.int64) - always_right
    return sides


def identities(ensemble: Ensemble) -> Ints:
    """Return a number for each node; nodes at the same depth have the same one where all below them is alike."""
    left, right = links(ensemble)
    count = np.int64(len(left))
    split = _leaf_kinds(ensemble)
    inner = ~ensemble.leaf
    threshold = np.unique(ensemble.threshold + 0.0, return_inverse=True)[1]
    sets = {values.tobytes(): number for number, values in enumerate(ensemble.members.values(), 1)}
    member = np.zeros(len(left), dtype=np.int64)
    for place, values in ensemble.members.items():
        member[place] = sets[values.tobytes()]
    how = (member * 8 + ensemble.mode) * 2 + ensemble.missing_left
    question = _paired(_paired(ensemble.feature, threshold), how)
    split[inner] = question[inner]
    number, used = np.where(inner, 0, split), count
    for level in reversed(_levels(ensemble.starts, left, right)):
        nodes = level[inner[level]]
        number[nodes] = _paired(_paired(split[nodes], number[left[nodes]]), number[right[nodes]]) + used
        same = number[left[nodes]] == number[right[nodes]]
        number[nodes[same]] = number[left[nodes[same]]]
        used += count
    return number


def _twins(ensemble: Ensemble) -> Ints:
    """Return 1 for nodes whose children are alike, else 0."""
    left, right = links(ensemble)
    number = identities(ensemble)
    alike: Ints = (~ensemble.leaf & (number[left] == number[right])).astype(np.int64)
    return alike


def _cut(ensemble: Ensemble, sides: Ints) -> Ensemble:
    """Return the ensemble with each node of side 1 or -1 replaced by its left or right child."""
    if not sides.any():
        return ensemble
    left, right = links(ensemble)
    instead = np.where(sides == 1, left, np.where(sides == -1, right, np.arange(len(left))))
    while (instead[instead] != instead).any():
        instead = instead[instead]
    links_now = [np.where(ensemble.leaf, -1, instead[child]) for child in (left, right)]
    return relinked(ensemble, instead[ensemble.starts], *links_now)


def _joined(ensemble: Ensemble) -> Ensemble:
    """Join trees that are one leaf into one for each target, where that adds up to the same to the last bit.

    Sums in another order are the same where all weights are counts; else the constants that come first are joined.
    """
    single_entry = np.bincount(ensemble.node, minlength=len(ensemble.left)) == 1
    lonely = (ensemble.sizes == 1) & single_entry[ensemble.starts]
    if np.count_nonzero(lonely) < 2 or ensemble.aggregate != "SUM":
        return ensemble
    if not sums_exactly(ensemble):
        lonely &= np.logical_and.accumulate(lonely)
    target, weight = ensemble.target.copy(), ensemble.weight.copy()
    entry = np.searchsorted(ensemble.node, ensemble.starts)
    kept = np.ones(len(lonely), dtype=bool)
    first: dict[int, int] = {}
    for tree in np.flatnonzero(lonely).tolist():
        goal = first.setdefault(int(target[entry[tree]]), tree)
        if goal != tree:
            weight[entry[goal]] += weight[entry[tree]]
            kept[tree] = False
    return ensemble if kept.all() else keep(replace(ensemble, weight=weight), np.flatnonzero(kept))


def _leaf_kinds(ensemble: Ensemble) -> Ints:
    """Return a number for what each leaf adds, below the number of nodes; several entries count in their order."""
    bits = ensemble.weight.view(np.int64 if ensemble.weight.dtype == np.float64 else np.int32)
    entry = _paired(ensemble.target, np.unique(bits, return_inverse=True)[1])
    kinds = np.zeros(len(ensemble.left), dtype=np.int64)
    counts = np.bincount(ensemble.node, minlength=len(kinds))
    first = np.searchsorted(ensemble.node, np.arange(len(kinds)))
    for turn in range(int(counts.max(initial=0))):
        more = np.flatnonzero(counts > turn)
        kinds[more] = _paired(kinds[more], entry[first[more] + turn]) + 1
    return _ranked(_paired(kinds, counts))


def _levels(roots: Ints, left: Ints, right: Ints) -> Sequence[Ints]:
    """Return the nodes at each depth, the roots first."""
    levels = [roots]
    while len(level := levels[-1][left[levels[-1]] >= 0]):
        levels.append(np.concatenate([left[level], right[level]]))
    return levels


def _paired(first: Ints, second: Ints) -> Ints:
    """Return a number for each pair, from 0; equal pairs have the same."""
    one, other = _ranked(first), _ranked(second)
    return _ranked(one * np.int64(other.max(initial=0) + 1) + other)


def _ranked(values: Ints) -> NDArray[np.int64]:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
