"""From a fitted model and the columns of its signature to one PMML file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from mlship.errors import UnsupportedModelError
from mlship.graphs import outputs_of
from mlship.pmml.columns import Cell, row
from mlship.pmml.dispatch import answer, transform
from mlship.pmml.document import document
from mlship.pmml.models import Answers
from mlship.pmml.nodes import apply, choose, field
from mlship.signature import Column


@dataclass(frozen=True)
class Conversion:
    """A file as pieces of text, to be read once, and the output fields that make up each answer.

    ``precision`` is that of the original, and decides how close to it the answers must be.
    """

    pieces: Iterator[str]
    fields: Mapping[str, Sequence[str]]
    precision: Literal["float64", "float32"] = "float64"


def convert(model: Any, columns: Sequence[Column], *, target: str = "target") -> Conversion:
    """Convert a fitted estimator whose columns are ``columns``; ``target`` is the name of what it predicts.

    Raises UnsupportedModelError for what PMML, or mlship, has no words for.
    """
    block = [_cell(column) for column in columns]
    if "transformed" in outputs_of(model):
        cells = transform(model, block)
        if not cells:
            raise UnsupportedModelError(f"this {type(model).__name__} answers with no columns at all")
        answers = Answers({"transformed": row([cell.value for cell in cells])})
    else:
        answers = answer(model, block)
        answers = replace(answers, values={name: answers.values[name] for name in outputs_of(model)})
    return Conversion(*document(columns, answers, target), answers.precision)


def _cell(column: Column) -> Cell:
    kind: Any = column.type if column.type in ("string", "boolean") else "number"
    node = field(column.name, kind, nullable=column.nullable)
    if column.type != "boolean":
        return Cell(node, column.null)
    truth = choose(apply("equal", node, True), 1.0, 0.0)  # noqa: FBT003
    return Cell(choose(apply("isMissing", node), float("nan"), truth) if column.nullable else truth)
