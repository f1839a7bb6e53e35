"""How good a candidate is beside the original, and whether that is within what the user allows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.errors import DataError
from mlship.signature import Signature

#: Tasks whose prediction is a label; of the others it is a number.
LABELLED = frozenset({"classifier", "clusterer", "outlier_detector"})

#: Fewest rows on which a candidate that answers otherwise can be judged.
FEWEST_ROWS = 50


@dataclass(frozen=True)
class Rows:
    """Rows to fit or to judge with.

    ``inputs``: tensors (rows, width) by ONNX input name, float64 or object (str). ``outputs``: what the converted
    model, which answers like the original, answers for them. ``target``: the true answers, (rows,), where the user
    named them.
    """

    inputs: Mapping[str, NDArray[Any]]
    outputs: Mapping[str, NDArray[Any]]
    target: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, rows: Any) -> "Rows":
        """Return the rows of the given numbers (an index array, slice or mask)."""
        return Rows(
            {name: values[rows] for name, values in self.inputs.items()},
            {name: values[rows] for name, values in self.outputs.items()},
            None if self.target is None else self.target[rows],
        )


@dataclass(frozen=True)
class Quality:
    """How the answers of a candidate compare with those of the converted model on ``rows`` rows.

    ``score``: share of right labels, or R2, against the target where there is one, else against the converted model,
    whose own score is ``reference``. ``label_changes``: rows with another label; 0 where predictions are numbers.
    ``score_change``: the largest change of a probability, or of another number in standard deviations of that output;
    infinite where one side has no number.
    """

    rows: int
    score: float
    reference: float
    label_changes: int
    score_change: float

    @property
    def drop(self) -> float:
        """Return by how much the score is below that of the converted model; negative where it is above."""
        return self.reference - self.score


@dataclass(frozen=True)
class Budget:
    """What a candidate may lose: of its score, share of labels changed, ``score_change``; None: anything finite."""

    accuracy_drop: float | None = 0.0
    label_changes: float | None = 0.0
    score_change: float | None = 0.01

    @property
    def strict(self) -> bool:
        """Whether nothing that shows may change: no label, and no number by more than a little."""
        return self.score_change is not None and self.label_changes in (None, 0.0) and not self.accuracy_drop

    def objection(self, quality: Quality) -> str:
        """Say why ``quality`` is beyond the budget; "" where it is within."""
        changed = quality.label_changes / max(quality.rows, 1)
        if not (math.isfinite(quality.drop) and math.isfinite(quality.score_change)):
            return "answers without a number where the original has one"
        if self.accuracy_drop is not None and quality.drop > self.accuracy_drop + 1e-12:
            return f"loses {quality.drop:.2%} (allowed {self.accuracy_drop:.2%})"
        if self.label_changes is not None and changed > self.label_changes:
            return f"{quality.label_changes} of {quality.rows} labels change (allowed {self.label_changes:.2%})"
        if self.score_change is not None and quality.score_change > self.score_change:
            return f"a number moves by {quality.score_change:.3f} (allowed {self.score_change:g})"
        return ""


def assess(signature: Signature, rows: Rows, answers: Mapping[str, NDArray[Any]]) -> Quality:
    """Compare ``answers`` for ``rows``, by output name, with what the converted model answers for them."""
    name = "prediction" if "prediction" in answers else signature.outputs[0].name
    ours, theirs = answers[name], rows.outputs[name]
    shift = max((_shift(name, answers[name], values) for name, values in rows.outputs.items()), default=0.0)
    if signature.task in LABELLED:
        changed = int(np.sum(ours != theirs))
        truth = theirs if rows.target is None else comparable(rows.target, theirs)
        return Quality(len(rows), _share(ours, truth), _share(theirs, truth), changed, shift)
    wanted = theirs if rows.target is None else comparable(rows.target, theirs)
    return Quality(len(rows), r2(ours, wanted), r2(theirs, wanted), 0, shift)


def _shift(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Return the largest change of an output of numbers: as it is for probabilities, else in standard deviations."""
    if theirs.dtype.kind != "f" or not theirs.size:
        return 0.0
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        change = np.where(same, 0.0, np.abs(a - b))
    if name != "probabilities":
        finite = b[np.isfinite(b)]
        change = change / (float(finite.std()) or 1.0 if finite.size else 1.0)
    return float(np.where(np.isnan(change), np.inf, change).max())


def r2(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Return the coefficient of determination, mean over the columns; a constant column counts 1 where it is met.

    Rows for which no number is wanted (NaN, infinite) are left out.
    """
    found, wanted = (np.asarray(part, dtype=np.float64).reshape(len(part), -1) for part in (found, wanted))
    known = np.isfinite(wanted).all(axis=1)
    found, wanted = found[known], wanted[known]
    if not len(wanted):
        return 1.0
    left, spread = ((found - wanted) ** 2).sum(axis=0), ((wanted - wanted.mean(axis=0)) ** 2).sum(axis=0)
    shares = np.where(spread > 0, 1 - left / np.where(spread > 0, spread, 1), (left == 0).astype(float))
    return float(shares.mean())


def comparable(target: NDArray[Any], answers: NDArray[Any]) -> NDArray[Any]:
    """Return true answers in the type and shape of the model's.

    Numbers that are whole are written without a point beside labels of text, as a gap makes a column of integers one
    of floats. Raises DataError for what cannot be such an answer.
    """
    if answers.dtype.kind in "OU":
        whole = [int(value) if isinstance(value, float) and value.is_integer() else value for value in target.tolist()]
        return np.array([str(value) for value in whole], dtype=object)
    try:
        return np.asarray(target).astype(answers.dtype).reshape(answers.shape)
    except ValueError as error:
        example = str(next(iter(target.ravel()), ""))[:40]
        message = f"the target holds '{example}', which is no answer of the model: it answers {_example(answers)}"
        raise DataError(message, "name the column of true answers: --target") from error


def _example(answers: NDArray[Any]) -> str:
    shape = "" if answers.ndim == 1 else f"{answers.shape[1]} numbers, such as "
    return f"{shape}{answers.ravel()[0] if answers.size else answers.dtype}"


def _share(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    return float(np.mean(found == wanted)) if len(found) else 1.0
