import dataclasses

import numpy as np
import pytest

from mlship.signature import Output
from mlship.students.lessons import TRUTH, classes_of, distilled, plain
from tests.unit.students.mixed import case


@pytest.fixture(scope="module")
def rows():
    return case()[1].fit


@pytest.fixture(scope="module")
def signature():
    return case()[1].signature


def without_target(rows):
    return dataclasses.replace(rows, target=None)


def test_a_plain_lesson_is_the_truth(rows, signature):
    lesson = plain(rows, signature)
    assert np.array_equal(np.array(["no", "yes"])[lesson.answers.argmax(axis=1)], rows.target)


def test_a_plain_lesson_is_what_the_teacher_labels_where_the_truth_is_unknown(rows, signature):
    lesson = plain(without_target(rows), signature)
    assert np.array_equal(np.array(["no", "yes"])[lesson.answers.argmax(axis=1)], rows.outputs["prediction"])
    assert set(np.unique(lesson.answers)) == {0, 1}


def test_a_distilled_lesson_is_what_the_teacher_thinks_likely(rows, signature):
    lesson = distilled(without_target(rows), rows.take(slice(0, 5)), signature)
    wanted = rows.outputs["probabilities"]
    assert np.array_equal(lesson.answers, np.concatenate([wanted, wanted[:5]]))


def test_a_distilled_lesson_mixes_in_the_truth_where_it_is_known(rows, signature):
    lesson = distilled(rows, without_target(rows.take(slice(0, 5))), signature)
    right = (rows.target == "yes").astype(float)
    wanted = TRUTH * right + (1 - TRUTH) * rows.outputs["probabilities"][:, 1]
    assert np.allclose(lesson.answers[: len(rows), 1], wanted)
    assert np.array_equal(lesson.answers[len(rows) :], rows.outputs["probabilities"][:5])


def test_many_made_up_rows_weigh_no_more_than_the_others(rows, signature):
    made = without_target(rows.take(np.tile(np.arange(len(rows)), 3)))
    lesson = distilled(rows, made, signature)
    assert lesson.weights[len(rows) :].sum() == pytest.approx(len(rows))


def test_classes_are_in_the_order_of_the_teacher(rows, signature):
    outputs = tuple(
        Output(name=item.name, type=item.type, width=item.width, classes=item.classes and item.classes[::-1])
        for item in signature.outputs
    )
    turned = signature.model_copy(update={"outputs": outputs})
    assert classes_of(turned, rows).tolist() == ["yes", "no"]
