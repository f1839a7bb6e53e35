"""What users are told, in the cases where they were once told something else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lightgbm import LGBMRegressor
from sklearn.linear_model import LinearRegression
from xgboost import XGBClassifier

from mlship.cli import inspect as inspecting
from mlship.errors import ModelError, PluginError
from mlship.gate import inspect
from mlship.golden import Golden
from mlship.graphs import convert
from mlship.inspection import Inspection, Step
from mlship.originals.adapters import adapted
from mlship.originals.visit import visit
from mlship.parity import DOUBLE
from mlship.plugins import load, nearest
from mlship.replay import left_out
from mlship.runtime import parity

ROWS = np.random.default_rng(0).normal(size=(40, 2))


def inspected(model: str, *names: str, form: str = "pickle protocol 5", steps: tuple[Step, ...] = ()) -> str:
    found = Inspection(Path("model"), form, 1, model, names, steps=steps)
    return "\n".join(inspecting._lines(found, (), inspecting._route(found)))


def test_another_models_onnx_file_is_told_by_its_inputs(tmp_path: Path) -> None:
    visited = visit(LinearRegression().fit(ROWS, ROWS[:, 0]), None, target=None, rows=10, seed=0)
    made = convert(
        LinearRegression().fit(ROWS, ROWS[:, 0]),
        visited.signature.tensors,
        visited.signature.columns,
        outputs=["prediction"],
    )
    (tmp_path / "skl.onnx").write_bytes(made.content)
    (given,) = visited.golden.inputs
    other = Golden({"pclass": ROWS, "sex": ROWS}, {"prediction": ROWS[:, 0]}, ("sample",) * 40)
    with pytest.raises(ModelError) as caught:
        parity(tmp_path / "skl.onnx", other, DOUBLE)
    assert caught.value.message == f"'skl.onnx' takes the inputs {given}; the golden set has pclass, sex"
    assert caught.value.hint == "is it a model of this workspace?"


def test_inspect_knows_results_of_statsmodels(tmp_path: Path) -> None:
    sm.OLS(ROWS[:, 0], sm.add_constant(ROWS[:, 1:])).fit().save(str(tmp_path / "ols.pkl"))
    assert inspecting._route(found := inspect(tmp_path / "ols.pkl")) == ("OLS: mlship",)
    assert "no converter" not in "\n".join(inspecting._lines(found, (), ("OLS: mlship",)))


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("ONNX, IR 9", "already ONNX: taken as it is"),
        ("PyTorch, program", "exported by PyTorch"),
        ("Keras", "exported by Keras"),
    ],
)
def test_inspect_says_what_becomes_of_a_network(form: str, said: str) -> None:
    shown = inspected("keras.src.models.sequential.Sequential", form=form)
    assert f"route: {said}" in shown
    assert "no converter" not in shown


@pytest.mark.parametrize("name", ["__main__.Own", "my_steps_of_no_package.Own"])
def test_inspect_offers_no_native_form_for_a_class_of_no_package(name: str) -> None:
    shown = inspected("sklearn.pipeline.Pipeline", name, steps=(Step("own", name),))
    assert "no converter to ONNX for Own; bring a converter for it: entry point mlship.graphs" in shown
    assert "--to native" not in shown


def test_inspect_offers_the_native_form_for_a_class_of_a_package() -> None:
    shown = inspected("sklearn.decomposition._nmf.NMF", "sklearn.decomposition._nmf.NMF")
    assert "no converter to ONNX for NMF; its own library can serve it: --to native" in shown


def test_a_near_name_is_suggested_and_a_far_one_gets_the_list() -> None:
    assert nearest("onxx", ["native", "onnx"]) == "did you mean 'onnx'?"
    assert nearest("docker", ["scaffold", "build", "decoder-x"]) == "there is: scaffold, build, decoder-x"
    with pytest.raises(PluginError) as caught:
        load("converters", "active")
    assert caught.value.hint is not None
    assert caught.value.hint == nearest("active", ["native", "onnx", "pmml"])


@pytest.mark.parametrize(
    "model", [XGBClassifier(n_estimators=2, enable_categorical=True), LGBMRegressor(n_estimators=2, verbose=-1)]
)
def test_a_model_of_categories_goes_by_the_name_of_its_own_class(model: XGBClassifier | LGBMRegressor) -> None:
    frame = pd.DataFrame({"a": ROWS[:, 0], "b": pd.Categorical(["x", "y"] * 20)})
    visited = visit(adapted(model.fit(frame, [0, 1] * 20)), None, target=None, rows=10, seed=0)
    assert visited.signature.model == type(model).__name__


@pytest.mark.parametrize(("count", "said"), [(0, ""), (1, " (1 row with"), (4, " (4 rows with")])
def test_rows_that_json_cannot_carry_are_told(count: int, said: str) -> None:
    rows = ROWS.copy()
    rows[:count] = np.inf
    told = left_out(Golden({"features": rows}, {"prediction": ROWS[:, 0]}, ("sample",) * 40))
    assert told == (f"{said} infinite values cannot be sent as JSON)" if count else "")
