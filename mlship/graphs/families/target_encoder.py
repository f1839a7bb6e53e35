"""TargetEncoder: for each category the mean target that it had in training."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.categories import look_up, merged
from mlship.graphs.builder import Block, Graph, Matrix


def target(g: Graph, model: Any, block: Block) -> Block:
    """TargetEncoder, for binary, continuous and multiclass targets; unknown categories get the overall mean.

    With several classes there is a column for each class of each feature, features first.
    """
    block = merged(g, block)
    features = len(model.categories_)
    means = np.asarray(model.target_mean_, dtype=np.float64).reshape(-1)
    encodings = [np.asarray(values, dtype=np.float64) for values in model.encodings_]
    if len(means) == 1:
        name = look_up(g, block, model.categories_, encodings, np.repeat(means, features))
        return [Matrix(name, "number", features)]
    counts = [len(categories) for categories in model.categories_]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64) + 1
    codes = [start + np.arange(count) for start, count in zip(starts, counts, strict=False)]
    rows = [np.stack(encodings[i : i + len(means)], axis=1) for i in range(0, len(encodings), len(means))]
    found = look_up(g, block, model.categories_, codes, np.zeros(features, dtype=np.int64))
    name = g.op("Gather", np.concatenate([means.reshape(1, -1), *rows]), found)
    width = features * len(means)
    return [Matrix(g.op("Reshape", name, np.array([-1, width], dtype=np.int64)), "number", width)]
