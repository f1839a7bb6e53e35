"""CalibratedClassifierCV: scores or probabilities of the inner classifiers, calibrated, then the mean of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.elementary import expit
from mlship.graphs.arithmetic.interpolation import interpolated
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import added, column, first_of, response, side_by_side
from mlship.graphs.labels import largest, pick, shared_out, two_columns, upright

_METHODS = ("decision_function", "predict_proba")
_EPSILON = 1e-12  # what scikit-learn adds before it takes logarithms of probabilities
_SLACK = 1e-5  # probabilities that are above 1 by at most this become 1


def calibrated(g: Graph, model: Any, block: Block) -> Answers:
    """CalibratedClassifierCV, with or without an ensemble."""
    members = [_probabilities(g, member, block) for member in model.calibrated_classifiers_]
    mean = g.op("Div", added(g, members), np.array(float(len(members))))
    return {
        "prediction": pick(g, largest(g, mean), model.classes_),
        "probabilities": Result(mean, width=len(model.classes_)),
    }


def _probabilities(g: Graph, member: Any, block: Block) -> str:
    """Return the calibrated probabilities of one classifier, (rows, classes)."""
    inner = member.estimator
    method = first_of(inner, _METHODS)
    raw = response(g, inner, answer(g, inner, block), method)
    match member.method:
        case "temperature":
            chances = _cooled(g, raw, method, float(member.calibrators[0].beta_))
        case "sigmoid" | "isotonic":
            chances = _one_vs_rest(g, raw, member.calibrators, np.asarray(member.classes), inner.classes_)
        case other:
            raise NotOurs(f"method={other!r}")
    over = g.op("And", g.op("Greater", chances, np.array(1.0)), g.op("LessOrEqual", chances, np.array(1.0 + _SLACK)))
    return g.op("Where", over, np.array(1.0), chances)


def _one_vs_rest(g: Graph, raw: Result, calibrators: Sequence[Any], classes: Any, known: Any) -> str:
    """Calibrate class by class; a class that the inner classifier did not see has probability zero."""
    lines = [raw.name] if raw.width is None else [column(g, raw.name, number) for number in range(raw.width)]
    parts = [_calibrate(g, calibrator, line) for calibrator, line in zip(calibrators, lines, strict=False)]
    if len(classes) == 2:
        return two_columns(g, upright(g, parts[0]))
    place = dict(zip(np.searchsorted(classes, known).tolist(), parts, strict=False))
    none = g.op("Mul", g.op("Cast", g.op("IsNaN", parts[0]), to=TensorProto.DOUBLE), np.array(0.0))
    return shared_out(g, side_by_side(g, [place.get(number, none) for number in range(len(classes))]), len(classes))


def _calibrate(g: Graph, calibrator: Any, score: str) -> str:
    """Return a calibrator's prediction for ``score`` (rows,)."""
    if hasattr(calibrator, "a_"):
        linear = g.op("Add", g.op("Mul", np.array(float(calibrator.a_)), score), np.array(float(calibrator.b_)))
        return expit(g, g.op("Neg", linear))
    return interpolated(g, calibrator.X_thresholds_, calibrator.y_thresholds_, score)


def _cooled(g: Graph, raw: Result, method: str, beta: float) -> str:
    """Return the softmax of the logits times ``beta``.

    scikit-learn tells probabilities from scores by their values, in a whole batch; the method tells it here.
    """
    if raw.width is None:
        single = upright(g, raw.name)
        both = two_columns(g, single) if method == "predict_proba" else None
        logits = both or g.op("Concat", g.op("Neg", single), single, axis=1)
    else:
        logits = raw.name
    if method == "predict_proba":
        logits = g.op("Log", g.op("Add", logits, np.array(_EPSILON)))
    return g.op("Softmax", g.op("Mul", np.array(beta), logits), axis=1)
