"""AdaBoostClassifier (SAMME) and AdaBoostRegressor (R2)."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.ensemble import summed
from mlship.graphs.families.bagging import are_trees
from mlship.graphs.families.meta import added, is_label, line, side_by_side
from mlship.graphs.families.trees import as_float32, trees_of
from mlship.graphs.labels import above_zero, flat, largest, pick


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """AdaBoostClassifier: each member gives its weight to the class it predicts, and takes it from the others."""
    if getattr(model, "algorithm", "SAMME") == "SAMME.R":
        raise NotOurs("algorithm='SAMME.R'")
    classes = len(model.classes_)
    if classes == 1:
        return _only_class(g, model, block)
    columns = _tree_scores(g, model, block) if are_trees(model.estimators_) else _scores(g, model, block)
    scores = g.op("Div", columns, np.array(float(np.sum(model.estimator_weights_))))
    if classes == 2:  # the columns are (-s, s), and the score is their difference
        score = g.op("Mul", flat(g, scores), np.array(2.0))
        both = side_by_side(g, [g.op("Neg", score), score])
        logits = g.op("Div", both, np.array(2.0))
        index, result = above_zero(g, score), Result(score)
    else:
        logits = g.op("Div", scores, np.array(classes - 1.0))
        index, result = largest(g, scores), Result(scores, width=classes)
    return {
        "prediction": pick(g, index, model.classes_),
        "probabilities": Result(g.op("Softmax", logits, axis=1), width=classes),
        "scores": result,
    }


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """AdaBoostRegressor: the weighted median of the predictions."""
    count = len(model.estimators_)
    if are_trees(model.estimators_):
        trees = trees_of(model.estimators_)
        values = np.concatenate([tree.tree_.value[:, 0, :1] for tree in model.estimators_])
        predictions = summed(g, as_float32(g, block), trees, values, np.arange(count))
    else:
        predictions = side_by_side(g, [line(g, answer(g, m, block)["prediction"]) for m in model.estimators_])
    size = np.array([count], dtype=np.int64)
    ordered, places = g.ops("TopK", 2, predictions, size, axis=1, largest=0, sorted=1)
    weights = np.asarray(model.estimator_weights_[:count], dtype=np.float64)
    sums = g.op("CumSum", g.op("Gather", weights, places), np.array(1, dtype=np.int64))
    half = g.op("Mul", np.array(0.5), g.op("Gather", sums, np.array([count - 1], dtype=np.int64), axis=1))
    reached = g.op("Cast", g.op("GreaterOrEqual", sums, half), to=TensorProto.INT64)
    first = g.op("ArgMax", reached, axis=1, keepdims=1)
    return {"prediction": Result(flat(g, g.op("GatherElements", ordered, first, axis=1)))}


def _tree_scores(g: Graph, model: Any, block: Block) -> str:
    """Return what _scores does, all trees at once: a leaf holds what its tree gives."""
    parts = []
    for tree, weight in zip(model.estimators_, model.estimator_weights_, strict=False):
        best = tree.classes_.take(tree.tree_.value[:, 0, : len(tree.classes_)].argmax(axis=1))
        parts.append(_given(best[:, None] == np.asarray(model.classes_), float(weight)))
    return summed(g, as_float32(g, block), trees_of(model.estimators_), np.concatenate(parts))


def _scores(g: Graph, model: Any, block: Block) -> str:
    """Return the sum of what the members give, (rows, classes), for two classes the second one only (rows, 1)."""
    classes = model.classes_[1:] if len(model.classes_) == 2 else model.classes_
    parts = []
    for member, weight in zip(model.estimators_, model.estimator_weights_, strict=False):
        named = is_label(g, answer(g, member, block)["prediction"], classes)
        others = -1 / (len(model.classes_) - 1) * float(weight)
        parts.append(g.op("Where", named, np.array(float(weight)), np.array(others)))
    return added(g, parts)


def _given(named: Any, weight: float) -> Any:
    classes = named.shape[1]
    given = np.where(named, weight, -1 / (classes - 1) * weight)
    return given[:, 1:] if classes == 2 else given


def _only_class(g: Graph, model: Any, block: Block) -> Answers:
    """Return certainty for the one class that training saw."""
    rows = g.op("Gather", g.op("Shape", numbers(g, block).name), np.array([0], dtype=np.int64))
    shape = g.op("Concat", rows, np.array([1], dtype=np.int64), axis=0)
    zeros = g.op("Expand", np.array([[0.0]]), shape)
    first = g.op("Cast", flat(g, zeros), to=TensorProto.INT64)
    probabilities = Result(g.op("Add", zeros, np.array(1.0)), width=1)
    return {
        "prediction": pick(g, first, model.classes_),
        "probabilities": probabilities,
        "scores": Result(zeros, width=1),
    }
