"""Random projections: a product with a random matrix, which may be sparse."""

from typing import Any

import numpy as np

from mlship.graphs.blocks import product
from mlship.graphs.builder import Block, Graph, Matrix


def random_projection(g: Graph, model: Any, block: Block) -> Block:
    """GaussianRandomProjection and SparseRandomProjection."""
    components = model.components_
    dense = components.toarray() if hasattr(components, "toarray") else np.asarray(components)
    name = product(g, block, np.ascontiguousarray(dense.T, dtype=np.float64))
    sparse = any(piece.sparse for piece in block) and not getattr(model, "dense_output", True)
    return [Matrix(name, "number", len(dense), sparse=sparse)]
