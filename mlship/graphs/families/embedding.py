"""RandomTreesEmbedding: which leaf of each tree a row falls into, one column a leaf."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.builder import Block, Graph, Matrix
from mlship.graphs.ensemble import summed
from mlship.graphs.families.trees import as_float32, trees_of


def leaves(g: Graph, model: Any, block: Block) -> Block:
    """One column for each leaf of each tree: 1 where the row is in it, else 0."""
    sizes = [tree.tree_.node_count for tree in model.estimators_]
    numbers_of_nodes = np.concatenate([np.arange(size, dtype=np.float64) for size in sizes]).reshape(-1, 1)
    targets = np.arange(len(sizes), dtype=np.int64)
    reached = summed(g, as_float32(g, block), trees_of(model.estimators_), numbers_of_nodes, targets)
    columns = model.one_hot_encoder_.categories_
    owners = np.repeat(targets, [len(column) for column in columns])
    wanted = np.concatenate(columns).astype(np.float64)
    is_there = g.op("Equal", g.op("Gather", reached, owners, axis=1), wanted)
    name = g.op("Cast", is_there, to=TensorProto.DOUBLE)
    return [Matrix(name, "number", len(wanted), sparse=bool(model.sparse_output))]
