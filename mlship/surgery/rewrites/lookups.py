"""Trees that are stored once where leaves hold several values: the trees say which row of a table, and rows are added.

A leaf of ai.onnx.ml 5 holds one value for one target, so a forest with 10 class shares in each leaf is stored, and
walked through, 10 times. Here each tree answers with a row number instead, as a target of its own, and the rows are
added up in the order of the trees, which is what CumSum does: sums are the same to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.surgery.exact import only_leq, single
from mlship.surgery.graph import Graph, attributes
from mlship.surgery.trees import Ensemble, ensembles, groups, keep, outline, read, write_as

#: Bytes of looked-up rows that may be held for each row of a batch; more trees go in several blocks.
_ROOM = 4096
#: Walks through a tree that must be saved for each row, as looking up costs some nodes.
_WORTHWHILE = 64


@dataclass(frozen=True)
class Lookup:
    """Trees whose leaves are rows of ``table`` (rows, targets); ``like`` is a node with their input and type.

    ``copies``: the number of trees they were before they were stored once.
    """

    trees: Ensemble
    table: NDArray[Any]
    like: onnx.NodeProto
    copies: int


def share(graph: Graph) -> int:
    """Store trees once that differ in their targets and weights only; return how many copies of trees go."""
    gone = 0
    for node in [node for node in ensembles(graph) if node.op_type == "TreeEnsemble"]:
        found = stored_once(graph, node)
        if found is None:
            continue
        saved = found.copies - len(found.trees.sizes)
        if saved >= _WORTHWHILE:
            graph.replace([node], added(graph, found, node.output[0], max(_ROOM // found.table[0].nbytes, 1)))
            gone += saved
    return gone


def stored_once(graph: Graph, node: onnx.NodeProto) -> Lookup | None:
    """Return the trees of a TreeEnsemble without copies; None where there are none, or they are not just added up."""
    if outline(node)[1] == 1:
        return None
    ensemble = read(node)
    group = groups(ensemble)
    count = int(group.max()) + 1
    if count == len(group) or ensemble.aggregate != "SUM" or ensemble.post_transform != "NONE":
        return None
    order = np.argsort(group, kind="stable").reshape(count, -1)
    target = ensemble.target[np.searchsorted(ensemble.node, ensemble.starts)]
    if not all((np.diff(group[target == goal]) > 0).all() for goal in range(ensemble.n_targets)):
        return None
    parts = [keep(ensemble, copies) for copies in order.T]
    values = np.zeros((len(parts[0].weight), ensemble.n_targets), dtype=ensemble.weight.dtype)
    for part in parts:
        values[np.arange(len(values)), part.target] = part.weight
    table, row = _distinct(values + 0.0)
    trees, like = narrowed(graph, parts[0], node) if len(table) < 2**24 else (parts[0], node)
    trees = replace(trees, weight=row.astype(trees.threshold.dtype), target=trees.target * 0, n_targets=1)
    return Lookup(trees, table, like, len(group))


def added(graph: Graph, lookup: Lookup, output: str, trees_a_node: int) -> list[onnx.NodeProto]:
    """Return nodes that add up what ``lookup`` finds, (rows, targets), as ``output``, some trees at a time."""
    nodes: list[onnx.NodeProto] = []
    table, one = graph.add_constant(lookup.table, "leaves"), graph.add_constant(np.array(1), "axis")
    total, count = "", len(lookup.trees.sizes)
    for start in range(0, count, trees_a_node):
        part = keep(lookup.trees, np.arange(start, min(start + trees_a_node, count)))
        several = len(part.sizes)
        part = replace(part, target=part.tree[part.node], n_targets=several)
        walk = write_as(part, lookup.like, graph.fresh("TreeEnsemble"))
        row = graph.node("Cast", walk.output, to=TensorProto.INT32)
        nodes += [walk, row, graph.node("Gather", [table, row.output[0]])]
        if total and trees_a_node == 1:
            nodes.append(graph.node("Add", [total, nodes[-1].output[0]]))
        elif total:
            nodes.append(graph.node("Concat", [total, nodes[-1].output[0]], axis=1))
        if trees_a_node > 1:
            last = graph.add_constant(np.array([several - (not total)]), "last")
            sums = graph.node("CumSum", [nodes[-1].output[0], one])
            nodes += [sums, graph.node("Gather", [sums.output[0], last], axis=1)]
        total = nodes[-1].output[0]
    shape = graph.add_constant(np.array([-1, lookup.table.shape[1]]), "shape")
    nodes.append(graph.node("Reshape", [total, shape]))
    nodes[-1].output[0] = output
    return nodes


def narrowed(graph: Graph, ensemble: Ensemble, node: onnx.NodeProto) -> tuple[Ensemble, onnx.NodeProto]:
    """Return trees and node for single precision where ``node`` reads what was rounded to it; else those given.

    Weights are rounded too: the caller knows whether they may be.
    """
    rounded = rounded_input(graph, node)
    compared = only_leq(ensemble)
    if rounded is None or compared is None:
        return ensemble, node
    like = onnx.NodeProto(op_type=node.op_type, domain=node.domain)
    like.input.append(rounded)
    like.output.extend(node.output)
    return single(compared), like


def rounded_input(graph: Graph, node: onnx.NodeProto) -> str | None:
    """Return the float32 value that ``node`` reads as doubles; None where it reads something else."""
    cast = graph.producer(node.input[0])
    if cast is None or cast.op_type != "Cast" or outline(node)[0] != np.float64:
        return None
    source = graph.producer(cast.input[0])
    given = graph.inputs.get(cast.input[0])
    made_single = source is not None and source.op_type == "Cast" and attributes(source)["to"] == TensorProto.FLOAT
    given_single = given is not None and given.type.tensor_type.elem_type == TensorProto.FLOAT
    return cast.input[0] if made_single or given_single else None


def found_in(graph: Graph) -> list[tuple[Lookup, Sequence[onnx.NodeProto]]]:
    """Return what ``added`` made in ``graph`` before, some trees at a time, each with its nodes."""
    makers = {name: node for node in graph.nodes for name in node.output}
    ends = [node for node in graph.nodes if node.op_type == "Reshape"]
    return [(found, nodes) for end in ends if (found := _read_back(graph, makers, end, nodes := [end]))]


def _read_back(
    graph: Graph, makers: dict[str, onnx.NodeProto], end: onnx.NodeProto, nodes: list[onnx.NodeProto]
) -> Lookup | None:
    """Follow the nodes that ``added`` made from the last to the first, and add them to ``nodes``."""
    parts, total, table = [], end.input[0], ""
    while total:
        sums = _up(makers, total, "Gather", "CumSum")
        values, total = sums[-1].input[0] if sums else "", ""
        if beside := _up(makers, values, "Concat"):
            total, values = beside[0].input[:2]
        look = _up(makers, values, "Gather")
        rows = _up(makers, look[0].input[1], "Cast", "TreeEnsemble") if look else []
        if not rows:
            return None
        nodes += [*sums, *beside, *look, *rows]
        table = look[0].input[0]
        parts.append(rows[-1])
    trees = _one_after_the_other([read(walk) for walk in reversed(parts)])
    return Lookup(trees, graph.constants[table], parts[-1], len(trees.sizes))


def _up(makers: dict[str, onnx.NodeProto], value: str, *kinds: str) -> list[onnx.NodeProto]:
    """Return the nodes that made ``value``, the last first, where they are of these kinds; else none."""
    found: list[onnx.NodeProto] = []
    for kind in kinds:
        node = makers.get(value)
        if node is None or node.op_type != kind:
            return []
        found.append(node)
        value = node.input[0]
    return found


def _one_after_the_other(parts: Sequence[Ensemble]) -> Ensemble:
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("sizes", "left", "right", "feature", "threshold", "mode", "missing_left", "weight")
    }
    shifts = np.cumsum([0, *(len(part.left) for part in parts)]).tolist()
    node = np.concatenate([part.node + shift for part, shift in zip(parts, shifts, strict=False)])
    members = {
        place + shift: values
        for part, shift in zip(parts, shifts, strict=False)
        for place, values in part.members.items()
    }
    return replace(parts[0], **joined, node=node, members=members, target=np.zeros(len(node), dtype=int), n_targets=1)


def _distinct(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct rows of ``values``, and which of them each row is."""
    rows = np.ascontiguousarray(values).view([("", np.void, values.itemsize * values.shape[1])]).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    return values[first], which
