"""Estimators made of estimators: pipelines, column transformers, unions, searches."""

from collections import UserList
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import numbers, select, width
from mlship.graphs.builder import Answers, Block, Graph, Matrix
from mlship.graphs.dispatch import answer, transform


def pipeline_transform(g: Graph, model: Any, block: Block) -> Block:
    """Pipeline without a predictor: every step in turn."""
    for _, step in model.steps:
        block = _through(g, step, block)
    return block


def pipeline_answer(g: Graph, model: Any, block: Block) -> Answers:
    """Pipeline: every step in turn, then the last one's answers."""
    for _, step in model.steps[:-1]:
        block = _through(g, step, block)
    return answer(g, model.steps[-1][1], block)


def column_transformer(g: Graph, model: Any, block: Block) -> Block:
    """ColumnTransformer: each transformer on its columns, side by side in their order."""
    names = list(getattr(model, "feature_names_in_", ()))
    weights = model.transformer_weights or {}
    answer: list[Matrix] = []
    for name, step, columns in model.transformers_:
        chosen = positions(columns, width(block), names)
        if chosen and not _is_text(step, "drop"):
            answer.extend(_weighted(g, _through(g, step, select(g, block, chosen)), weights.get(name)))
    return _stacked(answer, sparse=bool(getattr(model, "sparse_output_", False)))


def feature_union(g: Graph, model: Any, block: Block) -> Block:
    """FeatureUnion: each transformer on all columns, side by side in their order; sparse where one of them is."""
    weights = model.transformer_weights or {}
    answer: list[Matrix] = []
    for name, step in model.transformer_list:
        if not _is_text(step, "drop"):
            answer.extend(_weighted(g, _through(g, step, block), weights.get(name)))
    return _stacked(answer, sparse=any(piece.sparse for piece in answer))


def search_transform(g: Graph, model: Any, block: Block) -> Block:
    """GridSearchCV and the like over transformers: the best one."""
    return transform(g, _best(model), block)


def search_answer(g: Graph, model: Any, block: Block) -> Answers:
    """GridSearchCV and the like over predictors: the best one."""
    return answer(g, _best(model), block)


def _through(g: Graph, step: Any, block: Block) -> Block:
    if step is None or _is_text(step, "passthrough"):
        return block
    return transform(g, step, block)


def _is_text(step: Any, text: str) -> bool:
    return isinstance(step, str) and step == text


def _weighted(g: Graph, block: Block, weight: float | None) -> Block:
    if weight is None:
        return block
    x = numbers(g, block)
    return [replace(x, name=g.op("Mul", x.name, np.array(float(weight))))]


def _stacked(block: Block, *, sparse: bool) -> Block:
    """Mark columns side by side: in the original they are one matrix, which is sparse or is not."""
    return [replace(piece, sparse=sparse) if piece.kind == "number" else piece for piece in block]


def _best(model: Any) -> Any:
    if not hasattr(model, "best_estimator_"):
        message = f"this {type(model).__name__} kept no best estimator (refit=False)"
        raise UnsupportedModelError(message, "fit it again with refit=True")
    return model.best_estimator_


def positions(columns: Any, count: int, names: Sequence[str]) -> list[int]:
    """Return the column numbers that a fitted ColumnTransformer's selection means.

    A selection is a name, a number, a slice of either (names: both ends included), a mask, or a list of these.
    """
    if isinstance(columns, slice):
        if any(isinstance(end, str) for end in (columns.start, columns.stop)):
            start = 0 if columns.start is None else names.index(columns.start)
            stop = count if columns.stop is None else names.index(columns.stop) + 1
            columns = slice(start, stop)
        return [*range(count)[columns]]
    columns = list(columns) if isinstance(columns, UserList) else columns  # scikit-learn 1.5 to 1.8
    listed = np.atleast_1d(np.asarray(columns, dtype=object)).ravel().tolist()
    if listed and all(isinstance(item, bool | np.bool_) for item in listed):
        return [number for number, chosen in enumerate(listed) if chosen]
    return [names.index(item) if isinstance(item, str) else range(count)[int(item)] for item in listed]
