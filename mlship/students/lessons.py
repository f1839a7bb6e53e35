"""What a student is to learn: the true answers, or those of its teacher."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.quality import Rows, comparable
from mlship.signature import Signature

Floats = NDArray[np.float64]


#: How much the truth counts where the teacher's answer is known too.
TRUTH = 0.8


@dataclass(frozen=True)
class Lesson:
    """Rows, and what to answer for them.

    ``inputs``: tensors (rows, width) by name. ``taught``: what the teacher says, and ``truth``: what is true, as far as
    that is known; for classes their shares (rows, classes), for numbers (rows,) or (rows, width). Either may be None;
    where both are there, ``truth`` is that of the first rows, and the other rows are made up.
    """

    inputs: Mapping[str, NDArray[Any]]
    taught: Floats | None
    truth: Floats | None
    weights: Floats

    @property
    def answers(self) -> Floats:
        """What to learn, row by row: a mean of what the teacher says and what is true, where both are known.

        That is the weighted sum of two objectives of Hinton, Vinyals and Dean (2015), section 2.
        """
        if self.taught is None:
            assert self.truth is not None
            return self.truth
        if self.truth is None:
            return self.taught
        both, known = self.taught.copy(), len(self.truth)
        both[:known] = (1 - TRUTH) * both[:known] + TRUTH * self.truth
        return both


def plain(rows: Rows, signature: Signature) -> Lesson:
    """Return the lesson without a teacher: the target; where there is none, the labels or numbers of the teacher."""
    truth = _hard(rows, signature) if rows.target is None else _truth(rows, signature)
    return Lesson(rows.inputs, None, truth, np.ones(len(rows)))


def distilled(rows: Rows, made: Rows, signature: Signature) -> Lesson:
    """Return the lesson of a teacher: its answers for ``rows`` and for the made up rows ``made``, which have no target.

    Classes come as probabilities where the teacher gives them (soft targets), else as its labels. All made up rows
    together weigh as much as the others.
    """
    inputs = {name: np.concatenate([values, made.inputs[name]]) for name, values in rows.inputs.items()}
    taught = np.concatenate([_soft(part, signature) for part in (rows, made)])
    weights = np.ones(len(taught))
    weights[len(rows) :] = min(len(rows) / max(len(made), 1), 1.0)
    return Lesson(inputs, taught, None if rows.target is None else _truth(rows, signature), weights)


def classes_of(signature: Signature, rows: Rows) -> NDArray[Any]:
    """Return the classes in the order of the teacher's probabilities, else sorted, in the type of its labels."""
    labels = rows.outputs["prediction"]
    known = next((item.classes for item in signature.outputs if item.classes), None)
    if known is None:
        return np.unique(labels)
    classes = np.empty(len(known), dtype=labels.dtype)
    classes[:] = [str(item) for item in known] if labels.dtype == object else known
    return classes


def shares(labels: NDArray[Any], classes: NDArray[Any]) -> Floats:
    """Return (rows, classes): 1 where the label is the class, else 0."""
    return np.asarray(labels[:, None] == classes[None, :], dtype=np.float64)


def _truth(rows: Rows, signature: Signature) -> Floats:
    assert rows.target is not None
    answers = rows.outputs["prediction"]
    if signature.task == "classifier":
        return shares(comparable(rows.target, answers), classes_of(signature, rows))
    return np.asarray(rows.target, dtype=np.float64).reshape(answers.shape)


def _hard(rows: Rows, signature: Signature) -> Floats:
    answers = rows.outputs["prediction"]
    if signature.task == "classifier":
        return shares(answers, classes_of(signature, rows))
    return np.asarray(answers, dtype=np.float64)


def _soft(rows: Rows, signature: Signature) -> Floats:
    if "probabilities" in rows.outputs:
        return np.asarray(rows.outputs["probabilities"], dtype=np.float64)
    return _hard(rows, signature)
