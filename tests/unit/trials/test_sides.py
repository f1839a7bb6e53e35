from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.signature import Column, Output, Signature, Tensor
from mlship.trials.sides import require_alike

LIKE = Signature(
    model="Test",
    task="classifier",
    named=True,
    columns=(
        Column(name="age", type="number", tensor="features", index=0),
        Column(name="fare", type="number", tensor="features", index=1),
    ),
    tensors=(Tensor(name="features", kind="number", width=2),),
    outputs=(
        Output(name="prediction", type="integer"),
        Output(name="probabilities", type="number", width=2, classes=(0, 1)),
    ),
)


def changed(**update: Any) -> Signature:
    return LIKE.model_copy(update=update)


def test_models_that_take_and_answer_the_same_can_be_compared() -> None:
    require_alike(LIKE, changed(model="Another", precision="float32", loss="int8"))


def test_what_the_sample_showed_makes_no_difference() -> None:
    columns = (LIKE.columns[0].model_copy(update={"minimum": 3.0, "nullable": True}), LIKE.columns[1])
    require_alike(LIKE, changed(columns=columns))


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (changed(task="regressor"), "task: classifier here, regressor there"),
        (changed(columns=LIKE.columns[:1]), "number of columns: 2 here, 1 there"),
        (
            changed(columns=(LIKE.columns[0], LIKE.columns[1].model_copy(update={"name": "price"}))),
            r"column 2: 'fare' \(number\) here, 'price' \(number\) there",
        ),
        (changed(outputs=LIKE.outputs[:1]), "outputs: prediction, probabilities here, prediction there"),
        (
            changed(outputs=(LIKE.outputs[0], LIKE.outputs[1].model_copy(update={"classes": (0, 2)}))),
            r"output 'probabilities': number, \(0, 1\) here, number, \(0, 2\) there",
        ),
    ],
    ids=["task", "columns", "column", "outputs", "classes"],
)
def test_the_first_difference_is_named(other: Signature, difference: str) -> None:
    with pytest.raises(UsageError, match=difference):
        require_alike(LIKE, other)
