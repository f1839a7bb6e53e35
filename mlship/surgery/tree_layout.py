"""Numbers the nodes of many trees at once: from links to trees in a row, and to the numbers of ai.onnx.ml 5."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.errors import ModelError

Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

#: How many times as many nodes there may be where trees share some.
_GROWTH = 4


@dataclass(frozen=True)
class Walk:
    """Trees as they are met from their roots: ``source`` says which of the linked nodes stands at each position.

    ``left`` and ``right`` are positions within the tree, -1 in leaves.
    """

    sizes: Ints
    source: Ints
    left: Ints
    right: Ints


@dataclass(frozen=True)
class Numbering:
    """What ai.onnx.ml 5 wants: inner nodes and leaves have numbers of their own.

    ``nodes`` and ``leaves`` are positions among all nodes, in the order of the new numbers; ``roots`` are numbers of
    inner nodes; ``children`` gives for the "true" and the "false" side each child's number and whether it is a leaf.
    """

    nodes: Ints
    leaves: Ints
    roots: Ints
    children: dict[str, tuple[Ints, Bools]]


def walk(roots: Ints, left: Ints, right: Ints) -> Walk:
    """Follow links (numbers of nodes, -1 in leaves) from ``roots``; the nodes of a tree come level by level.

    A node with several parents comes once for each. Raises ModelError where that makes the trees many times larger, or
    a node is its own ancestor.
    """
    allowed = _GROWTH * np.count_nonzero(left >= 0)
    front, tree, done = roots, np.arange(len(roots)), 0
    sources, trees, lefts, rights = [roots[:0]], [tree[:0]], [roots[:0]], [roots[:0]]
    while len(front):
        inner = left[front] >= 0
        parents, count = front[inner], np.count_nonzero(inner)
        allowed -= count
        if allowed < 0:
            raise ModelError("nodes of a tree have too many parents, or a node is below itself")
        done += len(front)
        child = np.where(inner, np.cumsum(inner) - 1 + done, -1)
        sources.append(front)
        trees.append(tree)
        lefts.append(child)
        rights.append(np.where(inner, child + count, -1))
        front = np.concatenate([left[parents], right[parents]])
        tree = np.tile(tree[inner], 2)
    return _sorted(np.concatenate(trees), len(roots), *(np.concatenate(part) for part in (sources, lefts, rights)))


def numbered(sizes: Ints, left: Ints, right: Ints) -> Numbering:
    """Give inner nodes and leaves numbers of their own.

    A tree that is one leaf gets an inner node, and that leaf twice below it: ONNX Runtime up to 1.29 at least answers
    wrongly where both children are the same leaf.
    """
    leaf = left < 0
    starts = np.cumsum(sizes) - sizes
    lonely = starts[leaf[starts]]
    nodes = np.concatenate([np.flatnonzero(~leaf), lonely])
    leaves = np.concatenate([np.flatnonzero(leaf), lonely])
    number = np.where(leaf, np.cumsum(leaf, dtype=np.int32), np.cumsum(~leaf, dtype=np.int32)) - 1
    roots = number[starts]
    roots[leaf[starts]] = np.arange(len(nodes) - len(lonely), len(nodes))
    offset = np.repeat(starts, sizes)[nodes]
    children = {}
    for side, child in (("true", left), ("false", right)):
        place = np.where(leaf[nodes], nodes, child[nodes] + offset)
        children[side] = number[place], leaf[place]
    children["false"][0][len(nodes) - len(lonely) :] = np.arange(len(leaves) - len(lonely), len(leaves))
    return Numbering(nodes, leaves, roots, children)


def ranges(starts: Ints, sizes: Ints) -> Ints:
    """Return ``starts[i] ... starts[i] + sizes[i] - 1`` for all i, joined."""
    ends = np.cumsum(sizes)
    shifts: Ints = np.repeat(starts - (ends - sizes), sizes)
    return shifts + np.arange(len(shifts))


def _sorted(tree: Ints, count: int, source: Ints, left: Ints, right: Ints) -> Walk:
    """Put tree after tree what was met level by level."""
    order = np.argsort(tree, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    sizes = np.bincount(tree, minlength=count)
    start = np.repeat(np.cumsum(sizes) - sizes, sizes)
    left, right = left[order], right[order]
    return Walk(
        sizes,
        source[order],
        np.where(left < 0, -1, place[left] - start),
        np.where(right < 0, -1, place[right] - start),
    )
