"""Trees and forests must be the original's to the last bit."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)

CLASSIFIERS = [
    DecisionTreeClassifier(random_state=0),
    DecisionTreeClassifier(max_depth=3, random_state=0),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(12, random_state=0),
    RandomForestClassifier(12, min_samples_leaf=3, random_state=0),
    ExtraTreesClassifier(12, random_state=0),
    ExtraTreesClassifier(12, max_depth=4, random_state=0),
]
REGRESSORS = [
    DecisionTreeRegressor(random_state=0),
    DecisionTreeRegressor(criterion="absolute_error", max_depth=5, random_state=0),
    ExtraTreeRegressor(random_state=0),
    RandomForestRegressor(12, random_state=0),
    ExtraTreesRegressor(12, random_state=0),
]


def _rows(kind):
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(300, 4))
    if kind == "timestamps":
        return 1.7e9 + np.cumsum(rng.random((300, 4)), axis=0)
    if kind == "ids":
        return 2.0**24 + rng.integers(0, 500, (300, 4)).astype(np.float64)
    return np.round(rows, 2) if kind == "cents" else rows


def _thresholds(model):
    trees = [tree.tree_ for tree in getattr(model, "estimators_", [model])]
    return np.concatenate([tree.threshold[tree.children_left >= 0] for tree in trees])


@pytest.mark.parametrize("kind", ["continuous", "cents", "timestamps", "ids"])
@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_classifiers_are_bit_equal(agrees, hard_rows, model, classes, kind):
    rows = _rows(kind)
    model.fit(rows, np.random.default_rng(classes).integers(0, classes, 300))
    checked = agrees(model, hard_rows(rows, _thresholds(model)), EXACT)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)


@pytest.mark.parametrize("kind", ["continuous", "cents", "timestamps", "ids"])
@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_are_bit_equal(agrees, hard_rows, model, kind):
    rows = _rows(kind)
    model.fit(rows, np.sin(np.arange(300.0)) * 100)
    agrees(model, hard_rows(rows, _thresholds(model)), EXACT)


@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_with_several_targets_are_bit_equal(agrees, model):
    rows = _rows("continuous")
    model.fit(rows, np.stack([np.sin(rows[:, 0]), rows[:, 1] ** 2, rows[:, 2]], axis=1))
    agrees(model, rows, EXACT)


@pytest.mark.parametrize("model", [*CLASSIFIERS, REGRESSORS[0], *REGRESSORS[2:]], ids=str)  # without absolute_error
def test_trees_trained_with_missing_values_are_bit_equal(agrees, model):
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(400, 4))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    model.fit(rows, (np.nan_to_num(rows[:, 0], nan=2.0) > 0.5).astype(int) + np.isnan(rows[:, 1]))
    agrees(model, rows, EXACT)


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(12, random_state=0), RandomForestRegressor(12, random_state=0)]
)
def test_missing_values_that_training_did_not_see_go_the_way_of_the_original(agrees, model):
    rows = _rows("continuous")
    model.fit(rows, (rows[:, 0] > 0).astype(int))
    holes = rows.copy()
    holes[np.random.default_rng(0).random(rows.shape) < 0.3] = np.nan
    agrees(model, holes, EXACT)


@pytest.mark.parametrize(
    "labels", [["no", "yes"], ["é", "日本", "z"], [False, True], [1.0, 2.0], [-1, 1], [10, 20, 30]]
)
def test_labels_of_every_type_come_back(agrees, labels):
    rows = _rows("continuous")
    model = RandomForestClassifier(5, random_state=0).fit(rows, np.array(labels)[np.arange(300) % len(labels)])
    agrees(model, rows, EXACT)


def test_a_tree_that_is_one_leaf_converts(agrees):
    rows = _rows("continuous")
    agrees(RandomForestRegressor(3, max_depth=1, min_samples_leaf=200).fit(rows, rows[:, 0]), rows, EXACT)
    agrees(DecisionTreeClassifier(min_samples_leaf=200).fit(rows, np.arange(300) % 2), rows, EXACT)


def test_sample_weights_that_make_odd_shares_are_bit_equal(agrees):
    rows = _rows("continuous")
    weights = np.random.default_rng(0).random(300)
    model = RandomForestClassifier(10, min_samples_leaf=4, class_weight="balanced", random_state=0)
    agrees(model.fit(rows, np.arange(300) % 3, sample_weight=weights), rows, EXACT)


def test_a_classifier_that_saw_one_class_converts(agrees):
    rows = _rows("continuous")
    agrees(RandomForestClassifier(3).fit(rows, np.ones(300, dtype=int)), rows, EXACT)


def test_a_forest_of_pure_leaves_stores_its_trees_once(agrees):
    rows = _rows("continuous")
    model = RandomForestClassifier(20, random_state=0).fit(rows, np.arange(300) % 5)
    checked = agrees(model, rows, EXACT)
    ensemble = next(node for node in checked.conversion.model.graph.node if node.op_type == "TreeEnsemble")
    roots = next(item for item in ensemble.attribute if item.name == "tree_roots")
    assert len(roots.ints) == 20


@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("labels", [[0, 1, 2], ["é", "no", "yes"], [1.0, 2.0, 3.0], [False, True]], ids=str)
def test_classifiers_with_several_targets_give_a_label_for_each(agrees, model, labels):
    rows = _rows("cents")
    draws = np.random.default_rng(1).integers(0, len(labels), (300, 3))
    draws[:, 1] = draws[:, 1] > 0
    checked = agrees(model.fit(rows, np.array(labels)[draws]), rows, EXACT)
    assert checked.golden.outputs["prediction"].shape == (300, 3)
    assert checked.conversion.route == (f"{type(model).__name__}: mlship",)
