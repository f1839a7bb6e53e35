import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.cluster import Birch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship.converters.native import NativeConverter, pins
from mlship.errors import GateError, ModelError, UnsupportedModelError
from mlship.judging import judge, judged
from mlship.originals import native
from mlship.originals.adapters import adapted
from mlship.stages import Original, Outcome

ROWS, LABELS = load_iris(return_X_y=True)
NAMES = load_iris().target_names[LABELS]


def convert(model: Any, sample: Any, tmp_path: Path) -> tuple[Outcome, dict[str, Path]]:
    """Convert, and return the outcome with its artifacts by kind."""
    path = tmp_path / ("rows.npy" if isinstance(sample, np.ndarray) else "rows.csv")
    if isinstance(sample, np.ndarray):
        np.save(path, sample)
    else:
        sample.to_csv(path, index=False)
    original = Original(tmp_path / "model.joblib", "joblib", adapted(model))
    outcome = NativeConverter(golden_rows=60).convert(original, path, tmp_path, lambda message, _=None: None)
    return outcome, {kind: tmp_path / name for kind, name in outcome.artifacts.items()}


def mixed() -> tuple[Any, pd.DataFrame]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "home.dest": draw.choice(["Köln", "北京", None], 80),
            "fare paid": np.where(draw.random(80) < 0.2, np.nan, draw.gamma(2, 15, 80).round(2)),
            "age": draw.integers(1, 90, 80),
            "alone": draw.random(80) < 0.5,
        }
    )
    towns = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer((SimpleImputer(), ["fare paid"]), (towns, ["home.dest"]), remainder="passthrough")
    forest = RandomForestClassifier(10, random_state=0)
    return make_pipeline(columns, forest).fit(frame, np.where(frame["age"] > 40, "ja", "nein")), frame


def texts() -> tuple[Any, pd.DataFrame]:
    words = ["good film", "bad film", "très bon", "nicht gut", "good", "bad"] * 5
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(words, [1, 0, 1, 0, 1, 0] * 5)
    return model, pd.DataFrame({"text": words})


def categories() -> tuple[Any, pd.DataFrame]:
    frame = pd.DataFrame({"town": pd.Categorical(np.tile(["a", "b", "c"], 40)), "x": np.arange(120.0)})
    model = lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1)
    return model.fit(frame, np.where(frame["town"] == "b", "yes", "no")), frame


def boosted() -> tuple[Any, Any]:
    return lightgbm.train(
        {"objective": "multiclass", "num_class": 3, "verbose": -1}, lightgbm.Dataset(ROWS, LABELS), 3
    ), ROWS


def sentinel() -> tuple[Any, Any]:
    rows = np.where(np.random.default_rng(0).random(ROWS.shape) < 0.2, -999.0, ROWS)
    return xgboost.XGBClassifier(n_estimators=3, missing=-999.0).fit(rows, LABELS), rows


def gradient() -> tuple[Any, Any]:
    return catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(ROWS, NAMES), ROWS


@pytest.mark.parametrize(
    ("made", "file"),
    [
        (mixed, "model.skops"),
        (texts, "model.skops"),
        (categories, "model.txt"),
        (boosted, "model.txt"),
        (sentinel, "model.ubj"),
        (gradient, "model.cbm"),
    ],
    ids=lambda item: getattr(item, "__name__", item),
)
def test_the_code_of_the_service_answers_from_the_file_to_the_last_bit(
    made: Callable[[], tuple[Any, Any]], file: str, tmp_path: Path
) -> None:
    _, artifacts = convert(*made(), tmp_path)
    assert (artifacts["native"] / file).is_file()
    verdict = judge(artifacts)
    assert verdict.passed, verdict.sentence()
    assert (verdict.allowed, verdict.largest) == (0, 0)


def test_the_libraries_are_pinned_to_the_versions_that_answered(tmp_path: Path) -> None:
    _, artifacts = convert(*mixed(), tmp_path)
    told = native.read(artifacts["native"])
    assert told.libraries == ("numpy", "pandas", "scikit-learn", "scipy", "skops")
    wanted = {f"{name}=={version}" for name, version in pins(["numpy", "pandas", "sklearn", "scipy", "skops"]).items()}
    assert set((artifacts["native"] / "requirements.txt").read_text().split()) == wanted


def test_skops_may_load_only_what_is_recorded(tmp_path: Path) -> None:
    _, artifacts = convert(*mixed(), tmp_path)
    told = native.read(artifacts["native"])
    assert "sklearn.tree._tree.Tree" in told.trusted
    native.write(told.model_copy(update={"trusted": ()}), artifacts["native"])
    with pytest.raises(ModelError, match=r"native\.json does not name"):
        judge(artifacts)


def test_a_file_that_was_changed_is_not_loaded(tmp_path: Path) -> None:
    _, artifacts = convert(RandomForestClassifier(3).fit(ROWS, LABELS), ROWS, tmp_path)
    with (artifacts["native"] / "model.skops").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="is not the file"):
        judge(artifacts)


def test_a_model_that_answers_otherwise_is_found(tmp_path: Path) -> None:
    outcome, artifacts = convert(RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS), ROWS, tmp_path)
    other = native.keep(RandomForestClassifier(3, random_state=1).fit(ROWS, LABELS), artifacts["native"], named=False)
    native.write(other, artifacts["native"])
    with pytest.raises(GateError, match="the model of plugin 'native' does not answer as it should"):
        judged("convert", "native", outcome, {}, tmp_path)


def test_what_skops_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="'Birch' cannot be kept as a skops file"):
        convert(Birch(n_clusters=3).fit(ROWS), ROWS, tmp_path)


class Mean(RegressorMixin, BaseEstimator):
    """A model of this module, which no image can install."""

    def fit(self, rows: Any, answers: Any) -> "Mean":
        self.n_features_in_, self.mean_ = rows.shape[1], float(answers.mean())
        return self

    def predict(self, rows: Any) -> Any:
        return np.full(len(rows), self.mean_)


def test_code_that_belongs_to_no_package_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModelError, match="which belongs to no installed package") as caught:
        convert(Mean().fit(ROWS, LABELS), ROWS, tmp_path)
    assert "pip install" in caught.value.hint


def test_what_it_costs_is_told(tmp_path: Path) -> None:
    outcome, _ = convert(RandomForestClassifier(3).fit(ROWS, LABELS), ROWS, tmp_path)
    assert "scikit-learn" in outcome.notes[-1]
    assert "MB of packages, where ONNX Runtime takes" in outcome.notes[-1]
    assert json.loads(json.dumps(outcome.facts)) == outcome.facts
