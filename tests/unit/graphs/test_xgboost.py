"""XGBoost: float32 in the library's order, on thresholds and beside them; to the last bit nearly everywhere."""

import json

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship.errors import UnsupportedModelError
from mlship.originals.adapters import adapted
from mlship.parity import Tolerance

EXACT, NEAR = Tolerance(0.0, 0.0), Tolerance(2e-7, 2e-7)
FEW = {"n_estimators": 15, "n_jobs": 1}


def _rows(kind="continuous"):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 4))
    if kind == "timestamps":
        rows = 1.7e9 + rng.permutation(np.linspace(0.0, 4000.0, 1200)).reshape(300, 4)
    if kind == "ids":
        rows = 2.0**24 + rng.integers(0, 900, (300, 4)).astype(np.float64)
    if kind == "cents":
        rows = rng.integers(0, 5000, (300, 4)) / 100
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


ROWS = _rows()
SCORE = np.nan_to_num(ROWS[:, 0]) + np.nan_to_num(ROWS[:, 1]) ** 2
TWO, THREE, POSITIVE = (SCORE > 0.5).astype(int), np.digitize(SCORE, [0.0, 1.0]), np.abs(SCORE) + 0.1


def _thresholds(model):
    booster = json.loads(model.get_booster().save_raw(raw_format="json"))["learner"]["gradient_booster"]
    trees = booster.get("gbtree", booster)["model"].get("trees", [])
    found = [
        value
        for tree in trees
        for value, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
        if left >= 0
    ]
    return np.array(found or [0.0])


@pytest.mark.parametrize("kind", ["continuous", "timestamps", "ids", "cents"])
@pytest.mark.parametrize("classes", [2, 3])
def test_classifiers_agree_on_thresholds_and_beside_them(agrees, hard_rows, kind, classes):
    rows = _rows(kind)
    model = xgb.XGBClassifier(**FEW).fit(rows, np.nan_to_num(rows).argsort(axis=1)[:, 0] % classes)
    checked = agrees(model, hard_rows(rows, _thresholds(model)), NEAR)
    assert checked.conversion.route == ("XGBClassifier: mlship",)
    assert checked.conversion.precision == "float32"


@pytest.mark.parametrize("kind", ["continuous", "timestamps", "ids", "cents"])
@pytest.mark.parametrize("booster", ["gbtree", "dart", "gblinear"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_regressors_are_bit_equal(agrees, hard_rows, booster, kind):
    rows = _rows(kind)
    options = {"rate_drop": 0.4} if booster == "dart" else {}
    model = xgb.XGBRegressor(booster=booster, **options, **FEW).fit(rows, SCORE)
    agrees(model, hard_rows(rows, _thresholds(model)), EXACT if booster != "gblinear" else NEAR)


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softmax", "multi:softprob"])
def test_other_boosters_classify_alike(agrees, booster, objective):
    target = TWO if objective.startswith("binary") else THREE
    agrees(xgb.XGBClassifier(booster=booster, objective=objective, **FEW).fit(ROWS, target), ROWS, NEAR)


@pytest.mark.parametrize("kind", [xgb.XGBRFClassifier, xgb.XGBRFRegressor])
def test_forests_agree(agrees, kind):
    agrees(kind(**FEW).fit(ROWS, TWO), ROWS, EXACT)


def test_parallel_trees_agree(agrees):
    agrees(xgb.XGBRegressor(num_parallel_tree=3, subsample=0.5, **FEW).fit(ROWS, SCORE), ROWS, EXACT)


def test_rankers_agree(agrees):
    agrees(xgb.XGBRanker(**FEW).fit(ROWS, THREE, group=[150, 150]), ROWS, EXACT)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_targets_agree(agrees, strategy):
    targets = np.column_stack([SCORE, -SCORE, SCORE**2])
    agrees(xgb.XGBRegressor(multi_strategy=strategy, **FEW).fit(ROWS, targets), ROWS, EXACT)


def test_several_labels_agree(agrees):
    agrees(xgb.XGBClassifier(**FEW).fit(ROWS, np.column_stack([TWO, 1 - TWO, THREE > 0])), ROWS, NEAR)


@pytest.mark.parametrize("base", [None, 0.3])
@pytest.mark.parametrize(
    "objective",
    [
        "count:poisson",
        "reg:gamma",
        "reg:tweedie",
        "reg:pseudohubererror",
        "reg:absoluteerror",
        "reg:squaredlogerror",
    ],
)
def test_objectives_and_base_scores_agree(agrees, objective, base):
    agrees(xgb.XGBRegressor(objective=objective, base_score=base, **FEW).fit(ROWS, POSITIVE), ROWS, NEAR)


@pytest.mark.parametrize("objective", ["reg:logistic", "binary:logitraw", "binary:hinge"])
def test_objectives_over_two_values_agree(agrees, objective):
    agrees(xgb.XGBRegressor(objective=objective, **FEW).fit(ROWS, TWO), ROWS, NEAR)


def test_survival_agrees(agrees):
    agrees(xgb.XGBRegressor(objective="survival:cox", **FEW).fit(ROWS, POSITIVE), ROWS, NEAR)
    bounds = xgb.DMatrix(ROWS, label_lower_bound=POSITIVE, label_upper_bound=POSITIVE + 1)
    agrees(adapted(xgb.train({"objective": "survival:aft"}, bounds, 10)), ROWS, NEAR)


def test_several_quantiles_agree(agrees):
    model = xgb.XGBRegressor(objective="reg:quantileerror", quantile_alpha=[0.1, 0.5, 0.9], **FEW)
    agrees(model.fit(ROWS, SCORE), ROWS, EXACT)


@pytest.mark.parametrize("target", [TWO, THREE])
def test_trees_after_the_best_iteration_do_not_count(agrees, target):
    model = xgb.XGBClassifier(n_estimators=200, learning_rate=0.7, early_stopping_rounds=3)
    model.fit(ROWS[:200], target[:200], eval_set=[(ROWS[200:], target[200:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    agrees(model, ROWS, NEAR)


def test_a_number_that_means_missing_agrees(agrees):
    rows = np.nan_to_num(ROWS, nan=-999.0)
    agrees(xgb.XGBRegressor(missing=-999.0, **FEW).fit(rows, SCORE), np.concatenate([rows, ROWS]), EXACT)


@pytest.mark.parametrize("one_hot", [1, 100])
def test_splits_over_codes_of_categories_are_bit_equal(agrees, one_hot):
    rng = np.random.default_rng(2)
    rows = np.column_stack([ROWS[:, 0], rng.integers(0, 40, 300), rng.integers(0, 3, 300)])
    rows[::17, 1] = np.nan
    model = xgb.XGBRegressor(
        enable_categorical=True, feature_types=["q", "c", "c"], max_cat_to_onehot=one_hot, **FEW
    ).fit(rows, np.sin(np.nan_to_num(rows[:, 1]) * 12.9) + rows[:, 2])
    odd = rows.copy()
    odd[::4, 1], odd[1::4, 1], odd[2::4, 1], odd[3::4, 2] = 77.0, -0.5, 2.7, 1e9
    agrees(model, np.concatenate([rows, odd]), EXACT)


def test_columns_of_categories_are_given_as_text(agrees):
    draw = np.random.default_rng(1)
    words = draw.choice(["b", "ab", "c d"], 300)
    frame = pd.DataFrame({"x": ROWS[:, 0], "word": pd.Categorical(words), "n": pd.Categorical(THREE * 3)})
    model = xgb.XGBClassifier(enable_categorical=True, **FEW).fit(frame, (words == "b") ^ (TWO == 1))
    plain = frame.assign(word=pd.Series(words, dtype=object), n=THREE * 3)
    plain.loc[::9, "word"] = "never seen"
    agrees(adapted(model), plain, NEAR)


def test_categories_that_xgboost_cuts_short_are_refused():
    frame = pd.DataFrame({"word": pd.Categorical(["Köln", "Kött", "東京"] * 20)})
    model = xgb.XGBRegressor(enable_categorical=True, **FEW).fit(frame, np.arange(60.0))
    with pytest.raises(UnsupportedModelError, match="beyond ASCII"):
        adapted(model)


@pytest.mark.parametrize("sparse", [True, False])
def test_zeros_of_a_sparse_matrix_are_missing(agrees, sparse):
    frame = pd.DataFrame({"town": list("abcdef") * 50, "size": np.nan_to_num(ROWS[:, 0]).round()})
    prepare = make_column_transformer((OneHotEncoder(), ["town"]), ("passthrough", ["size"]), sparse_threshold=sparse)
    agrees(make_pipeline(prepare, xgb.XGBClassifier(**FEW)).fit(frame, TWO), frame, NEAR)


@pytest.mark.parametrize("objective", ["binary:logistic", "multi:softprob", "reg:squarederror", "rank:pairwise"])
def test_a_booster_answers_with_all_its_trees(agrees, objective):
    target = THREE if objective.startswith(("multi", "rank")) else TWO
    options = {"objective": objective} | ({"num_class": 3} if objective.startswith("multi") else {})
    booster = xgb.train(options, xgb.DMatrix(ROWS, target), 10)
    booster.set_attr(best_iteration="2")
    model = adapted(booster)
    checked = agrees(model, ROWS, NEAR)
    expected = booster.predict(xgb.DMatrix(ROWS))
    answer = checked.golden.outputs.get("probabilities", checked.golden.outputs["prediction"])
    np.testing.assert_array_equal(answer[:, 1] if objective == "binary:logistic" else answer, expected)


def test_one_row_and_a_constant_target_agree(agrees):
    agrees(xgb.XGBClassifier(n_estimators=120).fit(ROWS, TWO), ROWS[:1], NEAR)
    agrees(xgb.XGBRegressor(**FEW).fit(ROWS, np.ones(300)), ROWS, EXACT)


def test_an_unknown_objective_is_named(agrees, monkeypatch):
    monkeypatch.setattr("mlship.graphs.families.boosters.xgboost._IDENTITY", set())
    with pytest.raises(UnsupportedModelError, match="reg:squarederror"):
        agrees(xgb.XGBRegressor(**FEW).fit(ROWS, SCORE), ROWS)
