"""CatBoost on numbers: bit-equal up to the link; what it hashes is refused by name."""

import catboost as cb
import numpy as np
import pandas as pd
import pytest

from mlship.errors import UnsupportedModelError
from mlship.originals.adapters import adapted
from mlship.parity import Tolerance

EXACT, LAST_BITS = Tolerance(0.0, 0.0), Tolerance(1e-13, 1e-14)
FEW = {"iterations": 15, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


def _rows(kind="continuous"):
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 4))
    if kind == "timestamps":
        rows = 1.7e9 + rng.permutation(np.linspace(0.0, 90000.0, 1200)).reshape(300, 4)
    if kind == "ids":
        rows = 2.0**24 + rng.integers(0, 900, (300, 4)).astype(np.float64)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows


ROWS = _rows()
SCORE = np.nan_to_num(ROWS[:, 0]) + np.nan_to_num(ROWS[:, 1]) ** 2
TWO, THREE, POSITIVE = (SCORE > 0.5).astype(int), np.digitize(SCORE, [0.0, 1.0]), np.abs(SCORE) + 0.1


def _borders(model):
    return np.array([border for borders in model.get_borders().values() for border in borders])


@pytest.mark.parametrize("kind", ["continuous", "timestamps", "ids"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
def test_trees_of_every_shape_are_bit_equal(agrees, hard_rows, policy, kind):
    rows = _rows(kind)
    model = cb.CatBoostRegressor(grow_policy=policy, **FEW).fit(rows, SCORE)
    checked = agrees(model, hard_rows(rows, _borders(model)), EXACT)
    assert checked.conversion.route == ("CatBoostRegressor: mlship",)


@pytest.mark.parametrize("loss", ["MultiClass", "MultiClassOneVsAll"])
@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
def test_several_classes_agree(agrees, loss, policy):
    model = cb.CatBoostClassifier(loss_function=loss, grow_policy=policy, **FEW)
    agrees(model.fit(ROWS, np.array(["a", "b", "ü"])[THREE]), ROWS, LAST_BITS)


@pytest.mark.parametrize("labels", [["a", "ü"], [False, True], [1.5, 2.5], [-1, 7]])
def test_labels_of_all_kinds_agree(agrees, labels):
    agrees(cb.CatBoostClassifier(**FEW).fit(ROWS, np.array(labels)[TWO]), ROWS, LAST_BITS)


@pytest.mark.parametrize("loss", ["CrossEntropy", "MultiLogloss", "MultiCrossEntropy"])
def test_other_losses_of_classifiers_agree(agrees, loss):
    target = TWO if loss == "CrossEntropy" else np.column_stack([TWO, THREE > 0]).astype(float)
    agrees(cb.CatBoostClassifier(loss_function=loss, **FEW).fit(ROWS, target), ROWS, LAST_BITS)


@pytest.mark.parametrize(
    "loss",
    [
        "MAE",
        "Quantile:alpha=0.3",
        "Poisson",
        "Tweedie:variance_power=1.5",
        "Huber:delta=1",
        "LogLinQuantile",
        "Expectile:alpha=0.3",
        "MultiQuantile:alpha=0.2,0.8",
        "LogCosh",
    ],
)
def test_losses_of_regressors_agree(agrees, loss):
    agrees(cb.CatBoostRegressor(loss_function=loss, **FEW).fit(ROWS, POSITIVE), ROWS, LAST_BITS)


def test_several_targets_agree(agrees):
    model = cb.CatBoostRegressor(loss_function="MultiRMSE", **FEW).fit(ROWS, np.column_stack([SCORE, -SCORE]))
    agrees(model, ROWS, EXACT)


def test_rankers_agree(agrees):
    model = cb.CatBoostRanker(loss_function="YetiRank", **FEW).fit(ROWS, THREE, group_id=np.arange(300) // 20)
    agrees(model, ROWS, EXACT)


@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_values_agree(agrees, mode):
    agrees(cb.CatBoostRegressor(nan_mode=mode, **FEW).fit(ROWS, SCORE), ROWS, EXACT)
    agrees(cb.CatBoostRegressor(nan_mode=mode, **FEW).fit(np.nan_to_num(ROWS), SCORE), ROWS, EXACT)


def test_another_threshold_agrees(agrees):
    model = cb.CatBoostClassifier(**FEW).fit(ROWS, TWO)
    model.set_probability_threshold(0.2)
    agrees(model, ROWS, LAST_BITS)


def test_scale_and_bias_agree(agrees):
    model = cb.CatBoostRegressor(**FEW).fit(ROWS, SCORE)
    model.set_scale_and_bias(2.5, 0.5)
    agrees(model, ROWS, EXACT)


def test_a_model_stopped_early_agrees(agrees):
    model = cb.CatBoostClassifier(**(FEW | {"iterations": 300, "learning_rate": 0.7}))
    model.fit(ROWS[:200], TWO[:200], eval_set=(ROWS[200:], TWO[200:]), early_stopping_rounds=3)
    assert model.tree_count_ < 300
    agrees(model, ROWS, LAST_BITS)


def test_a_model_of_the_plain_class_is_what_its_loss_says(agrees):
    plain = cb.CatBoost({"loss_function": "Logloss", **FEW}).fit(ROWS, TWO)
    checked = agrees(adapted(plain), ROWS, LAST_BITS)
    assert list(checked.golden.outputs) == ["prediction", "probabilities"]


def test_names_of_columns_are_known():
    frame = pd.DataFrame(ROWS, columns=["fare paid", "home.dest", "年龄", "[x]"])
    model = adapted(cb.CatBoostRegressor(**FEW).fit(frame, SCORE))
    assert model.feature_names_in_.tolist() == list(frame.columns)
    assert adapted(cb.CatBoostRegressor(**FEW).fit(ROWS, SCORE)).feature_names_in_ is None


def test_rows_that_catboost_refuses_are_an_error_of_values():
    frame = pd.DataFrame({"word": ["a", "b"] * 20, "x": range(40)})
    model = adapted(cb.CatBoostRegressor(cat_features=["word"], **FEW).fit(frame, np.arange(40)))
    with pytest.raises(ValueError, match="cat_feature"):
        model.predict(frame.assign(word=np.nan))


@pytest.mark.parametrize("one_hot", [1, 10])
def test_columns_of_categories_are_refused_by_name(agrees, one_hot):
    frame = pd.DataFrame({"word": ["a", "b", "c", "d"] * 20, "x": np.random.default_rng(0).normal(size=80)})
    model = cb.CatBoostRegressor(cat_features=["word"], one_hot_max_size=one_hot, **FEW)
    with pytest.raises(UnsupportedModelError, match="categorical columns"):
        agrees(model.fit(frame, np.arange(80)), frame)


def test_a_mean_with_its_variance_is_refused_by_name(agrees):
    model = cb.CatBoostRegressor(loss_function="RMSEWithUncertainty", **FEW).fit(ROWS, SCORE)
    with pytest.raises(UnsupportedModelError, match="RMSEWithUncertainty"):
        agrees(model, ROWS)


def test_more_nodes_than_a_file_holds_are_refused(agrees, monkeypatch):
    from mlship.graphs.families.boosters import catboost_trees

    monkeypatch.setattr(catboost_trees, "_MOST_NODES", 100)
    with pytest.raises(UnsupportedModelError, match="depth"):
        agrees(cb.CatBoostRegressor(**FEW).fit(ROWS, SCORE), ROWS)
