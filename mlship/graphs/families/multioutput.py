"""Several targets from estimators of one each: MultiOutputClassifier and -Regressor, and the chains."""

from typing import Any

import numpy as np

from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import ANSWERS, as_matrix, response
from mlship.graphs.labels import together


def each(g: Graph, model: Any, block: Block) -> Answers:
    """MultiOutputClassifier and MultiOutputRegressor: a prediction for each target, side by side."""
    return {"prediction": together(g, [answer(g, member, block)["prediction"] for member in model.estimators_])}


def chain(g: Graph, model: Any, block: Block) -> Answers:
    """ClassifierChain and RegressorChain: every estimator also sees what those before it said."""
    method = getattr(model, "chain_method_", "predict")
    seen: list[Matrix] = [numbers(g, block)]
    said: dict[str, list[Matrix]] = {}
    for member in model.estimators_:
        answers = answer(g, member, seen)
        seen = [*seen, as_matrix(g, response(g, member, answers, method))]
        for asked, name in ANSWERS.items():
            if name in answers:
                said.setdefault(name, []).append(as_matrix(g, response(g, member, answers, asked)))
    places = np.argsort(np.asarray(model.order_)).astype(np.int64)
    result = {}
    for name, parts in said.items():
        if len(parts) == len(places) and all(part.width == 1 for part in parts):
            joined = g.op("Concat", *(part.name for part in parts), axis=1)
            result[name] = Result(g.op("Gather", joined, places, axis=1), width=len(parts))
    return result
