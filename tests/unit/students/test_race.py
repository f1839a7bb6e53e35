import dataclasses

import pytest

from mlship.quality import Budget
from mlship.students.kinds import plans
from mlship.students.race import FOLDS, Entrant
from mlship.students.school import school
from tests.unit.students.mixed import case

PLANS = [*plans("linear", classifies=True), *plans("tree", classifies=True)]


@pytest.fixture(scope="module")
def race():
    base, task = case()
    return school(base.model, task).race()


@pytest.fixture(scope="module")
def ranked(race):
    return dataclasses.replace(race, used=lambda: 0.0).run(PLANS)


def test_the_better_ones_run_all_the_way(ranked):
    assert len(ranked[0].answers) == FOLDS
    assert ranked[0].quality.rows == len(case()[1].fit)


def test_not_all_run_all_the_way(ranked):
    assert len(ranked) < 2 * len(PLANS)


def test_every_student_is_trained_in_both_ways(race):
    found = dataclasses.replace(race, used=lambda: 0.0).run(PLANS[:1])
    assert {entrant.way for entrant in found} == {"distilled", "trained plainly"}


def test_within_the_budget_the_smallest_wins(race, ranked):
    lenient = dataclasses.replace(race, budget=Budget(0.5, None, None))
    order = lenient.ranked(ranked)
    assert [entrant.size for entrant in order] == sorted(entrant.size for entrant in order)


def test_beyond_the_budget_the_nearest_to_it_wins(race, ranked):
    strict = dataclasses.replace(race, budget=Budget(-1.0, None, None))
    scores = [entrant.score for entrant in strict.ranked(ranked)]
    assert scores == sorted(scores, reverse=True)


def test_label_changes_are_held_against_the_budget_too(ranked):
    entrant = ranked[0]
    changed = entrant.quality.label_changes / entrant.quality.rows
    assert entrant.shortfall(Budget(None, 0.01, None)) == pytest.approx(changed - 0.01)


def test_one_student_runs_even_where_time_is_up(race):
    found = dataclasses.replace(race, used=lambda: 2.0).run(PLANS)
    assert [len(entrant.answers) for entrant in found] == [1]


def test_those_that_did_not_run_when_the_time_of_a_rung_was_up_are_left_behind(race):
    clock = iter([0.0] * 3 + [0.4] * 100)
    found = dataclasses.replace(race, used=lambda: next(clock)).run(PLANS)
    assert {entrant.plan.title for entrant in found} == {"logistic regression"}
    assert len(found[0].answers) == FOLDS


def test_the_teachers_own_answers_decide_fidelity(race):
    entrant = race.further(Entrant(PLANS[0], "distilled"), 1)
    held_back = race.fold(0).held_back
    same = (entrant.answers[0]["prediction"] == held_back.outputs["prediction"]).mean()
    assert entrant.fidelity == pytest.approx(same)


def test_students_that_are_too_large_are_left_out(race, ranked):
    sizes = sorted({entrant.size for entrant in ranked})
    found = dataclasses.replace(race, used=lambda: 0.0, most=sizes[0]).run(PLANS)
    assert {entrant.size for entrant in found} == {sizes[0]}
    assert not dataclasses.replace(race, used=lambda: 0.0, most=10).run(PLANS)
