import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lxml import etree
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from mlship import golden, signature
from mlship.converters.pmml import PmmlConverter
from mlship.errors import GateError, ModelError
from mlship.pmml import scoring
from mlship.stages import Original, Outcome

ROWS, LABELS = load_iris(return_X_y=True)


def convert(model: Any, rows: Any, tmp_path: Path, **options: Any) -> Outcome:
    rows.to_csv(tmp_path / "rows.csv", index=False)
    original = Original(tmp_path / "model.joblib", "joblib", model)
    return PmmlConverter(**options).convert(original, tmp_path / "rows.csv", tmp_path, lambda message, _=None: None)


@pytest.fixture
def flowers() -> pd.DataFrame:
    frame = pd.DataFrame(ROWS, columns=["home.dest", "fare paid", "年龄", "mean texture (%)"])
    frame["home.dest"] = np.where(frame["home.dest"] > 5, "a", "b").astype(object)
    return frame


def test_the_file_is_scored_and_names_stay(flowers: pd.DataFrame, tmp_path: Path) -> None:
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = (SimpleImputer(), ["fare paid", "年龄", "mean texture (%)"])
    model = make_pipeline(make_column_transformer((words, ["home.dest"]), numbers), LogisticRegression(max_iter=1000))
    outcome = convert(model.fit(flowers, LABELS), flowers.assign(kind=LABELS), tmp_path, target="kind")
    assert "scored by pypmml" in outcome.summary
    assert not any("not scored" in note for note in outcome.notes)
    names = [
        item.get("name") for item in etree.parse(tmp_path / "model.pmml").iterfind("{*}DataDictionary/{*}DataField")
    ]
    assert names == [*flowers.columns, "kind"]
    described = signature.read(tmp_path / "signature.json")
    assert all(column.nullable for column in described.columns)
    assert any("missing" in origin for origin in golden.read(tmp_path / "golden.npz").origins)


def test_without_java_it_says_that_nothing_was_scored(
    flowers: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = flowers.drop(columns="home.dest")
    outcome = convert(DecisionTreeClassifier().fit(rows, LABELS), rows, tmp_path)
    assert outcome.summary.endswith("not scored: install Java to check it")
    assert outcome.facts["scored_by"] is None
    assert (tmp_path / "model.pmml").exists()


def test_without_the_package_it_says_that_only_this_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert scoring.lacking() == ("mlship[pmml]",)


def test_rows_with_infinite_values_are_left_out_and_counted(flowers: pd.DataFrame, tmp_path: Path) -> None:
    rows = flowers.drop(columns="home.dest")
    outcome = convert(XGBClassifier(n_estimators=3).fit(rows, LABELS), rows, tmp_path)
    kept = golden.read(tmp_path / "golden.npz")
    infinite = sum(np.isinf(values).any(axis=1).sum() for values in kept.inputs.values())
    assert infinite > 0
    assert f"{len(kept) - infinite} rows agree" in outcome.summary
    assert outcome.summary.endswith(f"; {infinite} rows with infinite values not scored")


def test_a_scorer_that_fails_quotes_no_rows(flowers: pd.DataFrame, tmp_path: Path) -> None:
    rows = flowers.drop(columns="home.dest")
    convert(XGBClassifier(n_estimators=3).fit(rows, LABELS), rows, tmp_path)
    columns, kept = signature.read(tmp_path / "signature.json").columns, golden.read(tmp_path / "golden.npz")
    with pytest.raises(ModelError, match=f"with {len(kept)} rows: ") as caught:
        scoring.score(tmp_path / "model.pmml", {}, columns, kept)
    assert len(caught.value.message) < 260
    assert "\n" not in caught.value.message
    assert "data" not in caught.value.message


class Squared(LogisticRegression):
    """Looks like the class that is known, and answers otherwise."""

    __module__, __qualname__ = "sklearn.linear_model._logistic", "LogisticRegression"

    def predict_proba(self, X: Any) -> Any:  # noqa: N803  # as scikit-learn spells it
        return super().predict_proba(X) ** 2


def test_a_file_that_scores_otherwise_is_not_kept(flowers: pd.DataFrame, tmp_path: Path) -> None:
    rows = flowers.drop(columns="home.dest")
    with pytest.raises(GateError, match="scored by pypmml, differs"):
        convert(Squared(max_iter=1000).fit(rows, LABELS), rows, tmp_path)
    assert not (tmp_path / "model.pmml").exists()
    assert json.loads((tmp_path / "parity.json").read_text())["passed"] is False
