"""Trees in single precision where that is the same: they compare what was rounded to it, and add up small integers."""

from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto

from mlship.surgery.exact import sums_exactly
from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.lookups import narrowed, rounded_input
from mlship.surgery.tree_layout import Ints
from mlship.surgery.trees import Ensemble, ensembles, keep, outline, read, write_as

#: Trees that a target must have to get an operator of its own, and nodes of them; fewer don't make up for it.
_TREES, _NODES = 20, 1500


def narrow(graph: Graph) -> int:
    """Store trees of doubles in single precision where no answer changes; return how many nodes were narrowed.

    scikit-learn's trees round their input to single precision, and votes are counted: those qualify.
    """
    count = 0
    for node in [node for node in ensembles(graph) if node.op_type == "TreeEnsemble"]:
        if rounded_input(graph, node) is None:
            continue
        ensemble = read(node)
        plain = ensemble.aggregate == "SUM" and ensemble.post_transform == "NONE" and not ensemble.members
        if not plain or not sums_exactly(ensemble, np.float32):
            continue
        trees, like = narrowed(graph, ensemble, node)
        if trees is ensemble:
            continue
        walk = write_as(trees, like, graph.fresh("TreeEnsemble"))
        graph.replace([node], [walk, _cast(graph, walk.output[0], node.output[0])])
        count += 1
    return count


def part_targets(graph: Graph) -> int:
    """Give each target of an ensemble a node, which ONNX Runtime is faster with; return how many nodes that makes.

    Trees of a target stay in their order, so sums stay the same to the last bit.
    """
    made = 0
    for node in [node for node in ensembles(graph) if node.op_type == "TreeEnsemble"]:
        if outline(node)[1] == 1:
            continue
        ensemble = read(node)
        first = ensemble.target[np.searchsorted(ensemble.node, ensemble.starts)]
        if not _worth_parting(ensemble, first):
            continue
        walks = []
        for target in range(ensemble.n_targets):
            part = keep(ensemble, np.flatnonzero(first == target))
            part = replace(part, target=part.target * 0, n_targets=1)
            walks.append(write_as(part, node, graph.fresh("TreeEnsemble")))
        beside = graph.node("Concat", [walk.output[0] for walk in walks], axis=1)
        beside.output[0] = node.output[0]
        graph.replace([node], [*walks, beside])
        made += len(walks)
    return made


def _worth_parting(ensemble: Ensemble, target: Ints) -> bool:
    """Say whether each tree has one target, ``target``, and each target much work to do."""
    trees = np.bincount(target, minlength=ensemble.n_targets)
    nodes = np.bincount(target, weights=ensemble.sizes, minlength=ensemble.n_targets)
    plain = ensemble.aggregate == "SUM" and ensemble.post_transform == "NONE"
    large = trees.min() >= _TREES and nodes.min() >= _NODES
    return plain and bool(large) and np.array_equal(ensemble.target, target[ensemble.tree[ensemble.node]])


def _cast(graph: Graph, value: str, output: str) -> onnx.NodeProto:
    node = graph.node("Cast", [value], to=TensorProto.DOUBLE)
    node.output[0] = output
    return node
