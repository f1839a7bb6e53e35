"""StackingClassifier and StackingRegressor: a final estimator over what the others say."""

from typing import Any

from mlship.graphs.blocks import select
from mlship.graphs.builder import Answers, Block, Graph, Matrix
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import as_matrix, asked, encoded


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """StackingClassifier; the final estimator knows the classes by their numbers."""
    answers = answer(g, model.final_estimator_, transform(g, model, block))
    if isinstance(getattr(model, "_label_encoder", None), list):  # several targets are kept as they are
        return answers
    return {**answers, "prediction": encoded(g, answers["prediction"], model.classes_)}


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """StackingRegressor."""
    return answer(g, model.final_estimator_, transform(g, model, block))


def transform(g: Graph, model: Any, block: Block) -> Block:
    """Give what the estimators say side by side, then the columns themselves where they are passed through."""
    parts: list[Matrix] = []
    for member, method in zip(model.estimators_, model.stack_method_, strict=True):
        result = asked(answer(g, member, block), member, method)
        matrix = as_matrix(g, result)
        if method == "predict_proba" and len(getattr(model, "classes_", ())) == 2 and matrix.width == 2:
            parts.extend(select(g, [matrix], [1]))
        else:
            parts.append(matrix)
    return [*parts, *block] if model.passthrough else parts
