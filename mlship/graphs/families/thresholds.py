"""Classifiers whose decision threshold was chosen: TunedThresholdClassifierCV and FixedThresholdClassifier."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.builder import Answers, Block, Graph
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import first_of, response
from mlship.graphs.labels import pick


def fixed(g: Graph, model: Any, block: Block) -> Answers:
    """FixedThresholdClassifier: "auto" is 0.5 for probabilities and 0 for scores."""
    inner = getattr(model, "estimator_", model.estimator)
    method = _method(model, inner)
    auto = 0.5 if method == "predict_proba" else 0.0
    threshold = auto if isinstance(model.threshold, str) else float(model.threshold)
    return _decided(g, inner, method, threshold, model.pos_label, block)


def tuned(g: Graph, model: Any, block: Block) -> Answers:
    """TunedThresholdClassifierCV: the best threshold; the positive class is the one of its scorer."""
    positive = model._curve_scorer._get_pos_label()
    method = _method(model, model.estimator_)
    return _decided(g, model.estimator_, method, float(model.best_threshold_), positive, block)


def _method(model: Any, inner: Any) -> str:
    asked = model.response_method
    return first_of(inner, ["predict_proba", "decision_function"] if asked == "auto" else [asked])


def _decided(g: Graph, inner: Any, method: str, threshold: float, positive: Any, block: Block) -> Answers:
    """Return the inner answers with another prediction: the positive class from the threshold on."""
    answers = answer(g, inner, block)
    classes = np.asarray(inner.classes_)
    score = response(g, inner, answers, method, positive)
    above = g.op("Cast", g.op("GreaterOrEqual", score.name, np.array(threshold)), to=TensorProto.INT64)
    turned = positive is not None and classes[0] == positive
    return {**answers, "prediction": pick(g, above, classes[::-1] if turned else classes)}
