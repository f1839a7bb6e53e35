from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlship.pmml.trees import double_thresholds

FLOWERS, KINDS = load_iris(return_X_y=True)
PATIENTS, PROGRESS = load_diabetes(return_X_y=True)


def holes(rows: np.ndarray, share: float = 0.2) -> np.ndarray:
    return np.where(np.random.default_rng(0).random(rows.shape) < share, np.nan, rows)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_moved_thresholds_decide_as_rounding_does(threshold: float) -> None:
    (moved,) = double_thresholds(np.array([threshold]))
    with np.errstate(over="ignore"):
        assert float(np.float32(moved)) <= threshold
        assert not float(np.float32(np.nextafter(moved, np.inf))) <= threshold


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(max_depth=4, random_state=0),
        RandomForestClassifier(7, random_state=0),
        GradientBoostingClassifier(n_estimators=4, random_state=0),
        HistGradientBoostingClassifier(max_iter=4),
        AdaBoostClassifier(n_estimators=4, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_score_alike(scores_alike: Any, model: Any, classes: int) -> None:
    few = classes > KINDS
    scores_alike(model.fit(FLOWERS[few], KINDS[few]), FLOWERS[few])


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(random_state=0),
        RandomForestRegressor(5, random_state=0),
        HistGradientBoostingRegressor(max_iter=5, loss="poisson"),
        BaggingRegressor(n_estimators=4, random_state=0),
        IsolationForest(n_estimators=5, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors_and_detectors_score_alike(scores_alike: Any, model: Any) -> None:
    scores_alike(model.fit(PATIENTS, PROGRESS), PATIENTS)


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(random_state=1, max_features=2),
        RandomForestClassifier(9, random_state=0),
        ExtraTreesRegressor(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=4),
    ],
    ids=lambda model: type(model).__name__,
)
def test_missing_values_go_where_the_original_sends_them(scores_alike: Any, model: Any) -> None:
    rows = holes(FLOWERS)
    scores_alike(model.fit(rows, KINDS), rows)


def test_values_on_thresholds_and_one_step_beside_them_score_alike(scores_alike: Any) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(FLOWERS / 3, KINDS)
    on = np.resize(np.concatenate([tree.tree_.threshold for tree in model.estimators_]), FLOWERS.shape)
    steps = [on, np.nextafter(on, np.inf), np.nextafter(on, -np.inf), on.astype(np.float32).astype(float)]
    scores_alike(model, np.concatenate(steps))


def test_scaled_columns_are_compared_as_rounded(scores_alike: Any) -> None:
    scores_alike(
        make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)).fit(FLOWERS, KINDS), FLOWERS
    )


def test_a_tree_that_is_one_leaf_is_scored(scores_alike: Any) -> None:
    scores_alike(DecisionTreeRegressor(max_depth=1).fit(PATIENTS[:1], PROGRESS[:1]), PATIENTS)
    scores_alike(RandomForestClassifier(3, min_samples_leaf=100).fit(FLOWERS, KINDS), FLOWERS)


def test_categories_of_histogram_boosting_are_sets(scores_alike: Any) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"town": pd.Categorical(rng.choice(["a", "b", "c", "d"], 200)), "x": rng.normal(size=200)})
    labels = frame["town"].isin(["a", "d"]) ^ (frame["x"] > 1)
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype", min_samples_leaf=5)
    root = scores_alike(model.fit(frame, labels), frame)
    assert root.find(".//{*}SimpleSetPredicate") is not None


def test_trees_inside_other_models_are_a_chain(scores_alike: Any) -> None:
    parts = [("tree", DecisionTreeClassifier(max_depth=2)), ("line", LogisticRegression(max_iter=1000))]
    scores_alike(VotingClassifier(parts, voting="soft").fit(FLOWERS, KINDS), FLOWERS)
    root = scores_alike(StackingClassifier(parts, cv=2).fit(FLOWERS, KINDS), FLOWERS)
    assert root.find("{*}MiningModel/{*}Segmentation").get("multipleModelMethod") == "modelChain"
