"""Models that are a graph already (ONNX files, exported networks): their inputs made of the user's columns."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import joined, select
from mlship.graphs.builder import Answers, Block, Graph, Result

#: Widest row that is taken apart into columns.
MOST_COLUMNS = 4096
_NUMBERS = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16}


@dataclass(frozen=True)
class Feed:
    """One input of a network: ONNX element type, and shape without the rows (first), which may be empty."""

    name: str
    type: int
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """The number of columns that it takes."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Reply:
    """One output of a network: its number, ONNX element type, and width as ``Result`` has it."""

    number: int
    type: int
    width: int | None


def network(g: Graph, model: Any, block: Block) -> Answers:
    """Add the graph of an adapter that has ``exported()``, ``feeds`` and ``replies``; answers as ``replies`` name them.

    Floating outputs become double, whole numbers and truth values int64. Raises UnsupportedModelError where text and
    numbers are mixed up.
    """
    feeds, first = [], 0
    for feed in model.feeds:
        feeds.append(_fed(g, feed, select(g, block, range(first, first + feed.width))))
        first += feed.width
    outputs = g.adopt(model.exported(), feeds, as_it_is=True)
    if any(feed.type == TensorProto.FLOAT for feed in model.feeds):
        g.precision = "float32"
    return {name: _answered(g, outputs[reply.number], reply) for name, reply in model.replies.items()}


def _fed(g: Graph, feed: Feed, block: Block) -> str:
    matrix = joined(g, block)
    wanted = "string" if feed.type == TensorProto.STRING else "number"
    if matrix.kind != wanted:
        found = {"string": "text", "number": "numbers"}
        message = f"input '{feed.name}' takes {found[wanted]}, and the sample has {found[matrix.kind]} there"
        raise UnsupportedModelError(message, "give the sample as Parquet or JSON lines, where text stays text")
    name = matrix.name
    if feed.type not in (TensorProto.DOUBLE, TensorProto.STRING):
        name = g.op("Cast", name, to=feed.type)
    if len(feed.shape) == 1:
        return name
    return g.op("Reshape", name, np.array([-1, *feed.shape], dtype=np.int64))


def _answered(g: Graph, name: str, reply: Reply) -> Result:
    kind = reply.type
    if kind != TensorProto.STRING:
        kind = TensorProto.DOUBLE if kind in _NUMBERS else TensorProto.INT64
    if kind != reply.type:
        name = g.op("Cast", name, to=kind)
    shape = [-1] if reply.width is None else [-1, reply.width]
    return Result(g.op("Reshape", name, np.array(shape, dtype=np.int64)), kind, reply.width)
