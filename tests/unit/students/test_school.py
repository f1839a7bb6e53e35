import dataclasses

import numpy as np
import pytest

from mlship.students.school import graduates, school
from tests.unit.students.mixed import case


@pytest.fixture(scope="module")
def found():
    base, task = case()
    return list(graduates(school(base.model, task), ["linear", "tree"]))


def test_each_student_comes_distilled_and_trained_plainly(found):
    pairs = [found[place : place + 2] for place in range(0, len(found), 2)]
    assert 1 <= len(pairs) <= 2
    for pair in pairs:
        assert len({graduate.entrant.plan.title for graduate in pair}) == 1
        assert {graduate.entrant.way for graduate in pair} == {"distilled", "trained plainly"}


def test_only_what_is_distilled_saw_made_up_rows(found):
    for graduate in found:
        assert (graduate.made > 0) == (graduate.entrant.way == "distilled")


def test_nothing_is_learnt_from_rows_to_judge_with(found):
    base, task = case()
    hidden = dataclasses.replace(task, judge=task.judge.take([]))
    again = list(graduates(school(base.model, hidden), ["linear", "tree"]))
    assert [graduate.model for graduate in again] == [graduate.model for graduate in found]


def test_rows_with_infinite_numbers_are_left_out():
    base, task = case()
    inputs = {name: values.copy() for name, values in task.fit.inputs.items()}
    inputs["pay"][:3] = np.inf
    place = school(base.model, dataclasses.replace(task, fit=dataclasses.replace(task.fit, inputs=inputs)))
    assert len(place.rows) == len(task.fit) - 3


def test_a_fold_makes_rows_up_from_those_it_learns_from_alone():
    base, task = case()
    place = school(base.model, task)
    fold = place.race().fold(0)
    held_back = {tuple(row) for row in np.column_stack([fold.held_back.inputs["pay"]])}
    learnt = {tuple(row) for row in fold.lessons["distilled"].inputs["pay"]}
    assert held_back.isdisjoint(learnt)


def test_no_rows_are_made_up_where_the_teacher_would_take_too_long():
    base, task = case()
    assert school(base.model, dataclasses.replace(task, left=lambda: 1e-6)).copies == 0


def test_without_time_there_is_still_a_student():
    base, task = case()
    hurried = dataclasses.replace(task, left=lambda: 0.0)
    assert len(list(graduates(school(base.model, hurried), ["linear"]))) == 2
