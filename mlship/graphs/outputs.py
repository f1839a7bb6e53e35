"""Which outputs a model has, and which method of the original answers for each."""

from typing import Any

from mlship.errors import UnsupportedModelError


def outputs_of(estimator: Any) -> dict[str, str]:
    """Return the outputs of a fitted estimator, in order: ONNX output name -> name of the method that computes it.

    Classifiers and mixtures: prediction and probabilities, or scores where there are no probabilities. Outlier
    detectors: prediction and scores. Other predictors: prediction. All else: transformed.
    Raises UnsupportedModelError when the estimator has no method for new rows, or several labels a row.
    """
    if isinstance(getattr(estimator, "classes_", None), list):
        message = f"this {type(estimator).__name__} answers with several labels a row, which cannot be converted"
        raise UnsupportedModelError(message, "train one model for each label")
    if hasattr(estimator, "predict"):
        kind = _kind(estimator)
        outputs = {"prediction": "predict"}
        if kind not in ("outlier_detector", "regressor") and hasattr(estimator, "predict_proba"):
            outputs["probabilities"] = "predict_proba"
        elif kind in ("classifier", "outlier_detector") and hasattr(estimator, "decision_function"):
            outputs["scores"] = "decision_function"
        return outputs
    if hasattr(estimator, "transform"):
        return {"transformed": "transform"}
    name = type(estimator).__name__
    raise UnsupportedModelError(f"{name} cannot answer for new rows: it has neither predict nor transform")


def _kind(estimator: Any) -> str | None:
    tags = getattr(estimator, "__sklearn_tags__", None)
    return str(tags().estimator_type) if tags is not None else None
