"""What is held against a candidate before it is timed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.datasets import load_digits, make_regression
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPRegressor

from mlship import plugins
from mlship.golden import Golden
from mlship.optimization import Candidate, Task
from mlship.optimizers.trials import Trial, judged
from mlship.quality import Budget
from tests.unit.optimize_support import task_for

DIGITS, KINDS = load_digits(return_X_y=True)
NUMBERS, VALUES = make_regression(400, 5, noise=5.0, random_state=0)
STRICT, LOOSE = Budget(None, None, 0.01), Budget(0.05, None, None)


@pytest.fixture(scope="module")
def line() -> Any:
    return task_for(LinearRegression().fit(NUMBERS, VALUES), NUMBERS, VALUES, budget=STRICT)


def lossy(base: Candidate, change: Callable[[np.ndarray], np.ndarray]) -> Candidate:
    """Return a candidate whose constants of numbers are changed."""
    model = onnx.ModelProto()
    model.CopyFrom(base.model)
    for item in model.graph.initializer:
        values = numpy_helper.to_array(item)
        if values.dtype == np.float64:
            item.CopyFrom(numpy_helper.from_array(change(values), item.name))
    return base.changed("other", "other", model, lossless=False)


def golden_of(task: Task, extra: Any = None) -> Golden:
    inputs, outputs = dict(task.judge.inputs), dict(task.judge.outputs)
    if extra is not None:
        inputs = {name: np.concatenate([values, extra[0]]) for name, values in inputs.items()}
        outputs = {name: np.concatenate([values, extra[1]]) for name, values in outputs.items()}
    return Golden(inputs, outputs, ("sample",) * len(next(iter(inputs.values()))))


def objection(base: Candidate, task: Task, candidate: Candidate, golden: Golden | None = None) -> str:
    found: Trial = judged(candidate, task, golden or golden_of(task))
    return found.objection


def test_by_default_no_number_moves_by_more_than_a_hundredth_of_its_spread(line: Any) -> None:
    base, task = line
    assert objection(base, task, lossy(base, lambda values: values * 1.001)) == ""
    assert objection(base, task, lossy(base, lambda values: values * 1.1)).startswith("a number moves by 0.")


def test_by_default_a_better_score_does_not_excuse_other_numbers(line: Any) -> None:
    base, task = line
    better = replace(task, judge=replace(task.judge, target=task.judge.outputs["prediction"] * 1.1))
    assert objection(base, better, lossy(base, lambda values: values * 1.1)).startswith("a number moves by")


def test_hard_rows_count_by_default(line: Any) -> None:
    base, task = line
    far = np.full((1, 5), 1e9)
    golden = golden_of(task, (far, np.array([0.0])))
    other = lossy(base, lambda values: values)
    assert objection(base, task, other, golden).startswith("on hard rows: a number moves by")
    assert objection(base, replace(task, budget=LOOSE), other, golden) == ""


def test_no_number_where_the_original_has_one_is_never_allowed(line: Any) -> None:
    base, task = line
    broken = lossy(base, lambda values: values * np.nan)
    anything = replace(task, budget=Budget(None, None, None))
    assert objection(base, anything, broken).startswith("answers without a number")


def test_fewer_rows_than_can_judge_are_said(line: Any) -> None:
    base, task = line
    few = replace(task, judge=task.judge.take(slice(0, 10)))
    assert objection(base, few, lossy(base, lambda values: values)) == "cannot be judged on 10 rows: give 100 or more"


def test_a_candidate_that_cannot_run_is_out(line: Any) -> None:
    base, task = line
    narrow = lossy(base, lambda values: values[:1] if values.ndim == 2 else values)
    assert "ONNX Runtime" in objection(base, task, narrow)


def test_answers_that_depend_on_the_batch_are_out() -> None:
    model = MLPRegressor(hidden_layer_sizes=(128, 128), max_iter=300, early_stopping=True, random_state=0).fit(
        NUMBERS, VALUES
    )
    base, task = task_for(model, NUMBERS, VALUES, budget=LOOSE)
    dynamic = plugins.load("methods", "quantize")(forms=("dynamic",))
    candidates = list(dynamic.propose(base, task))
    assert candidates
    far = {"features": np.concatenate([task.judge.inputs["features"], np.full((1, 5), 1e6)])}
    golden = Golden(far, {"prediction": np.zeros(len(far["features"]))}, ("sample",) * len(far["features"]))
    assert objection(base, task, candidates[0], golden).startswith("its answers depend on the other rows of a call")


def test_a_lossless_candidate_must_pass_parity() -> None:
    base, task = task_for(LogisticRegression(max_iter=50, tol=1e-2).fit(DIGITS[:300], KINDS[:300]), DIGITS[300:600])
    claims = replace(lossy(base, lambda values: values * 1.0001), lossless=True)
    assert objection(base, task, claims).startswith("is not as exact as it says: ")
