import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from mlship.runtime import Session
from mlship.students.exported import exported
from mlship.students.kinds import plans
from mlship.students.lessons import plain
from mlship.students.training import trained
from tests.unit.students.mixed import case


@pytest.fixture(scope="module")
def student():
    _, task = case()
    (plan, *_) = plans("linear", classifies=True)
    classes = np.array(["no", "yes"], dtype=object)
    return trained(plan, plain(task.fit, task.signature), task.signature, classes, 0)


def answers(model, inputs):
    session = Session(model.SerializeToString())
    return session.run(session.feed(inputs))


def test_probabilities_follow_the_order_of_the_teachers_classes(student):
    base, task = case()
    turned = dataclasses.replace(student, classes=student.classes[::-1])
    as_they_are, the_other_way = (answers(exported(one, base.model), task.fit.inputs) for one in (student, turned))
    assert np.array_equal(the_other_way["probabilities"], as_they_are["probabilities"][:, ::-1])
    assert np.array_equal(the_other_way["prediction"], as_they_are["prediction"])


def test_a_teacher_in_float32_gets_a_student_with_its_types(student):
    base, task = case()
    teacher = onnx.ModelProto()
    teacher.CopyFrom(base.model)
    for item in (*teacher.graph.input, *teacher.graph.output):
        if item.type.tensor_type.elem_type == TensorProto.DOUBLE:
            item.type.tensor_type.elem_type = TensorProto.FLOAT
    model = exported(student, teacher)
    assert list(model.graph.input) == list(teacher.graph.input)
    assert answers(model, task.fit.inputs)["probabilities"].dtype == np.float32


def test_missing_values_and_unknown_texts_are_answered(student):
    base, task = case()
    inputs = {name: values[:2].copy() for name, values in task.fit.inputs.items()}
    inputs["city"][:, 0] = ["\uffff", "Atlantis"]
    inputs["age"][:] = np.nan
    inputs["pay"][:] = np.nan
    assert np.isfinite(answers(exported(student, base.model), inputs)["probabilities"]).all()


def test_a_row_is_answered_alike_alone_and_among_others(student):
    base, task = case()
    model = exported(student, base.model)
    together = answers(model, task.fit.inputs)["probabilities"][:1]
    alone = answers(model, {name: values[:1] for name, values in task.fit.inputs.items()})["probabilities"]
    assert np.allclose(together, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("start", "weights"), [(0.0, TensorProto.FLOAT), (1.7e9, TensorProto.DOUBLE)])
def test_weights_are_float32_unless_a_column_needs_more(student, start, weights):
    base, _ = case()
    columns = [
        column.model_copy(update={"minimum": start, "maximum": start + 1000.0}) if column.name == "pay" else column
        for column in student.signature.columns
    ]
    signature = student.signature.model_copy(update={"columns": tuple(columns)})
    model = exported(dataclasses.replace(student, signature=signature), base.model)
    kinds = {item.data_type for item in model.graph.initializer if len(item.dims) == 2 and item.dims[1] == 1}
    assert weights in kinds
