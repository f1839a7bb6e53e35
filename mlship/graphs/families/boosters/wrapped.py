"""Adapters around boosted models (mlship/originals/adapters): columns of categories become codes first."""

from typing import Any

import numpy as np

from mlship.graphs.arithmetic.categories import look_up, merged
from mlship.graphs.blocks import each
from mlship.graphs.builder import Answers, Block, Graph, Matrix
from mlship.graphs.dispatch import answer


def wrapped(g: Graph, model: Any, block: Block) -> Answers:
    """Convert the model inside of an adapter that asks it as it is asked itself."""
    return answer(g, model.model, block)


def categorical(g: Graph, model: Any, block: Block) -> Answers:
    """CategoricalClassifier and CategoricalRegressor: what is no known category is missing."""
    columns = list(each(g, block))
    for number, categories in enumerate(model.categories_):
        if categories is not None:
            codes = np.arange(len(categories), dtype=np.float64)
            found = look_up(g, merged(g, [columns[number]]), [categories], [codes], np.array([np.nan]))
            columns[number] = Matrix(found, "number", 1)
    return answer(g, model.model, columns)
