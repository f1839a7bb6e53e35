"""Trees in blocks, for large batches: a few trees at a time see all rows, and stay in the processor's cache meanwhile.

ONNX Runtime on one thread takes 128 rows at a time through all trees, so a forest larger than the cache is fetched
from memory for each of them. ``split(graph, trees_a_node)`` spreads an ensemble over several nodes, whose answers are
added up in the order of the trees: the same answers to the last bit. It costs about half a microsecond a node and call,
so it is slower for a few rows: use it for batches of thousands, where measured faster.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import onnx

from mlship.surgery.exact import sums_exactly
from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.lookups import added, found_in, stored_once
from mlship.surgery.rewrites.narrow import narrow
from mlship.surgery.rewrites.types import types_of
from mlship.surgery.trees import Ensemble, ensembles, keep, read, write_as

#: More nodes than that take ONNX Runtime long to load.
_MOST = 4000


def split(graph: Graph, trees_a_node: int) -> int:
    """Spread the trees of ``graph`` over nodes of ``trees_a_node`` trees each; return how many nodes that makes.

    0 where nothing was to be split: classifiers of ai.onnx.ml 1 to 3, other aggregates than sums, a few trees only.
    Where sums depend on their order, and trees give single values, a node gets one tree whatever ``trees_a_node``.
    """
    narrow(graph)
    made = 0
    for lookup, nodes in found_in(graph):
        graph.replace(nodes, added(graph, lookup, nodes[0].output[0], trees_a_node))
        made += -(-len(lookup.trees.sizes) // trees_a_node)
    for node in [] if made else ensembles(graph):
        made += _split(graph, node, trees_a_node)
    return made


def _split(graph: Graph, node: onnx.NodeProto, trees_a_node: int) -> int:
    ensemble = read(node)
    lookup = stored_once(graph, node) if node.op_type == "TreeEnsemble" else None
    if lookup is not None:
        graph.replace([node], added(graph, lookup, node.output[0], trees_a_node))
        return -(-len(lookup.trees.sizes) // trees_a_node)
    parts = _parts(ensemble, trees_a_node) if _adds(graph, node, ensemble) else []
    if not ensemble.n_targets < len(parts) <= _MOST:
        return 0
    graph.replace([node], list(_nodes(graph, node, ensemble, parts)))
    return len(parts)


def _adds(graph: Graph, node: onnx.NodeProto, ensemble: Ensemble) -> bool:
    """Say whether each leaf holds one value, and sums of them, in their own type, are all that is asked for."""
    if node.op_type != "TreeEnsemble":
        given = types_of(graph).get(node.input[0])
        of_floats = given is not None and given.kind == onnx.TensorProto.FLOAT and ensemble.weight.dtype == np.float32
        if node.op_type != "TreeEnsembleRegressor" or not of_floats:
            return False
    one = len(ensemble.node) == np.count_nonzero(ensemble.leaf)
    based = len(ensemble.base_values) in (0, ensemble.n_targets)
    return ensemble.aggregate == "SUM" and ensemble.post_transform == "NONE" and one and based


def _parts(ensemble: Ensemble, trees_a_node: int) -> list[tuple[int, list[int]]]:
    """Return for each node its target and its trees; targets in order."""
    step = trees_a_node if sums_exactly(ensemble) else 1
    first = ensemble.target[np.searchsorted(ensemble.node, ensemble.starts)]
    if not np.array_equal(ensemble.target, first[ensemble.tree[ensemble.node]]):
        return []
    found = []
    for target in range(ensemble.n_targets):
        trees = np.flatnonzero(first == target)
        found += [(target, trees[start : start + step].tolist()) for start in range(0, len(trees), step)]
    return found if {target for target, _ in found} == set(range(ensemble.n_targets)) else []


def _nodes(
    graph: Graph, node: onnx.NodeProto, ensemble: Ensemble, parts: list[tuple[int, list[int]]]
) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of trees, each followed by what adds its answer to those before."""
    totals: dict[int, str] = {}
    zero = ensemble.weight.dtype.type(0)
    for target, trees in parts:
        part = keep(ensemble, np.array(trees))
        part = replace(
            part, weight=part.weight + zero, target=part.target * 0, n_targets=1, base_values=ensemble.base_values[:0]
        )
        walk = write_as(part, node, graph.fresh(node.op_type))
        yield walk
        if target in totals:
            yield (more := graph.node("Add", [totals[target], walk.output[0]]))
            totals[target] = more.output[0]
        else:
            totals[target] = walk.output[0]
    base = ensemble.base_values.astype(ensemble.weight.dtype)
    last = graph.node("Concat", [totals[target] for target in sorted(totals)], axis=1)
    if len(base):
        yield last
        last = graph.node("Add", [last.output[0], graph.add_constant(base.reshape(1, -1), "base")])
    last.output[0] = node.output[0]
    yield last
