"""KBinsDiscretizer: the bin of each value, as a number or one-hot."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.search import last_not_above, shelved
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix
from mlship.graphs.families.encoders import hot


def bins(g: Graph, model: Any, block: Block) -> Block:
    """KBinsDiscretizer; a value on an edge belongs to the bin above it.

    With ``dtype=numpy.float32`` values are rounded to float32 before they are compared, as scikit-learn does.
    """
    x = numbers(g, block)
    values = x.name
    if model.dtype is not None and np.dtype(model.dtype) == np.float32:
        values = g.op("Cast", g.op("Cast", values, to=TensorProto.FLOAT), to=TensorProto.DOUBLE)
    shelves = shelved([np.asarray(edges, dtype=np.float64)[1:-1] for edges in model.bin_edges_])
    numbered = g.op("Sub", last_not_above(g, shelves, values), shelves.starts)
    if model.encode == "ordinal":
        return [Matrix(g.op("Cast", numbered, to=TensorProto.DOUBLE), "number", x.width)]
    return [hot(g, numbered, [int(count) for count in model.n_bins_], sparse=model.encode == "onehot")]
