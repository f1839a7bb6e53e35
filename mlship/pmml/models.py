"""Models of PMML that are parts of a file: trees and the like, which expressions cannot say."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlship.pmml.nodes import Kind, Node, Value

Function = Literal["regression", "classification", "clustering"]
#: What a model is given for its inputs: the names of the fields, in the order of ``Model.inputs``.
Names = Sequence[str]


@dataclass(frozen=True, eq=False)
class Model:
    """A model element.

    ``inputs`` are the values that it reads, ``body`` writes what stands below its MiningSchema, given their names.
    ``classes`` are its labels. ``attributes`` are those of the element beside functionName.
    """

    tag: str
    function: Function
    inputs: Sequence[Node]
    body: Callable[[Names], Iterator[str]]
    attributes: dict[str, str] = field(default_factory=dict)
    classes: tuple[Value, ...] = ()

    def value(self) -> Node:
        """Return what a regression predicts."""
        return _output(self, None)

    def probabilities(self) -> list[Node]:
        """Return the probability of each class."""
        return [_output(self, label) for label in self.classes]


@dataclass(frozen=True)
class Answers:
    """What an estimator answers for one row: prediction, probabilities, scores, transformed, by name.

    ``values`` are (1,) or (1, width). A classifier's prediction is its label; ``classes`` are its labels and ``index``
    is the number of the predicted one. ``model`` is a model that answers all that by itself, where there is one.
    ``precision`` is that in which the original computes.
    """

    values: dict[str, NDArray[np.object_]]
    classes: tuple[Value, ...] = ()
    index: Value = None
    model: Model | None = None
    precision: Literal["float64", "float32"] = "float64"


def _output(model: Model, which: Value) -> Node:
    kind: Kind = "number"
    return Node("output", model.inputs, kind, (model, which))
