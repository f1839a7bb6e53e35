import dataclasses
import time

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor, RandomForestRegressor

from mlship import plugins
from mlship.optimizers.distill import Distill
from mlship.quality import Budget
from tests.unit.optimize_support import quality_on, task_for

X, Y = load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def forest():
    model = ExtraTreesClassifier(100, random_state=0).fit(X[:900], Y[:900])
    return task_for(model, X[900:], Y[900:], seconds=30)


@pytest.fixture(scope="module")
def found(forest):
    return list(Distill(student="linear").propose(*forest))


def hurried(task, seconds):
    end = time.monotonic() + seconds
    return dataclasses.replace(task, left=lambda: end - time.monotonic())


def ports(model):
    return [item.SerializeToString() for item in (*model.graph.input, *model.graph.output)]


def test_it_is_found_by_its_name():
    assert plugins.load("methods", "distill") is Distill


def test_it_says_how_many_rows_there_are_to_learn_from(forest):
    advice = Distill().advise(*forest)
    assert advice.applies
    assert advice.why.startswith("448 rows for a student to learn from, perhaps ")


def test_it_says_why_not(forest):
    base, task = forest
    advice = Distill().advise(base, dataclasses.replace(task, budget=Budget()))
    assert not advice.applies
    assert "none may change" in advice.why


@pytest.mark.parametrize(
    ("student", "model", "why"),
    [
        ("torch", GradientBoostingRegressor(n_estimators=300), "student=mlp is the same network"),
        ("boosted", RandomForestRegressor(20), "and this model with 2"),
    ],
)
def test_a_student_that_cannot_learn_this_is_refused(student, model, why):
    target = Y if student == "torch" else np.column_stack([Y, Y])
    advice = Distill(student=student).advise(*task_for(model.fit(X, target), X))
    assert not advice.applies
    assert why in advice.why


def test_both_ways_of_training_are_side_by_side(found):
    names = [candidate.name for candidate in found]
    assert set(names) == {
        "student: logistic regression, distilled",
        "student: logistic regression, trained plainly",
    }


def test_the_better_of_the_two_comes_first(found):
    first, second = (candidate.facts["accuracy"] for candidate in found[:2])
    assert first >= second - 0.01


def test_students_are_small_and_have_the_ports_of_the_teacher(forest, found):
    base, _ = forest
    for candidate in found:
        assert candidate.model.ByteSize() * 100 < base.model.ByteSize()
        assert ports(candidate.model) == ports(base.model)
        assert not candidate.lossless


def test_students_are_nearly_as_good_on_rows_that_they_have_not_seen(forest, found):
    _, task = forest
    quality = quality_on(task.judge, task.signature)
    for candidate in found:
        assert quality(candidate.model).drop < 0.06
        assert candidate.facts["accuracy"] == pytest.approx(quality(candidate.model).score, abs=0.05)


def test_facts_say_what_was_measured(found):
    facts = found[0].facts
    assert 0.85 < facts["fidelity"] <= 1
    assert facts["rows_held_back"] == 448


def test_nothing_of_the_models_own_history_is_kept(forest):
    base, task = forest
    changed = base.changed("graph", "rewritten", base.model, lossless=True, facts={"nodes": 3})
    candidate = next(Distill(student="linear").propose(changed, task))
    assert candidate.name.startswith("student: ")
    assert candidate.steps == ("distill",)
    assert "nodes" not in candidate.facts


def test_the_same_seed_makes_the_same_students(forest, found):
    again = list(Distill(student="linear").propose(*forest))
    assert [candidate.model for candidate in again] == [candidate.model for candidate in found]


def test_the_teacher_is_left_as_it_was(forest):
    base, task = forest
    before = base.model.SerializeToString()
    next(Distill(student="tree").propose(base, task))
    assert base.model.SerializeToString() == before


def test_a_network_is_nearly_as_good_as_the_forest(forest):
    base, task = forest
    quality = quality_on(task.judge, task.signature)
    candidates = list(Distill(student="mlp").propose(base, hurried(task, 8)))
    assert 2 <= len(candidates) <= 4
    assert any(quality(item.model).drop < 0.03 for item in candidates)


def test_a_second_is_enough_for_a_pair_of_students(forest):
    base, task = forest
    assert len(list(Distill().propose(base, hurried(task, 1)))) >= 2
