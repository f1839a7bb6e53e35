"""Gradient boosting of scikit-learn: the start value, then the trees in their order, then the link."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import each, numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.ensemble import Doubles, Floats, Ints, Trees, after, constants, summed
from mlship.graphs.families.encoders import ordinal
from mlship.graphs.families.trees import as_float32, trees_of
from mlship.graphs.labels import above_zero, cast, flat, largest, pick, two_columns, upright


def gradient_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """GradientBoostingRegressor; every loss of it has the identity as its link."""
    return {"prediction": Result(flat(g, _gradient(g, model, block)))}


def gradient_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """GradientBoostingClassifier; a score of exactly zero is the second class."""
    raw = _gradient(g, model, block)
    if model.loss == "exponential":
        return _classes(g, model, raw, g.op("Mul", raw, np.array(2.0)), zero_is_second=True)
    return _classes(g, model, raw, raw, zero_is_second=True)


def histogram_regressor(g: Graph, model: Any, block: Block) -> Answers:
    """HistGradientBoostingRegressor; poisson and gamma losses have the logarithm as their link."""
    raw = flat(g, _histogram(g, model, block))
    return {"prediction": Result(g.op("Exp", raw) if model.loss in ("poisson", "gamma") else raw)}


def histogram_classifier(g: Graph, model: Any, block: Block) -> Answers:
    """HistGradientBoostingClassifier; a score of exactly zero is the first class."""
    raw = _histogram(g, model, block)
    return _classes(g, model, raw, raw, zero_is_second=False)


def _gradient(g: Graph, model: Any, block: Block) -> str:
    """Return the raw scores (rows, 1 or classes)."""
    stages = model.estimators_.ravel().tolist()
    trees = trees_of(stages)
    values = np.concatenate([tree.tree_.value[:, 0, 0] for tree in stages]) * model.learning_rate
    x = as_float32(g, block)
    if isinstance(model.init_, str) or type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor"):
        anywhere = np.zeros((1, model.n_features_in_), dtype=np.float32)
        start = np.asarray(model._raw_predict_init(anywhere), dtype=np.float64).reshape(-1)
        return _boosted(g, x, trees, values, start)
    first = _started(g, model, [Matrix(x, "number", model.n_features_in_)])
    return g.op("Add", first, _boosted(g, x, trees, values, np.zeros(model.estimators_.shape[1])))


def _started(g: Graph, model: Any, block: Block) -> str:
    """Return the scores of the model that boosting starts from (``init``), (rows, 1 or classes)."""
    anywhere = np.zeros((1, model.n_features_in_), dtype=np.float32)
    answers = answer(g, model.init_, block)
    if "classes_" not in vars(model):
        if model.init_.predict(anywhere).dtype == np.float32:
            g.precision = "float32"
        return upright(g, cast(g, answers["prediction"], TensorProto.DOUBLE))
    if model.init_.predict_proba(anywhere).dtype == np.float32:
        g.precision = "float32"
    chances, edge = answers["probabilities"].name, np.finfo(np.float64).eps
    if len(model.classes_) == 2:
        chances = g.op("Gather", chances, np.array([1], dtype=np.int64), axis=1)
    chances = g.op("Clip", chances, np.array(edge), np.array(1 - edge))
    if len(model.classes_) > 2:
        logarithms = g.op("Log", chances)
        return g.op("Sub", logarithms, g.op("ReduceMean", logarithms, np.array([1], dtype=np.int64), keepdims=1))
    scores = g.op("Log", g.op("Div", chances, g.op("Sub", np.array(1.0), chances)))
    return g.op("Mul", scores, np.array(0.5)) if model.loss == "exponential" else scores


def _histogram(g: Graph, model: Any, block: Block) -> str:
    """Return the raw scores (rows, 1 or classes); rows are compared in double, as they are."""
    x = numbers(g, _coded(g, model, block))
    stages = [tree for stage in model._predictors for tree in stage]
    nodes = np.concatenate([tree.nodes for tree in stages])
    leaf = nodes["is_leaf"].astype(bool)
    sizes = np.array([len(tree.nodes) for tree in stages], dtype=np.int64)
    bitsets = np.cumsum([0, *(len(tree.raw_left_cat_bitsets) for tree in stages)])[:-1]
    split = np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
    members: dict[int, Floats] = {}
    if len(split):
        bits = np.concatenate([tree.raw_left_cat_bitsets for tree in stages])
        rows = bits[nodes["bitset_idx"][split] + np.repeat(bitsets, sizes)[split]]
        flags = np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")
        sets = [np.flatnonzero(row).astype(np.float64) for row in flags]
        members = {int(place): values for place, values in zip(split, sets, strict=True) if len(values)}
    trees = Trees(
        sizes,
        np.where(leaf, -1, nodes["left"].astype(np.int64)),
        np.where(leaf, -1, nodes["right"].astype(np.int64)),
        nodes["feature_idx"].astype(np.int64),
        # where only missing values go left there is no set: codes are never below zero
        np.where(nodes["is_categorical"].astype(bool), -1.0, nodes["num_threshold"]),
        nodes["missing_go_to_left"].astype(bool) & ~leaf,
        members,
    )
    return _boosted(g, x.name, trees, nodes["value"], model._baseline_prediction.ravel())


def _coded(g: Graph, model: Any, block: Block) -> Block:
    """Put the categorical columns first, as codes: what the model's own preprocessor does."""
    if getattr(model, "_preprocessor", None) is None:
        return block
    columns = list(each(g, block))
    is_category = model.is_categorical_
    categories = [column for column, is_one in zip(columns, is_category, strict=True) if is_one]
    rest = [column for column, is_one in zip(columns, is_category, strict=True) if not is_one]
    return [*ordinal(g, model._preprocessor.named_transformers_["encoder"], categories), *rest]


def _boosted(g: Graph, x: str, trees: Trees, values: Doubles, start: Doubles) -> str:
    """Add up the start value and the trees, of which each stage holds one a score."""
    scores = len(start)
    every = after(constants(scores), trees)
    targets: Ints = np.arange(len(every.sizes), dtype=np.int64) % scores
    return summed(g, x, every, np.concatenate([start, values]).reshape(-1, 1), targets)


def _classes(g: Graph, model: Any, raw: str, linked: str, *, zero_is_second: bool) -> Answers:
    """Return label, probabilities and scores; ``linked`` is what goes into the sigmoid or softmax."""
    classes = len(model.classes_)
    if classes == 2:
        line = flat(g, raw)
        index, chances = above_zero(g, line, or_equal=zero_is_second), two_columns(g, g.op("Sigmoid", linked))
        scores = Result(line)
    else:
        index, chances, scores = largest(g, raw), g.op("Softmax", linked, axis=1), Result(raw, width=classes)
    probabilities = Result(chances, width=classes)
    return {"prediction": pick(g, index, model.classes_), "probabilities": probabilities, "scores": scores}
