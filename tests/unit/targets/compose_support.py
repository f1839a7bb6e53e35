"""The plan of a stack for an image that is not there."""

from mlship.signature import Column, Output, Signature, Tensor
from mlship.targets.compose import ComposeTarget
from mlship.targets.known import Known
from mlship.targets.stack import Stack

SIGNATURE = Signature(
    model="LinearRegression",
    task="regressor",
    named=False,
    columns=(Column(name="x0", type="number", tensor="features", index=0),),
    tensors=(Tensor(name="features", kind="number", width=1),),
    outputs=(Output(name="prediction", type="number"),),
)


def plan(**options: object) -> Stack:
    """Return the plan of an image with these options."""
    known = Known(
        image="iris:1",
        version="1",
        port=8000,
        signature=SIGNATURE,
        cold_start=1.0,
        memory=2**27,
        rate=100.0,
        measured=frozenset(),
        platforms=(),
    )
    return ComposeTarget.model_validate(options).plan(known)
