"""From a fitted model and the columns of its signature to one ONNX model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import onnx
from google.protobuf.message import EncodeError
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import joined, select
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Precision, Result
from mlship.graphs.dispatch import answer, transform
from mlship.graphs.narrow import narrowed, rounds_first
from mlship.graphs.outputs import outputs_of
from mlship.signature import Column, Tensor

#: What one protobuf message holds.
MOST_BYTES = 2**31 - 1


@dataclass(frozen=True)
class Conversion:
    """A converted model, and how each step was converted: ("StandardScaler: mlship", "KNNImputer: skl2onnx").

    ``content`` are the bytes of the ONNX file, the same for the same model.
    ``precision`` is that of its answers, and decides how close to the original's they must be. ``single`` says whether
    all of it computes in float32; else that is a step that does so, like its original, in a graph in double.
    """

    content: bytes
    route: tuple[str, ...]
    precision: Precision
    single: bool = False

    @cached_property
    def model(self) -> onnx.ModelProto:
        """The same in protobuf's form, which takes two to three times as much memory."""
        return onnx.load_model_from_string(self.content)

    @property
    def rounds_first(self) -> bool:
        """Whether the original rounds its numbers to float32 before anything else, so that decisions stay the same."""
        return rounds_first(self.model)

    def narrowed(self) -> "Conversion":
        """Return the same model computing in float32."""
        content = _small_enough(lambda: bytes(narrowed(self.model).SerializeToString(deterministic=True)))
        return Conversion(content, self.route, "float32", single=True)


def _small_enough(write: Callable[[], bytes]) -> bytes:
    """Return the bytes of an ONNX file; raises UnsupportedModelError for more than a file can hold."""
    try:
        content = write()
    except (EncodeError, ValueError) as error:  # which of them depends on protobuf's own implementation
        raise _too_large(f"more than {MOST_BYTES / 1e9:.1f}") from error
    if len(content) > MOST_BYTES:
        raise _too_large(f"{len(content) / 1e9:.1f}")
    return content


def _too_large(size: str) -> UnsupportedModelError:
    message = f"the ONNX file would have {size} GB; protobuf, in which it is written, holds {MOST_BYTES / 1e9:.1f}"
    return UnsupportedModelError(message, "prune the model (fewer or smaller trees), or serve it as it is: --to native")


def convert(
    model: Any,
    tensors: Sequence[Tensor],
    columns: Sequence[Column],
    *,
    outputs: Sequence[str],
    dtype: Precision = "float64",
    single: bool = False,
    own: bool = True,
) -> Conversion:
    """Convert a fitted scikit-learn estimator.

    ``columns`` are in the order in which the model was trained. ``outputs``: the names that ``outputs_of`` gives, or
    some of them. ``dtype`` is the precision of the steps that skl2onnx converts, all others are in double unless
    ``single`` asks for float32 throughout; with ``own`` False skl2onnx converts everything.
    Raises UnsupportedModelError.
    """
    unknown = [name for name in outputs if name not in outputs_of(model)]
    if unknown:
        raise UnsupportedModelError(f"{type(model).__name__} has no {' and no '.join(unknown)}")
    g = Graph(dtype, own=own, single=single)
    block = _columns(g, tensors, columns)
    if "transformed" in outputs:
        matrix = joined(g, transform(g, model, block))
        kind = TensorProto.STRING if matrix.kind == "string" else TensorProto.DOUBLE
        answers: Answers = {"transformed": Result(matrix.name, kind, matrix.width)}
    else:
        answers = answer(g, model, block)
    content = _small_enough(lambda: g.content({name: answers[name] for name in outputs}))
    converted = Conversion(content, tuple(g.route), g.precision)
    return converted.narrowed() if single else converted


def _columns(g: Graph, tensors: Sequence[Tensor], columns: Sequence[Column]) -> Block:
    """Declare the graph's inputs and return the columns in the order of the model."""
    nulls = {column.tensor: column.null for column in columns}
    inputs = [Matrix(tensor.name, tensor.kind, tensor.width, nulls.get(tensor.name, "nan")) for tensor in tensors]
    first = {}
    total = 0
    for matrix in inputs:
        first[g.input(matrix).name] = total
        total += matrix.width
    return select(g, inputs, [first[column.tensor] + column.index for column in columns])
