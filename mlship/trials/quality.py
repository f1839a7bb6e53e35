"""How right the models are on rows whose true answers the user gave: accuracy, F1, AUC; R2 and MAE of numbers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error, r2_score, roc_auc_score

from mlship.golden import Golden
from mlship.originals import replayed
from mlship.quality import Rows, comparable
from mlship.reports.model import Measurement
from mlship.runtime import Session, complaints
from mlship.signature import Signature
from mlship.trials.models import CONVERTED, ORIGINAL, Model

#: What a missing true answer became where answers are text (see ``Golden.target``).
_ABSENT = frozenset({"nan", "None", "NaT", "<NA>"})


def known_rows(
    golden: Golden, signature: Signature, sample: Path | None, target: str | None, *, most: int = 20_000, seed: int = 0
) -> Rows | None:
    """Return the rows whose true answers are known: those of the golden set, else of ``sample``; None without any.

    ``outputs`` are the original's answers; empty where it was not asked: of a sample, and of a golden set that was
    written anew because the optimised model answers otherwise.
    Raises DataError for a ``target`` that the sample does not have, or that cannot be answers of the model.
    """
    if signature.task not in ("classifier", "regressor") or "prediction" not in golden.outputs:
        return None
    plain = golden.plain()
    if golden.target is not None and len(golden.target) == len(plain):
        found = Rows(plain.inputs, {} if signature.loss else plain.outputs, golden.target)
    elif target is not None and sample is not None:
        again = replayed.rows(sample, signature, target=target, most=most, seed=seed)
        found = Rows(again.inputs, {}, again.target)
    else:
        return None
    assert found.target is not None
    found = found.take(_is_known(found.target, signature))
    return found if len(found) else None


def scores(
    models: Mapping[str, Model], rows: Rows, signature: Signature, golden: Golden
) -> tuple[list[Measurement], list[str]]:
    """Return the scores of the original and of each ONNX model on ``rows``, and notes.

    Where the original was not asked about them it has those of the converted model, which gives its answers.
    """
    assert rows.target is not None
    truth = comparable(rows.target, golden.outputs["prediction"][: len(rows)])
    answers: dict[str, Mapping[str, NDArray[Any]]] = {ORIGINAL: rows.outputs} if rows.outputs else {}
    for name, model in models.items():
        session = Session(model.path, model.settings)
        with complaints("fails on rows with known answers"):
            answers[name] = session.run(session.feed(rows.inputs))
    notes = []
    if ORIGINAL not in answers and CONVERTED in answers:
        answers = {ORIGINAL: answers[CONVERTED], **answers}
        notes.append("the original was not asked about these rows: its quality is that of the converted model")
    found = [
        Measurement(metric=metric, of=of, value=value)
        for of, given in answers.items()
        for metric, value in _scores(given, truth, signature)
        if np.isfinite(value)
    ]
    return found, notes


def _is_known(target: NDArray[Any], signature: Signature) -> NDArray[np.bool_]:
    known = ~pd.isna(target)
    classes = next((output.classes for output in signature.outputs if output.classes), ())
    if target.dtype.kind in "OU" and signature.task == "classifier":
        absent = _ABSENT - {str(label) for label in classes}
        known &= ~np.isin(target.astype(str), list(absent))
    return np.asarray(known)


def _scores(
    given: Mapping[str, NDArray[Any]], truth: NDArray[Any], signature: Signature
) -> Iterator[tuple[str, float]]:
    found = given["prediction"]
    if signature.task == "regressor":
        numbers = np.asarray(found, dtype=np.float64).reshape(truth.shape)
        if np.isfinite(numbers).all() and len(truth) > 1:
            yield "r2", float(r2_score(truth, numbers))
            yield "mae", float(mean_absolute_error(truth, numbers))
        return
    texts, labels = found.astype(str), truth.astype(str)
    yield "accuracy", float(accuracy_score(labels, texts))
    yield "f1", float(f1_score(labels, texts, average="macro", zero_division=0.0))
    for output in signature.outputs:
        if output.name in given and output.name in ("probabilities", "scores") and output.classes:
            yield "auc", _auc(given[output.name], labels, [str(each) for each in output.classes])
            return


def _auc(numbers: NDArray[Any], labels: NDArray[Any], classes: list[str]) -> float:
    """Return the mean over classes of the area under the curve of one against the rest; NaN where none is there."""
    columns = np.asarray(numbers, dtype=np.float64).reshape(len(labels), -1)
    if columns.shape[1] == 1:  # of two classes, the score of the second
        columns = np.hstack([-columns, columns])
    if columns.shape[1] != len(classes) or not np.isfinite(columns).all():
        return float("nan")
    areas = [
        float(roc_auc_score(labels == label, column))
        for label, column in zip(classes, columns.T, strict=True)
        if 0 < int(np.sum(labels == label)) < len(labels)
    ]
    return float(np.mean(areas)) if areas else float("nan")
