"""Trees to try surgery on: converted models, and rows that go everywhere in them."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.runtime import Session
from mlship.surgery.graph import ML, Graph
from tests.unit.optimize_support import task_for

RNG = np.random.default_rng(0)
ROWS = np.round(RNG.normal(size=(300, 6)), 1)
CLASSES = (ROWS[:, 0] * 2 + ROWS[:, 1]).astype(int).clip(-2, 2)
ODD = RNG.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 1e-310, 1e39, 0.5], size=(300, 6))


def converted(model: Any, rows: NDArray[Any] = ROWS) -> Graph:
    """Return what ``model``, fitted, is converted to."""
    return Graph(task_for(model, rows)[0].model)


def answers(graph: Graph, rows: NDArray[Any] | None = None, threads: int = 1) -> list[NDArray[Any]]:
    """Return all outputs of ``graph`` for ``rows``; by default for those above, rounded ones, and odd values."""
    rows = np.concatenate([ROWS, np.rint(ROWS), ODD]) if rows is None else rows
    session = Session(graph.model().SerializeToString(), threads)
    (name, dtype), *_ = session.inputs.items()
    with np.errstate(over="ignore"):
        return list(session.run({name: rows.astype(dtype)}).values())


def same(first: list[NDArray[Any]], second: list[NDArray[Any]]) -> bool:
    """Say whether two lists of answers are equal to the last bit."""
    return all(
        np.array_equal(one, other, equal_nan=one.dtype.kind == "f") for one, other in zip(first, second, strict=True)
    )


def graph_of(*nodes: onnx.NodeProto, kind: int = onnx.TensorProto.DOUBLE, width: int = 2) -> Graph:
    """Return a graph from "x" (rows, ``width``) to "y" that holds ``nodes``."""
    inputs = [onnx.helper.make_tensor_value_info("x", kind, [None, width])]
    outputs = [onnx.helper.make_tensor_value_info("y", kind, [None, None])]
    opsets = [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid(ML, 5)]
    made = onnx.helper.make_graph(nodes, "trees", inputs, outputs)
    return Graph(onnx.helper.make_model(made, opset_imports=opsets, ir_version=10))


def trees(
    roots: list[int], nodes: list[tuple[int, float, int, int]], leaves: list[float], **attributes: Any
) -> onnx.NodeProto:
    """Return a TreeEnsemble from "x" to "y" of nodes (feature, threshold, true, false); child -1 - i is leaf i.

    ``attributes`` replace those that follow from that.
    """
    sides = {side: [node[place] for node in nodes] for side, place in (("true", 2), ("false", 3))}
    double = {
        name: onnx.numpy_helper.from_array(np.array(values, dtype=np.float64))
        for name, values in (("nodes_splits", [node[1] for node in nodes]), ("leaf_weights", leaves))
    }
    usual = {
        "n_targets": 1,
        "tree_roots": roots,
        "nodes_featureids": [node[0] for node in nodes],
        "nodes_modes": onnx.numpy_helper.from_array(np.zeros(len(nodes), dtype=np.uint8)),
        "leaf_targetids": [0] * len(leaves),
        **{f"nodes_{side}leafs": [int(child < 0) for child in children] for side, children in sides.items()},
        **{f"nodes_{side}nodeids": [c if c >= 0 else -1 - c for c in children] for side, children in sides.items()},
    }
    given = {name: value for name, value in {**usual, **double, **attributes}.items() if value != []}
    return onnx.helper.make_node("TreeEnsemble", ["x"], ["y"], domain=ML, **given)
