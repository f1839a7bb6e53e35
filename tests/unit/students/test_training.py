import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import KNeighborsRegressor

from mlship.quality import assess
from mlship.runtime import Session
from mlship.students.exported import exported
from mlship.students.kinds import CHEAP, KINDS, plans
from mlship.students.lessons import classes_of, plain
from mlship.students.training import trained
from tests.unit.optimize_support import task_for
from tests.unit.students.mixed import case

ROWS, NUMBERS = make_friedman1(600, noise=0.5, random_state=0)


@pytest.fixture(scope="module")
def regression():
    return task_for(GradientBoostingRegressor(random_state=0).fit(ROWS, NUMBERS), ROWS, NUMBERS)


def ports(model):
    return [item.SerializeToString() for item in (*model.graph.input, *model.graph.output)]


def student_of(kind, task, place=-1):
    classifies = task.signature.task == "classifier"
    classes = classes_of(task.signature, task.fit) if classifies else None
    plan = plans(kind, classifies=classifies)[place]
    return trained(plan, plain(task.fit, task.signature), task.signature, classes, 0)


@pytest.mark.parametrize("kind", CHEAP)
def test_a_student_of_mixed_columns_answers_as_onnx_what_it_answers_in_scikit_learn(kind):
    base, task = case()
    student = student_of(kind, task)
    model = exported(student, base.model)
    session = Session(model.SerializeToString())
    answers, wanted = session.run(session.feed(task.judge.inputs)), student.answer(task.judge.inputs)
    assert (answers["prediction"] == wanted["prediction"]).mean() > 0.99
    assert np.abs(answers["probabilities"] - wanted["probabilities"]).max() < 0.01
    assert ports(model) == ports(base.model)


@pytest.mark.parametrize("kind", CHEAP)
def test_a_student_learns_numbers(kind, regression):
    base, task = regression
    model = exported(student_of(kind, task), base.model)
    session = Session(model.SerializeToString())
    assert assess(task.signature, task.judge, session.run(session.feed(task.judge.inputs))).score > 0.5
    assert ports(model) == ports(base.model)


@pytest.mark.parametrize("kind", ["linear", "tree", "forest", "mlp"])
def test_a_student_learns_several_numbers_a_row(kind):
    both = np.column_stack([NUMBERS, -NUMBERS])
    base, task = task_for(RandomForestRegressor(5, random_state=0).fit(ROWS, both), ROWS)
    model = exported(student_of(kind, task), base.model)
    session = Session(model.SerializeToString())
    assert assess(task.signature, task.judge, session.run(session.feed(task.judge.inputs))).score > 0.5


@pytest.mark.parametrize("kind", CHEAP)
def test_a_column_of_one_number_stays_a_column(kind):
    base, task = task_for(KNeighborsRegressor(3).fit(ROWS, NUMBERS.reshape(-1, 1)), ROWS)
    assert task.fit.outputs["prediction"].shape[1] == 1
    student = student_of(kind, task)
    session = Session(exported(student, base.model).SerializeToString())
    for answers in (session.run(session.feed(task.judge.inputs)), student.answer(task.judge.inputs)):
        assert answers["prediction"].shape == task.judge.outputs["prediction"].shape


def test_boosted_trees_answer_with_one_number_only():
    assert not plans("boosted", classifies=False, width=2)


@pytest.mark.parametrize("kind", KINDS)
def test_small_students_come_first(kind):
    titles = list(dict.fromkeys(plan.title for plan in plans(kind, classifies=True)))
    assert titles == sorted(titles, key=lambda title: [int(word) for word in title.split() if word.isdigit()])


@pytest.mark.parametrize("kind", ["forest", "mlp"])
def test_the_same_seed_makes_the_same_student(kind):
    base, task = case()
    first, second = (exported(student_of(kind, task, 0), base.model).SerializeToString() for _ in range(2))
    assert first == second
