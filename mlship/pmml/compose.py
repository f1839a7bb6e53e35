"""Pipelines, column transformers, unions and searches, whose parts may be elements of PMML."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlship.errors import UnsupportedModelError
from mlship.graphs.families.compose import positions
from mlship.pmml.columns import Block, Cell
from mlship.pmml.dispatch import answer, transform
from mlship.pmml.models import Answers
from mlship.pmml.nodes import apply, number


def pipeline_transform(model: Any, block: Block) -> Block:
    """Pipeline without a predictor: every step in turn."""
    for _, step in model.steps:
        block = _through(step, block)
    return block


def pipeline_answer(model: Any, block: Block) -> Answers:
    """Pipeline: every step in turn, then the last one's answers."""
    for _, step in model.steps[:-1]:
        block = _through(step, block)
    return answer(model.steps[-1][1], block)


def column_transformer(model: Any, block: Block) -> Block:
    """ColumnTransformer: each transformer on its columns, side by side in their order."""
    names = list(getattr(model, "feature_names_in_", ()))
    weights = model.transformer_weights or {}
    result: list[Cell] = []
    for name, step, columns in model.transformers_:
        chosen = positions(columns, len(block), names)
        if chosen and not _is_text(step, "drop"):
            result.extend(_weighted(_through(step, [block[i] for i in chosen]), weights.get(name)))
    return _stacked(result, sparse=bool(getattr(model, "sparse_output_", False)))


def feature_union(model: Any, block: Block) -> Block:
    """FeatureUnion: each transformer on all columns, side by side in their order; sparse where one of them is."""
    weights = model.transformer_weights or {}
    result: list[Cell] = []
    for name, step in model.transformer_list:
        if not _is_text(step, "drop"):
            result.extend(_weighted(_through(step, block), weights.get(name)))
    return _stacked(result, sparse=any(cell.sparse for cell in result))


def search_transform(model: Any, block: Block) -> Block:
    """GridSearchCV and the like over transformers: the best one."""
    return transform(_best(model), block)


def search_answer(model: Any, block: Block) -> Answers:
    """GridSearchCV and the like over predictors: the best one."""
    return answer(_best(model), block)


def _through(step: Any, block: Block) -> Block:
    if step is None or _is_text(step, "passthrough"):
        return block
    return transform(step, block)


def _is_text(step: Any, text: str) -> bool:
    return isinstance(step, str) and step == text


def _weighted(block: Block, weight: float | None) -> Block:
    if weight is None:
        return block
    return [Cell(apply("*", number(cell.value), float(weight)), cell.null, cell.sparse) for cell in block]


def _stacked(block: Sequence[Cell], *, sparse: bool) -> Block:
    """Mark columns side by side: in the original they are one matrix, which is sparse or is not."""
    return [replace(cell, sparse=sparse) if cell.kind == "number" else cell for cell in block]


def _best(model: Any) -> Any:
    if not hasattr(model, "best_estimator_"):
        message = f"this {type(model).__name__} kept no best estimator (refit=False)"
        raise UnsupportedModelError(message, "fit it again with refit=True")
    return model.best_estimator_
