"""Many classes, or many labels, from binary estimators."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.tree import DecisionTreeClassifier

ROWS = np.random.default_rng(12).normal(size=(160, 4))
INNER = [
    LogisticRegression(),
    Perceptron(),
    DecisionTreeClassifier(max_depth=2, random_state=0),
    RandomForestClassifier(5, max_depth=2, random_state=0),
    LinearRegression(),
]


def _target(classes):
    return np.argsort(ROWS, axis=1)[:, 0] % classes


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("inner", INNER, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("family", [OneVsRestClassifier, OneVsOneClassifier])
def test_one_label_a_row_agrees_ties_too(agrees, family, inner, classes):
    checked = agrees(family(inner).fit(ROWS, _target(classes)), ROWS)
    assert checked.conversion.route[-1] == f"{family.__name__}: mlship"


@pytest.mark.parametrize("inner", INNER[:4], ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("classes", [3, 4])
def test_output_codes_agree(agrees, inner, classes):
    agrees(OutputCodeClassifier(inner, code_size=3, random_state=0).fit(ROWS, _target(classes)), ROWS)


@pytest.mark.parametrize("family", [OneVsRestClassifier, OneVsOneClassifier, OutputCodeClassifier])
@pytest.mark.parametrize("labels", [["é", "no", "yes"], [1.0, 2.0, 7.0], [-1, 0, 5]], ids=str)
def test_labels_of_every_type_come_back(agrees, family, labels):
    agrees(family(LogisticRegression()).fit(ROWS, np.array(labels)[_target(3)]), ROWS)


@pytest.mark.parametrize("inner", INNER[:4], ids=lambda model: type(model).__name__)
def test_several_labels_a_row_agree(agrees, inner):
    labels = (ROWS[:, :3] > 0.2).astype(int)
    checked = agrees(OneVsRestClassifier(inner).fit(ROWS, labels), ROWS)
    assert checked.golden.outputs["prediction"].shape == (160, 3)


@pytest.mark.filterwarnings("ignore:Label")
@pytest.mark.parametrize("constant", [0, 1])
def test_labels_that_all_rows_or_none_have_agree(agrees, constant):
    labels = (ROWS[:, :3] > 0.2).astype(int)
    labels[:, 1] = constant
    agrees(OneVsRestClassifier(LogisticRegression()).fit(ROWS, labels), ROWS)
    labels[:, [0, 1]] = labels[:, [1, 0]]
    agrees(OneVsRestClassifier(LogisticRegression()).fit(ROWS, labels), ROWS)


def test_twelve_classes_make_a_small_graph(agrees):
    target = np.arange(160) % 12
    checked = agrees(OneVsOneClassifier(DecisionTreeClassifier(max_depth=1)).fit(ROWS, target), ROWS)
    assert len(checked.conversion.model.graph.node) < 66 * 16
