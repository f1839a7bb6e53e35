import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from mlship import plugins
from mlship.optimizers.prune import Prune
from mlship.quality import Budget
from tests.unit.optimize_support import task_for

X, Y = load_digits(return_X_y=True)
A, B, YA, YB = X[:900], X[900:], Y[:900], Y[900:]


@pytest.fixture(scope="module")
def forest():
    return task_for(RandomForestClassifier(60, random_state=0).fit(A, YA), B, YB)


def names(values):
    return [(item.name, item.type.SerializeToString()) for item in values]


def test_it_is_found_by_its_name():
    assert plugins.load("methods", "prune") is Prune


def test_what_could_be_left_out_is_counted(forest):
    advice = Prune().advise(*forest)
    assert advice.applies
    assert advice.why.startswith("60 trees with ")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (LogisticRegression(max_iter=50, tol=1e9), "no trees, no hidden neurons between two matrices, no coefficients"),
        (DecisionTreeClassifier(), "only 1 tree"),
        (AdaBoostRegressor(n_estimators=5), "only 1 tree for each number"),
        (MLPClassifier((8,), max_iter=300, tol=1e9, n_iter_no_change=1), "only 8 hidden neurons"),
    ],
)
def test_a_model_without_anything_to_spare_is_told_why(model, why):
    base, task = task_for(model.fit(A, YA), B)
    advice = Prune().advise(base, task)
    assert not advice.applies
    assert advice.why.startswith("nothing to prune: ")
    assert why in advice.why
    assert not list(Prune().propose(base, task))


def test_too_few_rows_are_refused_with_the_number_that_is_needed():
    base, task = task_for(RandomForestClassifier(20, random_state=0).fit(A, YA), B[:60])
    advice = Prune().advise(base, task)
    assert not advice.applies
    assert "30 rows are too few" in advice.why
    assert "give 100 or more" in advice.why


def test_made_up_rows_are_refused(forest):
    base, task = forest
    assert "give a sample" in Prune().advise(base, dataclasses.replace(task, rows_are_real=False)).why


def test_candidates_are_smaller_have_the_same_face_and_leave_the_original_alone(forest):
    base, task = forest
    before = base.model.SerializeToString(deterministic=True)
    found = list(Prune().propose(base, task))
    assert 1 <= len(found) <= 4
    for candidate in found:
        assert candidate.steps == ("prune",)
        assert not candidate.lossless
        assert candidate.model.ByteSize() < base.model.ByteSize()
        assert names(candidate.model.graph.input) == names(base.model.graph.input)
        assert names(candidate.model.graph.output) == names(base.model.graph.output)
    assert found[0].name == f"{found[0].facts['trees']} of 60 trees"
    assert base.model.SerializeToString(deterministic=True) == before


def test_the_same_task_gives_the_same_candidates(forest):
    first, second = ([item.model.SerializeToString() for item in Prune().propose(*forest)] for _ in range(2))
    assert first == second


def test_a_minimum_of_trees_stays(forest):
    assert all(candidate.facts["trees"] >= 40 for candidate in Prune(minimum=40).propose(*forest))


def test_nothing_is_proposed_for_a_budget_of_nothing_or_when_time_is_up(forest):
    base, task = forest
    assert not list(Prune().propose(base, dataclasses.replace(task, budget=Budget(0.0, 0.0, 0.0))))
    assert not list(Prune().propose(base, dataclasses.replace(task, left=lambda: -1.0)))


def test_only_what_was_asked_for_is_left_out(forest):
    assert not Prune(what="neurons").advise(*forest).applies


def test_a_sample_of_one_class_is_enough_to_prune_with():
    base, task = task_for(RandomForestClassifier(40, random_state=0).fit(A, YA), np.repeat(A[YA == 3], 2, axis=0))
    assert all(task.affords(candidate.model) for candidate in Prune().propose(base, task))
