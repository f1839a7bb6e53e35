"""Tree ensembles inside ONNX graphs as arrays: read, cut down to some trees, written back.

TreeEnsemble of ai.onnx.ml 5, and TreeEnsembleClassifier and TreeEnsembleRegressor of ai.onnx.ml 1 to 3
(https://onnx.ai/onnx/operators/index.html#ai-onnx-ml). Nothing here goes node by node: millions of nodes are fine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.errors import ModelError
from mlship.surgery import tree_nodes
from mlship.surgery.graph import ML, Graph
from mlship.surgery.tree_layout import Bools, Ints, Walk, ranges, walk

Floats = NDArray[np.floating[Any]]

#: How a node compares x with its threshold, by number (ai.onnx.ml 5) and name (ai.onnx.ml 1 to 3); 6 asks whether x is
#: in a set. The row goes left where the comparison holds; with NaN only ``!=`` does.
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)

_OPERATORS = ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor")


@dataclass(frozen=True)
class Ensemble:
    """Many trees: arrays over all nodes, one tree after the other, roots first.

    ``sizes`` (trees,): nodes of each tree. ``left``, ``right`` (nodes,): children as positions within their tree, -1 in
    leaves; a row goes left where ``x[feature] <mode> threshold`` holds, or x is NaN and ``missing_left``. ``members``:
    the set that a node of mode MEMBER asks for, by position among all nodes. Leaves: entry i adds ``weight[i]`` to
    ``target[i]`` for rows that reach ``node[i]`` (position among all nodes, ascending; old operators allow several
    entries a leaf). ``aggregate`` is SUM, AVERAGE, MIN or MAX; ``base_values`` is empty or (n_targets,) mostly.
    """

    sizes: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    mode: NDArray[np.uint8]
    missing_left: Bools
    members: Mapping[int, Floats]
    node: Ints
    target: Ints
    weight: Floats
    n_targets: int
    aggregate: str
    post_transform: str
    base_values: Floats

    @property
    def starts(self) -> Ints:
        """Position of each tree's root among all nodes."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def leaf(self) -> Bools:
        """Whether each node is a leaf."""
        return self.left < 0

    @property
    def tree(self) -> Ints:
        """The tree that each node belongs to."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def ensembles(graph: Graph) -> list[onnx.NodeProto]:
    """Return the nodes of ``graph`` that are tree ensembles, in order."""
    return [node for node in graph.nodes if node.domain == ML and node.op_type in _OPERATORS]


def outline(node: onnx.NodeProto) -> tuple[np.dtype[Any], int]:
    """Return the type of the thresholds and the number of targets of ``node`` without reading its trees."""
    about = {item.name: item for item in node.attribute}
    tensor = about.get("nodes_splits", about.get("nodes_values_as_tensor"))
    kind = tensor.t.data_type if tensor is not None else onnx.TensorProto.FLOAT
    labels = max(
        (len(about[name].ints) + len(about[name].strings) for name in tree_nodes.LABELS if name in about), default=1
    )
    return onnx.helper.tensor_dtype_to_np_dtype(kind), about["n_targets"].i if "n_targets" in about else labels


def read(node: onnx.NodeProto) -> Ensemble:
    """Return the trees of ``node``; raises ModelError for what is no tree ensemble, or one that breaks the rules."""
    if node.domain != ML or node.op_type not in _OPERATORS:
        raise ModelError(f"'{node.op_type}' is no tree ensemble", f"what can be read: {', '.join(_OPERATORS)}")
    raw = tree_nodes.attributes(node)
    reader = tree_nodes.read_new if node.op_type == "TreeEnsemble" else tree_nodes.read_old
    try:
        return Ensemble(**reader(raw))
    except KeyError as error:
        raise ModelError(f"a {node.op_type} lacks the attribute {error}") from error


def write(ensemble: Ensemble, like: onnx.NodeProto) -> onnx.NodeProto:
    """Return a node of the operator, inputs and outputs of ``like`` that holds ``ensemble``.

    Class labels are those of ``like``; hit rates are dropped, as nothing reads them. Raises ModelError where
    TreeEnsemble is asked to hold several entries a leaf, or leaves without any.
    """
    fields = vars(ensemble)
    writer = tree_nodes.write_new if like.op_type == "TreeEnsemble" else tree_nodes.write_old
    return writer(fields, like)


def write_as(ensemble: Ensemble, like: onnx.NodeProto, output: str) -> onnx.NodeProto:
    """Return what ``write`` does with another output, nameless, so that it can stand beside others."""
    node = write(ensemble, like)
    node.output[0], node.name = output, ""
    return node


def keep(ensemble: Ensemble, trees: NDArray[np.intp]) -> Ensemble:
    """Return an ensemble of these trees (numbers) only, in this order; all else stays, base values too."""
    chosen = np.asarray(trees, dtype=np.intp)
    sizes = ensemble.sizes[chosen]
    places = ranges(ensemble.starts[chosen], sizes)
    return _taken(ensemble, Walk(sizes, places, ensemble.left[places], ensemble.right[places]))


def links(ensemble: Ensemble) -> tuple[Ints, Ints]:
    """Return the children of each node as positions among all nodes, -1 in leaves."""
    offset = np.repeat(ensemble.starts, ensemble.sizes)
    leaf = ensemble.leaf
    return np.where(leaf, -1, ensemble.left + offset), np.where(leaf, -1, ensemble.right + offset)


def relinked(ensemble: Ensemble, roots: Ints, left: Ints, right: Ints) -> Ensemble:
    """Return the trees below ``roots`` along other links (positions among all nodes); what none leads to goes."""
    return _taken(ensemble, walk(roots, left, right))


def groups(ensemble: Ensemble) -> NDArray[np.intp]:
    """Return for each tree the number of the tree that it is a copy of, counted from 0.

    Leaves with several values need a copy of their tree for each target in ai.onnx.ml 5. Trees are copies of each other
    where they are alike but for weights and targets, and where that pairs up all trees of the ensemble for the same
    number of targets; else each tree is a group of its own.
    """
    count = len(ensemble.sizes)
    _, shape = np.unique(_shapes(ensemble), return_inverse=True)
    first = np.searchsorted(ensemble.node, ensemble.starts)
    target = ensemble.target[np.minimum(first, len(ensemble.target) - 1)]
    occurrence = _ranks(shape * ensemble.n_targets + target)
    _, group = np.unique(shape * count + occurrence, return_inverse=True)
    sizes = np.bincount(group)
    if sizes[0] == 1 or (sizes != sizes[0]).any():
        return np.arange(count)
    _, first_seen, group = np.unique(group, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first_seen))[group]


def _taken(ensemble: Ensemble, trees: Walk) -> Ensemble:
    """Return the ensemble whose nodes come from the places that ``trees`` names, linked as it says."""
    places = trees.source
    first = np.searchsorted(ensemble.node, places)
    counts = np.searchsorted(ensemble.node, places, side="right") - first
    entries = ranges(first, counts)
    mode = ensemble.mode[places]
    sets = {int(new): ensemble.members[int(places[new])] for new in np.flatnonzero(mode == MEMBER)}
    return replace(
        ensemble,
        sizes=trees.sizes,
        left=trees.left,
        right=trees.right,
        feature=ensemble.feature[places],
        threshold=ensemble.threshold[places],
        mode=mode,
        missing_left=ensemble.missing_left[places],
        members=sets,
        node=np.repeat(np.arange(len(places)), counts),
        target=ensemble.target[entries],
        weight=ensemble.weight[entries],
    )


def _ranks(keys: Ints) -> Ints:
    """Return how many equal keys come before each."""
    order = np.argsort(keys, kind="stable")
    _, counts = np.unique(keys[order], return_counts=True)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)
    return ranks


def _shapes(ensemble: Ensemble) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each tree, its leaves' weights and targets left out."""
    splits = np.where(ensemble.leaf, 0.0, ensemble.threshold.astype(np.float64))
    for place, values in ensemble.members.items():
        splits[place] = hash(values.tobytes())
    position = np.arange(len(ensemble.left)) - np.repeat(ensemble.starts, ensemble.sizes)
    state = np.zeros(len(splits), dtype=np.uint64)
    for part in (position, ensemble.left, ensemble.right, ensemble.feature, ensemble.mode, ensemble.missing_left):
        state = _mixed(state ^ np.where(ensemble.leaf & (part is not position), 0, part).astype(np.uint64))
    state = _mixed(state ^ (splits + 0.0).view(np.uint64))
    return np.add.reduceat(state, ensemble.starts)


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits of each number (the finaliser of SplitMix64; Steele, Lea, Flood 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
