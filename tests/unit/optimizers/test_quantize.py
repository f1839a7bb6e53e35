"""Quantize: what it says of a model, and what it makes of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline

from mlship import plugins
from mlship.optimization import Candidate, Task
from mlship.optimizers.quantize import Quantize
from mlship.quality import Budget
from mlship.runtime import Session
from tests.unit.optimize_support import quality_on, rows_for, task_for
from tests.unit.surgery.quantization.networks import perceptron, rows

DIGITS, NUMBERS = load_digits(return_X_y=True)
TRAIN, TEST = slice(0, 800), slice(800, 1200)
QUICK: dict[str, Any] = {"max_iter": 40, "tol": 1.0, "n_iter_no_change": 20, "random_state": 0}
ANY = Budget(None, None, None)
Given = tuple[Candidate, Task]


@pytest.fixture(scope="module")
def given() -> Given:
    model = MLPClassifier((128, 96), **QUICK).fit(DIGITS[TRAIN], NUMBERS[TRAIN])
    return task_for(model, DIGITS[TEST], NUMBERS[TEST])


def proposed(given: Given, method: Quantize | None = None, **changes: Any) -> list[Candidate]:
    base, task = given
    return list((method or Quantize()).propose(base, replace(task, **changes)))


def test_it_is_loaded_by_name() -> None:
    assert plugins.load("methods", "quantize") is Quantize


def test_it_counts_the_weights_that_fewer_bits_would_do_for(given: Given) -> None:
    advice = Quantize().advise(*given)
    assert advice.applies
    assert advice.why == "3 layers hold 21,440 of 21,674 weights"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (
            LogisticRegression(max_iter=2000, tol=0.1),
            "its matrix product holds 640 weights, too few to gain (from 10,000)",
        ),
        (RandomForestClassifier(20, random_state=0), "20 trees compare, they don't multiply"),
    ],
    ids=["linear", "forest"],
)
def test_models_with_nothing_to_quantize_are_told_so(model: Any, why: str) -> None:
    base, task = task_for(model.fit(DIGITS[TRAIN], NUMBERS[TRAIN]), DIGITS[TEST])
    advice = Quantize().advise(base, task)
    assert (advice.applies, advice.why) == (False, f"nothing to quantize: {why}")


def test_what_it_made_has_nothing_left_to_quantize(given: Given) -> None:
    int8 = proposed(given)[0]
    assert Quantize().advise(int8, given[1]).why.startswith("nothing to quantize: it is quantized already")


def test_rows_that_were_made_up_do_not_do(given: Given) -> None:
    advice = Quantize().advise(given[0], replace(given[1], rows_are_real=False))
    assert not advice.applies
    assert advice.why == "the rows are made up; it takes 50 real ones to say what fewer bits cost (--data)"


@pytest.mark.parametrize("count", [1, 49])
def test_too_few_rows_are_told_how_many_it_takes(given: Given, count: int) -> None:
    base, task = given
    advice = Quantize().advise(base, replace(task, fit=task.fit.take(slice(0, count))))
    assert (advice.applies, advice.why) == (False, f"{count} rows to fit with; it takes 50 to say what fewer bits cost")


def test_without_a_wish_each_form_that_can_help_is_made(given: Given) -> None:
    assert [candidate.facts["form"] for candidate in proposed(given)] == ["static", "float32", "weights8", "float16"]
    assert proposed(given, objective="size")[0].facts["form"] == "weights4"


def test_candidates_keep_the_inputs_and_outputs_of_the_model(given: Given) -> None:
    base, task = given
    for candidate in proposed(
        given, Quantize(forms=("static", "float32", "dynamic", "float16", "weights8", "weights4"))
    ):
        assert candidate.model.graph.input == base.model.graph.input
        assert candidate.model.graph.output == base.model.graph.output
        assert candidate.steps == ("quantize",)
        assert not candidate.lossless
        session = Session(candidate.model.SerializeToString())
        assert len(session.run(session.feed(task.judge.take([0]).inputs))["prediction"]) == 1


@pytest.mark.parametrize(("form", "smaller"), [("float32", 1.9), ("static", 5), ("weights8", 6), ("weights4", 9)])
def test_each_form_is_as_much_smaller(given: Given, form: Any, smaller: float) -> None:
    (candidate,) = proposed(given, Quantize(forms=(form,)), budget=ANY)
    assert given[0].model.ByteSize() > smaller * candidate.model.ByteSize()


def test_int8_loses_next_to_nothing_on_rows_that_it_has_not_seen(given: Given) -> None:
    task = given[1]
    int8 = proposed(given)[0]
    assert (int8.name, int8.facts["layers_in_float"]) == ("int8", [])
    assert quality_on(task.judge, task.signature)(int8.model).drop <= 0.01


def test_the_base_stays_as_it_is(given: Given) -> None:
    before = given[0].model.SerializeToString()
    proposed(given)
    assert given[0].model.SerializeToString() == before


def test_the_same_seed_makes_the_same_files(given: Given) -> None:
    first, second = ([item.model.SerializeToString() for item in proposed(given)] for _ in range(2))
    assert first == second


def test_dynamic_int8_says_that_it_depends_on_the_batch(given: Given) -> None:
    (candidate,) = proposed(given, Quantize(forms=("dynamic",)))
    assert candidate.facts["depends_on_batch"] is True


def test_facts_name_the_layers_left_in_float() -> None:
    model = MLPRegressor(hidden_layer_sizes=(96, 128), **QUICK).fit(DIGITS[TRAIN], NUMBERS[TRAIN])
    base, task = task_for(model, DIGITS[TEST])
    alone = Quantize(forms=("weights4",))
    (whole,) = alone.propose(base, replace(task, budget=ANY))
    allowed = 0.6 * task.quality(whole.model).drop
    (candidate,) = alone.propose(base, replace(task, budget=Budget(allowed, None, None)))
    assert candidate.facts["layers_in_float"]
    assert "layers in float" in candidate.name
    assert task.quality(candidate.model).drop <= allowed


def test_a_budget_of_nothing_leaves_float32_alone(given: Given) -> None:
    """Within it or not is for the planner to say, on the rows that it judges on."""
    assert [item.name for item in proposed(given, budget=Budget(0.0, 0.0, 0.0))] == ["float32"]


def test_no_time_leaves_float32_alone(given: Given) -> None:
    assert [item.name for item in proposed(given, left=lambda: 0.0)] == ["float32"]


@pytest.mark.parametrize(("missing", "forms"), [(0.1, ["static", "float32"]), (0.9, ["float32"])])
def test_rows_with_missing_values_are_left_out_of_the_calibration(missing: float, forms: list[str]) -> None:
    holed = DIGITS.copy()
    holed[np.random.default_rng(0).random(len(holed)) < missing, 3] = np.nan
    model = make_pipeline(SimpleImputer(), MLPClassifier((160,), **QUICK)).fit(holed[TRAIN], NUMBERS[TRAIN])
    base, task = task_for(model, holed[TEST])
    gone = int(np.isnan(task.fit.inputs["features"]).any(axis=1).sum())
    method = Quantize(forms=("static", "float32"))
    made = {item.facts["form"]: item.facts for item in method.propose(base, task)}
    assert list(made) == forms
    if "static" in made:
        assert made["static"]["rows_left_out"] == gone > 0
        assert method.advise(base, task).why.endswith(f"; {gone} of 200 rows have missing values and calibrate nothing")
    else:
        told = f"; no static int8: {200 - gone} of 200 rows have no missing value, 50 are needed"
        assert method.advise(base, task).why.endswith(told)


def test_rows_of_one_class_and_constant_columns_calibrate(given: Given) -> None:
    base, task = given
    ones = task.fit.take(task.fit.outputs["prediction"] == task.fit.outputs["prediction"][0])
    same = rows_for(base.model, {"features": np.repeat(ones.inputs["features"][:1], 60, axis=0)})
    changes = {"fit": same, "quality": quality_on(same, task.signature)}
    assert [item.name for item in proposed(given, Quantize(forms=("static",)), **changes)] == ["int8"]


def test_a_model_in_float32_is_not_narrowed_again(given: Given) -> None:
    foreign = Candidate("converted", perceptron(dtype=np.float32))
    fit = rows_for(foreign.model, {"x": rows()})
    signature = given[1].signature.model_copy(
        update={"task": "regressor", "outputs": (given[1].signature.outputs[0].model_copy(update={"name": "y"}),)}
    )
    task = replace(given[1], signature=signature, fit=fit, quality=quality_on(fit, signature))
    made = list(Quantize(forms=("float32", "static", "float16")).propose(foreign, task))
    assert [item.facts["form"] for item in made] == ["static", "float16"]
    assert made[0].model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("options", [{"forms": ("int4",)}, {"calibration": "mean"}, {"calibration_rows": 10}])
def test_options_that_are_none_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Quantize(**options)


def test_a_named_calibration_is_the_one_taken(given: Given) -> None:
    (candidate,) = proposed(given, Quantize(forms=("static",), calibration="entropy", calibration_rows=64))
    assert (candidate.facts["calibration"], candidate.facts["calibration_rows"]) == ("entropy", 64)
