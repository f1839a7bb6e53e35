"""Feature selection: the columns that were chosen in training."""

from typing import Any

from mlship.graphs.blocks import select
from mlship.graphs.builder import Answers, Block, Graph
from mlship.graphs.dispatch import answer


def selected(g: Graph, model: Any, block: Block) -> Block:
    """Every selector of scikit-learn: the columns of ``get_support``, in their order."""
    return select(g, block, [int(column) for column in model.get_support(indices=True)])


def predictor(g: Graph, model: Any, block: Block) -> Answers:
    """RFE and RFECV as predictors: their estimator on the chosen columns."""
    return answer(g, model.estimator_, selected(g, model, block))
