import dataclasses

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from mlship.quality import assess
from mlship.runtime import Session
from mlship.students.exported import exported
from mlship.students.kinds import plans
from mlship.students.lessons import classes_of, distilled, plain
from mlship.students.training import trained
from tests.unit.optimize_support import task_for

ROWS, LABELS = load_digits(return_X_y=True)
PLAN = plans("torch", classifies=True)[0]


def teach(task, lesson):
    return trained(PLAN, lesson, task.signature, classes_of(task.signature, task.fit), 0)


@pytest.fixture(scope="module", params=[2, 10], ids=["two classes", "ten classes"])
def task(request):
    chosen = request.param > LABELS
    rows, labels = ROWS[chosen][:600], LABELS[chosen][:600]
    return task_for(RandomForestClassifier(30, random_state=0).fit(rows, labels), rows, labels)


def score(task, student):
    base, asked = task
    session = Session(exported(student, base.model).SerializeToString())
    return assess(asked.signature, asked.judge, session.run(session.feed(asked.judge.inputs))).score


def test_it_learns_from_softened_targets(task):
    rows = dataclasses.replace(task[1].fit, target=None)
    assert score(task, teach(task[1], distilled(rows, rows.take([0]), task[1].signature))) > 0.85


def test_it_learns_without_a_teacher(task):
    assert score(task, teach(task[1], plain(task[1].fit, task[1].signature))) > 0.85


def test_the_same_seed_makes_the_same_network_and_leaves_torch_alone(task):
    lesson, before, threads = plain(task[1].fit, task[1].signature), torch.get_rng_state(), torch.get_num_threads()
    first, second = (teach(task[1], lesson).pipeline[-1].coefs_ for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
