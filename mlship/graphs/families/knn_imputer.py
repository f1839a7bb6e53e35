"""KNNImputer: missing values from the nearest training rows that have them."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from mlship.graphs.blocks import numbers, select
from mlship.graphs.builder import Block, Graph, Matrix, NotOurs
from mlship.graphs.families import imputers


def neighbours(g: Graph, model: Any, block: Block) -> Block:
    """KNNImputer with its own metric and weights, uniform or by distance.

    Where several rows are equally far and not all can be neighbours, the first ones are; which ones numpy picks then
    depends on the processor that it runs on. A row that shares no column with any donor gets the column's mean.
    """
    if model.metric != "nan_euclidean" or model.weights not in ("uniform", "distance"):
        raise NotOurs("it calls a Python function for distances or weights")
    x = numbers(g, block)
    missing = str(imputers.mask(g, x, model.missing_values))
    distances = _distances(g, model, x, missing)
    valid = np.flatnonzero(model._valid_mask)
    values = g.op("Transpose", _values(g, model, valid, distances), perm=[1, 0])
    kept = numbers(g, select(g, [x], valid.tolist()))
    gone = numbers(g, select(g, [Matrix(missing, "number", x.width)], valid.tolist()))
    name, width = g.op("Where", gone.name, values, kept.name), len(valid)
    if model.keep_empty_features and width < x.width:
        name, width = _with_empty(g, name, valid, x.width), x.width
    answer: list[Matrix] = [Matrix(name, "number", width)]
    if model.add_indicator:
        answer.extend(imputers.indicator(g, model.indicator_, [x]))
    return answer


def _distances(g: Graph, model: Any, x: Matrix, missing: str) -> str:
    """Return (rows, training rows): scikit-learn's nan_euclidean_distances, infinite where nothing is shared."""
    absent = np.asarray(model._mask_fit_X, dtype=bool)
    there = np.where(absent, 0.0, np.asarray(model._fit_X, dtype=np.float64))
    here = g.op("Where", missing, np.array(0.0), x.name)
    squares, gone = g.op("Mul", here, here), g.op("Cast", missing, to=TensorProto.DOUBLE)
    far = g.op("Mul", np.array(-2.0), g.op("MatMul", here, np.ascontiguousarray(there.T)))
    far = g.op("Add", far, g.op("ReduceSum", squares, np.array([1], dtype=np.int64), keepdims=1))
    far = g.op("Add", far, np.einsum("ij,ij->i", there, there).reshape(1, -1))
    far = g.op("Max", far, np.array(0.0))
    far = g.op("Sub", far, g.op("MatMul", squares, np.ascontiguousarray(absent.T.astype(np.float64))))
    far = g.op("Sub", far, g.op("MatMul", gone, np.ascontiguousarray((there * there).T)))
    far = g.op("Max", far, np.array(0.0))
    present = g.op("Sub", np.array(1.0), gone)
    shared = g.op("MatMul", present, np.ascontiguousarray((~absent).T.astype(np.float64)))
    far = g.op("Div", far, g.op("Max", shared, np.array(1.0)))
    far = g.op("Sqrt", g.op("Mul", far, np.array(float(x.width))))
    return g.op("Where", g.op("Equal", shared, np.array(0.0)), np.array(np.inf), far)


def _values(g: Graph, model: Any, valid: Any, distances: str) -> str:
    """Return (columns, rows): what every value would be if it were missing, by one Scan over the columns."""
    donors = ~np.asarray(model._mask_fit_X, dtype=bool)[:, valid].T
    known = np.where(donors, np.asarray(model._fit_X, dtype=np.float64)[:, valid].T, 0.0)
    scanned = {
        "donors": donors,
        "known": known,
        "mean": known.sum(axis=1) / donors.sum(axis=1),
        "count": np.minimum(donors.sum(axis=1), model.n_neighbors).reshape(-1, 1),
    }
    names = {name: g.constant(values) for name, values in scanned.items()}
    body = _body(distances, donors.shape[1], model.weights == "distance", f"{names['known']}.")
    return g.op("Scan", *names.values(), body=body, num_scan_inputs=len(names))


def _body(distances: str, rows: int, by_distance: bool, prefix: str) -> onnx.GraphProto:  # noqa: FBT001
    """Return one column's work as a graph: its donors, their values and mean in, (rows,) out."""
    kinds = {"donors": [rows], "known": [rows], "mean": [], "count": [1]}
    types = {"donors": TensorProto.BOOL, "count": TensorProto.INT64}
    inputs = [
        helper.make_tensor_value_info(prefix + name, types.get(name, TensorProto.DOUBLE), shape)
        for name, shape in kinds.items()
    ]
    constants = [("infinity", np.array(np.inf)), ("zero", np.array(0.0)), ("one", np.array(1.0))]
    constants.append(("axis", np.array([1], dtype=np.int64)))
    nodes = [
        helper.make_node("Constant", [], [prefix + name], value=onnx.numpy_helper.from_array(value))
        for name, value in constants
    ]
    nodes.append(helper.make_node("Where", [f"{prefix}donors", distances, f"{prefix}infinity"], [f"{prefix}far"]))
    top = [f"{prefix}near", f"{prefix}places"]
    nodes.append(helper.make_node("TopK", [f"{prefix}far", f"{prefix}count"], top, axis=1, largest=0))
    for kind, reads, output, *options in _weighting(by_distance=by_distance) + _AVERAGE:
        attributes = options[0] if options else {}
        nodes.append(helper.make_node(kind, [prefix + name for name in reads], [prefix + output], **attributes))
    result = helper.make_tensor_value_info(f"{prefix}value", TensorProto.DOUBLE, ["N"])
    return helper.make_graph(nodes, "column", inputs, [result])


_AVERAGE: list[Any] = [
    ("Gather", ["known", "places"], "values"),
    ("Mul", ["values", "weights"], "shares"),
    ("ReduceSum", ["shares", "axis"], "sum", {"keepdims": 0}),
    ("ReduceSum", ["weights", "axis"], "weight", {"keepdims": 0}),
    ("Div", ["sum", "weight"], "average"),
    ("Equal", ["weight", "zero"], "alone"),
    ("Where", ["alone", "mean", "average"], "value"),
]


def _weighting(*, by_distance: bool) -> list[Any]:
    """Return the nodes that make weights of distances; donors at distance 0 count alone, infinite ones not at all."""
    if not by_distance:
        return [("Less", ["near", "infinity"], "usable"), ("Where", ["usable", "one", "zero"], "weights")]
    return [
        ("Div", ["one", "near"], "inverse"),
        ("Equal", ["inverse", "infinity"], "same"),
        ("Where", ["same", "one", "zero"], "sames"),
        ("ReduceMax", ["sames", "axis"], "any", {"keepdims": 1}),
        ("Greater", ["any", "zero"], "exact"),
        ("Where", ["exact", "sames", "inverse"], "weights"),
    ]


def _with_empty(g: Graph, name: str, valid: Any, width: int) -> str:
    """Put the columns that were empty in training back, as zeros."""
    padded = g.op("Pad", name, np.array([0, 0, 0, 1], dtype=np.int64))
    places = np.full(width, len(valid), dtype=np.int64)
    places[valid] = np.arange(len(valid))
    return g.op("Gather", padded, places, axis=1)
