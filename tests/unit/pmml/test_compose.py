from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier

NUMBERS, WORDS = ["年龄", "mean texture (%)"], ["home.dest", "code"]


@pytest.fixture
def people() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "home.dest": rng.choice(["Paris", "Köln & Bonn", "東京"], 120).astype(object),
            "年龄": rng.normal(40, 10, 120),
            "mean texture (%)": rng.normal(size=120),
            "alive": rng.random(120) > 0.5,
            "code": rng.integers(0, 5, 120),
        }
    )
    frame.loc[::7, "home.dest"] = np.nan
    frame.loc[::5, "年龄"] = np.nan
    return frame


@pytest.fixture
def labels(people: pd.DataFrame) -> Any:
    return np.where((people["年龄"].fillna(40) > 40) ^ people["alive"], "ja", "nein").astype(object)


def prepared(encoder: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler())
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)
    return make_column_transformer((numbers, NUMBERS), (words, WORDS), remainder="passthrough")


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), RandomForestClassifier(5, random_state=0), GradientBoostingClassifier(n_estimators=3)],
    ids=lambda model: type(model).__name__,
)
def test_mixed_columns_with_missing_and_unknown_values_score_alike(
    scores_alike: Any, people: pd.DataFrame, labels: Any, model: Any
) -> None:
    pipeline = make_pipeline(prepared(OneHotEncoder(handle_unknown="ignore")), model).fit(people, labels)
    people.loc[1, "home.dest"] = "Nowhere"
    root = scores_alike(pipeline, people)
    names = {item.get("name") for item in root.iterfind("{*}DataDictionary/{*}DataField")}
    assert names == {*people.columns, "target"}


def test_codes_of_categories_score_alike(scores_alike: Any, people: pd.DataFrame, labels: Any) -> None:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[4, 5])
    scores_alike(make_pipeline(prepared(encoder), model).fit(people, labels), people)


def test_transformers_alone_are_output_fields(scores_alike: Any, people: pd.DataFrame) -> None:
    root = scores_alike(prepared(OneHotEncoder()).fit(people), people)
    assert len(root.findall(".//{*}OutputField")) == 12


def test_unions_searches_and_bins_score_alike(scores_alike: Any, people: pd.DataFrame, labels: Any) -> None:
    rows = people[["mean texture (%)", "code"]].to_numpy(dtype=float)
    union = FeatureUnion([("a", MinMaxScaler()), ("b", KBinsDiscretizer(3))], transformer_weights={"a": 2.0})
    search = RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=1, cv=2, random_state=0)
    scores_alike(make_pipeline(union, search).fit(rows, labels), rows)


def as_pipeline(numbers: Any, words: Any) -> Any:
    return make_pipeline(words)


def as_columns(numbers: Any, words: Any) -> Any:
    return make_column_transformer((numbers, [0]), (words, [1]), sparse_threshold=1.0)


def as_union(numbers: Any, words: Any) -> Any:
    return FeatureUnion([("numbers", numbers), ("words", words)])


@pytest.mark.parametrize("composed", [as_pipeline, as_columns, as_union])
@pytest.mark.parametrize("sparse", [True, False])
def test_zeros_that_sparse_columns_do_not_store_are_missing_to_xgboost(
    scores_alike: Any, composed: Any, sparse: bool
) -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.integers(-1, 2, 200), rng.integers(0, 4, 200)], axis=1).astype(float)
    labels = (rows[:, 0] * 2 + rows[:, 1] + rng.normal(size=200) > 1).astype(int)
    prepared = composed(SimpleImputer(), OneHotEncoder(handle_unknown="ignore", sparse_output=sparse))
    scores_alike(make_pipeline(prepared, XGBClassifier(n_estimators=10)).fit(rows, labels), rows)
