"""LightGBM: double like the library, bit-equal up to the link."""

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from mlship.errors import UnsupportedModelError
from mlship.graphs.families.boosters.lightgbm_trees import parse
from mlship.originals.adapters import adapted
from mlship.parity import Tolerance

EXACT, LAST_BITS = Tolerance(0.0, 0.0), Tolerance(1e-14, 1e-15)
FEW = {"n_estimators": 15, "verbose": -1, "min_child_samples": 5, "n_jobs": 1}


def _rows(kind="continuous"):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 4))
    if kind == "timestamps":
        rows = 1.7e9 + rng.permutation(np.linspace(0.0, 40.0, 1200)).reshape(300, 4)
    if kind == "zeros":
        rows[rng.random(rows.shape) < 0.4] = 0.0
        rows[::30, 0], rows[::31, 1], rows[::37, 2] = 1e-36, -1e-35, 1e-35
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


ROWS = _rows()
SCORE = np.nan_to_num(ROWS[:, 0]) + np.nan_to_num(ROWS[:, 1]) ** 2
TWO, THREE, POSITIVE = (SCORE > 0.5).astype(int), np.digitize(SCORE, [0.0, 1.0]), np.abs(SCORE) + 0.1


def _thresholds(model):
    trees = parse(model.booster_.model_to_string()).trees
    return trees.threshold[trees.left >= 0]


def _boosting(name):
    return {"boosting_type": name} | ({"bagging_freq": 1, "bagging_fraction": 0.6} if name == "rf" else {})


@pytest.mark.parametrize("boosting", ["gbdt", "dart", "goss", "rf"])
def test_every_way_of_boosting_agrees(agrees, hard_rows, boosting):
    options = _boosting(boosting) | FEW
    model = lgb.LGBMRegressor(**options).fit(ROWS, SCORE)
    checked = agrees(model, hard_rows(ROWS, _thresholds(model)), EXACT)
    assert checked.conversion.route == ("LGBMRegressor: mlship",)
    assert checked.conversion.precision == "float64"
    agrees(lgb.LGBMClassifier(**options).fit(ROWS, TWO), ROWS, LAST_BITS)
    agrees(lgb.LGBMClassifier(**options).fit(ROWS, THREE), ROWS, LAST_BITS)


@pytest.mark.parametrize("labels", [["a", "ü"], [False, True], [1.0, 2.0], [-1, 7]])
def test_labels_of_all_kinds_agree(agrees, labels):
    agrees(lgb.LGBMClassifier(**FEW).fit(ROWS, np.array(labels)[TWO]), ROWS, LAST_BITS)


@pytest.mark.parametrize(
    "objective",
    [
        "regression_l1",
        "huber",
        "fair",
        "poisson",
        "quantile",
        "mape",
        "gamma",
        "tweedie",
        "cross_entropy",
        "cross_entropy_lambda",
    ],
)
def test_objectives_agree(agrees, objective):
    target = POSITIVE / POSITIVE.max() if objective.startswith("cross") else POSITIVE
    agrees(lgb.LGBMRegressor(objective=objective, **FEW).fit(ROWS, target), ROWS, LAST_BITS)


def test_one_against_all_and_the_slope_of_the_sigmoid_agree(agrees):
    agrees(lgb.LGBMClassifier(objective="multiclassova", sigmoid=0.7, **FEW).fit(ROWS, THREE), ROWS, LAST_BITS)
    agrees(lgb.LGBMClassifier(sigmoid=2.0, **FEW).fit(ROWS, TWO), ROWS, LAST_BITS)


@pytest.mark.parametrize("objective", ["regression", "regression_l1", "huber", "quantile"])
def test_a_target_under_the_square_root_agrees(agrees, objective):
    agrees(lgb.LGBMRegressor(objective=objective, reg_sqrt=True, **FEW).fit(ROWS, SCORE), ROWS, EXACT)


@pytest.mark.parametrize("objective", ["lambdarank", "rank_xendcg"])
def test_rankers_agree(agrees, objective):
    agrees(lgb.LGBMRanker(objective=objective, **FEW).fit(ROWS, THREE, group=[150, 150]), ROWS, EXACT)


@pytest.mark.parametrize("zero_as_missing", [True, False])
@pytest.mark.parametrize("use_missing", [True, False])
def test_what_is_missing_is_decided_alike(agrees, hard_rows, zero_as_missing, use_missing):
    rows = _rows("zeros")
    model = lgb.LGBMRegressor(zero_as_missing=zero_as_missing, use_missing=use_missing, **FEW).fit(rows, SCORE)
    agrees(model, hard_rows(rows, _thresholds(model)), EXACT)


def test_missing_values_that_training_did_not_see_agree(agrees):
    agrees(lgb.LGBMRegressor(**FEW).fit(np.nan_to_num(ROWS), SCORE), ROWS, EXACT)


def test_timestamps_and_infinite_values_agree(agrees, hard_rows):
    rows = _rows("timestamps")
    model = lgb.LGBMRegressor(**FEW).fit(rows, SCORE)
    rows[::9, 0], rows[1::9, 0] = np.inf, -np.inf
    agrees(model, hard_rows(rows, _thresholds(model)), EXACT)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
def test_trees_after_the_best_iteration_do_not_count(agrees):
    model = lgb.LGBMClassifier(**(FEW | {"n_estimators": 300, "learning_rate": 0.5}))
    model.fit(
        ROWS[:200], TWO[:200], eval_set=[(ROWS[200:], TWO[200:])], callbacks=[lgb.early_stopping(3, verbose=False)]
    )
    assert model.best_iteration_ < 300
    agrees(model, ROWS, LAST_BITS)


@pytest.mark.parametrize("one_hot", [1, 100])
def test_splits_over_codes_of_categories_are_bit_equal(agrees, one_hot):
    rng = np.random.default_rng(2)
    rows = np.column_stack([ROWS[:, 0], rng.integers(0, 40, 300), rng.integers(0, 3, 300)])
    rows[::17, 1] = np.nan
    options = FEW | {"max_cat_to_onehot": one_hot, "min_data_per_group": 3, "cat_smooth": 1}
    target = np.sin(np.nan_to_num(rows[:, 1]) * 12.9) + rows[:, 2]
    model = lgb.LGBMRegressor(**options).fit(rows, target, categorical_feature=[1, 2])
    odd = rows.copy()
    odd[::4, 1], odd[1::4, 1], odd[2::4, 1], odd[3::4, 2] = 77.0, -0.5, 2.7, 1e9
    agrees(model, np.concatenate([rows, odd]), EXACT)


def test_columns_of_categories_are_given_as_text(agrees):
    words = np.random.default_rng(1).choice(["Köln", "東京", "c d"], 300)
    frame = pd.DataFrame({"x": ROWS[:, 0], "the word": pd.Categorical(words), "n": pd.Categorical(THREE * 3)})
    model = lgb.LGBMClassifier(**FEW).fit(frame, (words == "Köln") ^ (TWO == 1))
    plain = frame.assign(**{"the word": pd.Series(words, dtype=object), "n": THREE * 3})
    plain.loc[::9, "the word"] = "never seen"
    agrees(adapted(model), plain, LAST_BITS)


@pytest.mark.parametrize("objective", ["binary", "multiclass", "regression"])
def test_boosters_agree(agrees, objective):
    options = {"objective": objective, "verbose": -1} | ({"num_class": 3} if objective == "multiclass" else {})
    booster = lgb.train(options, lgb.Dataset(ROWS, THREE if objective == "multiclass" else TWO), 10)
    checked = agrees(adapted(booster), ROWS, LAST_BITS)
    assert len(checked.golden.outputs) == (1 if objective == "regression" else 2)


def test_stumps_one_row_and_a_constant_target_agree(agrees):
    agrees(lgb.LGBMClassifier(**(FEW | {"max_depth": 1})).fit(ROWS, TWO), ROWS[:1], LAST_BITS)
    agrees(lgb.LGBMRegressor(**FEW).fit(ROWS, np.ones(300)), ROWS, EXACT)


def test_linear_trees_are_refused_by_name(agrees):
    model = lgb.LGBMRegressor(linear_tree=True, **FEW).fit(ROWS, SCORE)
    with pytest.raises(UnsupportedModelError, match="linear_tree"):
        agrees(model, ROWS)


def test_objectives_of_the_user_are_refused_by_name(agrees):
    model = lgb.LGBMRegressor(objective=lambda y, p: (p - y, np.ones_like(y)), **FEW).fit(ROWS, SCORE)
    with pytest.raises(UnsupportedModelError, match="objective of its own"):
        agrees(model, ROWS)
