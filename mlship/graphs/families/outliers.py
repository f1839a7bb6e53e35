"""Outlier detectors: scores above or below an offset that was learned, 1 for inliers and -1 for outliers."""

from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.ensemble import summed
from mlship.graphs.families.trees import as_float32, trees_of
from mlship.graphs.labels import flat

_ROUNDED_SINGLY = 64  # columns up to which products are rounded one by one, as scipy does


def isolation_forest(g: Graph, model: Any, block: Block) -> Answers:
    """IsolationForest: -2 ** -(mean depth / expected depth), less the offset.

    The offset may be the score of a training row, and powers of 2 may differ in the last bit from numpy's. So a
    prediction compares depths, which are exact, with the least depth whose score numpy finds high enough.
    """
    trees = trees_of(model.estimators_)
    chosen = zip(model.estimators_, model.estimators_features_, strict=True)
    features = [columns[np.maximum(tree.tree_.feature, 0)] for tree, columns in chosen]
    trees = replace(trees, feature=np.concatenate(features))
    lengths = zip(model._decision_path_lengths, model._average_path_length_per_tree, strict=True)
    depths = np.concatenate([path + rest - 1.0 for path, rest in lengths])
    total = flat(g, summed(g, as_float32(g, block), trees, depths.reshape(-1, 1)))
    expected = len(model.estimators_) * _expected_depth(model._max_samples)
    if expected:
        depth = g.op("Div", total, np.array(expected))
    else:  # forests of single rows: scikit-learn takes every depth for 1
        depth = g.op("Add", g.op("Mul", total, np.array(0.0)), np.array(1.0))
    power = g.op("Pow", np.array(2.0), g.op("Neg", depth))
    is_inlier = g.op("GreaterOrEqual", depth, np.array(_least_depth(float(model.offset_))))
    scores = g.op("Sub", g.op("Neg", power), np.array(float(model.offset_)))
    return {"prediction": _sign(g, is_inlier), "scores": Result(scores)}


def elliptic_envelope(g: Graph, model: Any, block: Block) -> Answers:
    """EllipticEnvelope: the offset against the squared Mahalanobis distance to the robust centre."""
    x = numbers(g, block)
    distance = g.op("Sqrt", _mahalanobis(g, x, model))
    scores = g.op("Sub", g.op("Neg", g.op("Mul", distance, distance)), np.array(float(model.offset_)))
    is_inlier = g.op("GreaterOrEqual", scores, np.array(0.0))
    return {"prediction": _sign(g, is_inlier), "scores": Result(scores)}


def _sign(g: Graph, is_inlier: str) -> Result:
    return Result(g.op("Where", is_inlier, np.array(1), np.array(-1)), TensorProto.INT64)


def _expected_depth(samples: int) -> float:
    """Return the average path length of an isolation tree (Liu, Ting and Zhou, Isolation Forest, 2008, equation 1)."""
    if samples <= 2:
        return float(samples == 2)
    return float(2.0 * (np.log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples)


def _least_depth(offset: float) -> float:
    """Return the smallest depth at which -2 ** -depth, as numpy computes it, is not below ``offset``."""
    if _is_inlier(0.0, offset):
        return 0.0
    low, high = 0.0, 2048.0
    while (middle := low + (high - low) / 2) not in (low, high):
        low, high = (low, middle) if _is_inlier(middle, offset) else (middle, high)
    return high


def _is_inlier(depth: float, offset: float) -> bool:
    scores = -(2 ** -np.array([depth])) - offset
    return bool(scores[0] >= 0)


def _mahalanobis(g: Graph, x: Matrix, model: Any) -> str:
    """Return the squared distances, (rows,), before the root that scipy takes of them."""
    precision = np.ascontiguousarray(model.get_precision(), dtype=np.float64)
    gaps = g.op("Sub", x.name, np.asarray(model.location_, dtype=np.float64))
    if x.width > _ROUNDED_SINGLY:
        turned = g.op("MatMul", gaps, np.ascontiguousarray(precision.T))
    else:
        products = g.op("Mul", g.op("Unsqueeze", gaps, np.array([1])), precision)
        turned = g.op("Squeeze", _sums(g, products, x.width), np.array([2]))
    return flat(g, _sums(g, g.op("Mul", gaps, turned), x.width))


def _sums(g: Graph, terms: str, width: int) -> str:
    """Add up the last axis as scipy does: even and odd columns, these two, and then the one that is left over.

    A product with ones adds up in the order given and rounds nothing else.
    """
    paired = width - width % 2
    lanes = np.zeros((width, 2))
    lanes[:paired] = np.eye(2)[np.arange(paired) % 2]
    total = g.op("ReduceSum", g.op("MatMul", terms, lanes), np.array([-1]), keepdims=1)
    return total if paired == width else g.op("Add", total, g.op("Gather", terms, np.array([paired]), axis=-1))
