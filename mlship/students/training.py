"""Trains one student on one lesson, and asks it."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline, make_pipeline
from threadpoolctl import threadpool_limits

from mlship.signature import Signature
from mlship.students import kinds
from mlship.students.columns import reader, table
from mlship.students.kinds import Plan
from mlship.students.lessons import Lesson

#: A share of a class below this is not worth a row of its own; forests give many such.
_LEAST = 0.05


@dataclass(frozen=True)
class Student:
    """A fitted scikit-learn pipeline over ``table``; ``classes`` are the teacher's, in its order, None for numbers."""

    pipeline: Pipeline
    signature: Signature
    classes: NDArray[Any] | None

    def order(self) -> list[int]:
        """Return the places of the teacher's classes among those of the pipeline."""
        known = list(self.pipeline.classes_)
        return [known.index(label) for label in self.classes] if self.classes is not None else []

    def answer(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return prediction, and probabilities where the teacher has them, by output name."""
        rows = table(inputs, self.signature.columns)
        width = next(item.width for item in self.signature.outputs if item.name == "prediction")
        prediction = self.pipeline.predict(rows)
        answers = {"prediction": prediction.reshape(-1, 1) if width == 1 else prediction}
        if any(item.name == "probabilities" for item in self.signature.outputs):
            answers["probabilities"] = self.pipeline.predict_proba(rows)[:, self.order()]
        return answers


def trained(plan: Plan, lesson: Lesson, signature: Signature, classes: NDArray[Any] | None, seed: int) -> Student:
    """Train the student that ``plan`` describes; warnings of scikit-learn are silenced, as the student is judged after.

    Raises MissingDependencyError for a torch student without torch.
    """
    rows = table(lesson.inputs, signature.columns)
    # the matrices are small: several threads of BLAS wait for one another longer than they compute
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        warnings.simplefilter("ignore")
        read = reader(signature.columns, rows, scaled=plan.scaled)
        matrix = read.transform(rows)
        if classes is None:
            numbers = lesson.answers.ravel() if lesson.answers.shape[1:] == (1,) else lesson.answers
            model = kinds.regressor(plan, seed).fit(matrix, numbers, sample_weight=lesson.weights)
        elif plan.kind == "torch":
            from mlship.students.softened import network

            model = network(plan, matrix, lesson, classes, seed)
        else:
            model = _classifier(plan, matrix, lesson, classes, seed)
    steps = [step for _, step in read.steps if step != "passthrough"]
    return Student(make_pipeline(*steps, model), signature, classes)


def _classifier(plan: Plan, matrix: NDArray[Any], lesson: Lesson, classes: NDArray[Any], seed: int) -> Any:
    """Train on shares of classes: each row comes once for each class it may be, its weight being the share.

    For log loss that is the cross-entropy with soft targets; for trees, the Gini impurity of the mean share.
    """
    rows, labels = np.nonzero(lesson.answers >= _LEAST)
    weights = lesson.answers[rows, labels] * lesson.weights[rows]
    return kinds.classifier(plan, seed).fit(matrix[rows], classes[labels], sample_weight=weights)
