"""How good a candidate is, and what a budget allows."""

from typing import Any

import numpy as np
import pytest

from mlship.quality import Budget, Quality, Rows, assess, r2
from mlship.signature import Output, Signature


def signature(task: Any) -> Signature:
    prediction = Output(name="prediction", type="integer")
    return Signature(model="M", task=task, named=False, columns=(), tensors=(), outputs=(prediction,))


def rows(outputs: dict[str, Any], target: Any = None) -> Rows:
    arrays = {name: np.array(values) for name, values in outputs.items()}
    count = len(next(iter(arrays.values())))
    return Rows({"features": np.zeros((count, 1))}, arrays, None if target is None else np.array(target))


def test_without_a_target_the_score_is_the_share_of_labels_that_are_the_originals() -> None:
    found = assess(signature("classifier"), rows({"prediction": [0, 1, 1, 2]}), {"prediction": np.array([0, 1, 2, 2])})
    assert (found.score, found.reference, found.label_changes) == (0.75, 1.0, 1)


def test_with_a_target_the_score_may_rise() -> None:
    given = rows({"prediction": [0, 1, 1, 1]}, target=[0, 1, 2, 2])
    found = assess(signature("classifier"), given, {"prediction": np.array([0, 1, 2, 2])})
    assert (found.score, found.reference, found.label_changes) == (1.0, 0.5, 2)
    assert found.drop == -0.5


def test_labels_of_text_are_compared_with_a_target_read_as_numbers() -> None:
    given = Rows({"f": np.zeros((2, 1))}, {"prediction": np.array(["1", "2"], dtype=object)}, np.array([1, 2]))
    found = assess(signature("classifier"), given, {"prediction": np.array(["1", "1"], dtype=object)})
    assert (found.score, found.reference) == (0.5, 1.0)


def test_the_largest_change_of_a_probability_counts() -> None:
    given = rows({"prediction": [0, 1], "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    answers = {"prediction": np.array([0, 1]), "probabilities": np.array([[0.9, 0.1], [0.35, 0.65]])}
    assert assess(signature("classifier"), given, answers).score_change == pytest.approx(0.15)


def test_numbers_are_judged_by_r2() -> None:
    given = rows({"prediction": [1.0, 2.0, 3.0]}, target=[1.0, 2.0, 4.0])
    found = assess(signature("regressor"), given, {"prediction": np.array([1.0, 2.0, 4.0])})
    assert found.score == 1.0
    assert found.reference == pytest.approx(1 - 1 / (14 / 3))


@pytest.mark.parametrize(("answers", "score"), [([2.0, 2.0], 1.0), ([2.0, 2.1], 0.0)])
def test_r2_of_a_constant_is_whether_it_is_met(answers: list[float], score: float) -> None:
    assert r2(np.array(answers), np.array([2.0, 2.0])) == score


def test_rows_for_which_no_number_is_wanted_do_not_count() -> None:
    given = rows({"prediction": [1.0, np.nan, np.inf, 3.0]})
    alike = assess(signature("regressor"), given, {"prediction": np.array([1.0, np.nan, np.inf, 3.0])})
    assert (alike.score, alike.reference, alike.score_change) == (1.0, 1.0, 0.0)
    other = assess(signature("regressor"), given, {"prediction": np.array([1.0, 2.0, np.inf, np.nan])})
    assert Budget(None, None, None).objection(other) == "answers without a number where the original has one"


@pytest.mark.parametrize(
    ("budget", "quality", "objection"),
    [
        (Budget(), Quality(100, 1.0, 1.0, 0, 0.0), ""),
        (Budget(), Quality(100, 0.99, 1.0, 1, 0.0), "loses 1.00% (allowed 0.00%)"),
        (Budget(None, 0.0, None), Quality(100, 0.99, 1.0, 1, 0.0), "1 of 100 labels change (allowed 0.00%)"),
        (Budget(), Quality(100, 1.0, 1.0, 0, 0.02), "a number moves by 0.020 (allowed 0.01)"),
        (Budget(0.01, None, None), Quality(100, 0.99, 1.0, 1, 0.5), ""),
        (Budget(0.01, None, None), Quality(100, 1.02, 1.0, 9, 0.5), ""),
    ],
)
def test_a_budget_says_why_it_is_exceeded(budget: Budget, quality: Quality, objection: str) -> None:
    assert budget.objection(quality) == objection
