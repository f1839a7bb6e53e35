"""Which outputs a model has, and which method of the original answers for each."""

from typing import Any

from mlship.errors import UnsupportedModelError


def outputs_of(estimator: Any) -> dict[str, str]:
    """Return the outputs of a fitted estimator, in order: ONNX output name -> name of the method that computes it.

    Classifiers and mixtures: prediction and probabilities, or scores where there are no probabilities. Outlier
    detectors: prediction and scores. Other predictors: prediction. All else: transformed.
    A classifier with classes of their own for each of several targets: prediction (rows, targets), as its probabilities
    are no single array. Raises UnsupportedModelError when the estimator has no method for new rows.
    """
    if hasattr(estimator, "predict") and isinstance(getattr(estimator, "classes_", None), list):
        return {"prediction": "predict"}
    if hasattr(estimator, "predict"):
        kind = _kind(estimator)
        outputs = {"prediction": "predict"}
        if kind not in ("outlier_detector", "regressor") and _has_probabilities(estimator):
            outputs["probabilities"] = "predict_proba"
        elif kind in ("classifier", "outlier_detector") and hasattr(estimator, "decision_function"):
            outputs["scores"] = "decision_function"
        return outputs
    if hasattr(estimator, "transform"):
        return {"transformed": "transform"}
    name = type(estimator).__name__
    raise UnsupportedModelError(f"{name} cannot answer for new rows: it has neither predict nor transform")


def _has_probabilities(estimator: Any) -> bool:
    """Say whether predict_proba answers; that of a Gaussian process by one against one is there, and always fails."""
    is_pairwise = type(estimator).__name__ == "GaussianProcessClassifier" and estimator.multi_class == "one_vs_one"
    return hasattr(estimator, "predict_proba") and not (is_pairwise and len(estimator.classes_) > 2)


def _kind(estimator: Any) -> str | None:
    tags = getattr(estimator, "__sklearn_tags__", None)
    return str(tags().estimator_type) if tags is not None else None
