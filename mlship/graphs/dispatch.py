"""Finds who converts a step: our own function for its class, one that another package brings, or skl2onnx."""

import importlib
from collections.abc import Mapping
from typing import Any

from mlship.errors import UnsupportedModelError
from mlship.graphs import others
from mlship.graphs.builder import Answers, Block, Graph, NotOurs
from mlship.graphs.table import PREDICTORS, REASONS, TRANSFORMERS, public_name


def transform(g: Graph, estimator: Any, block: Block) -> Block:
    """Add a transformer to the graph and return its columns; raises UnsupportedModelError when nobody knows it."""
    columns: Block = _convert(g, TRANSFORMERS, "transform", estimator, block)
    return columns


def answer(g: Graph, estimator: Any, block: Block) -> Answers:
    """Add a predictor to the graph and return all its answers; raises UnsupportedModelError when nobody knows it.

    Prediction, probabilities where it has predict_proba, scores where it has decision_function: what nobody reads
    leaves no node in the model.
    """
    answers: Answers = _convert(g, PREDICTORS, "answer", estimator, block)
    return answers


def _convert(g: Graph, table: Mapping[str, str], fallback: str, estimator: Any, block: Block) -> Any:
    kind = type(estimator)
    public = public_name(f"{kind.__module__}.{kind.__qualname__}")
    target = table.get(public) if g.own else None
    done = len(g.route)
    reason = ""
    if target is not None:
        try:
            result = _load(target)(g, estimator, block)
        except NotOurs as refusal:
            reason = f" (mlship's own converter: {refusal})"
            del g.route[done:]
        else:
            if not target.startswith("compose:"):
                g.route.append(f"{kind.__name__}: mlship")
            return result
    elif g.own and public in others.found():
        point = others.found()[public]
        result = point.load()(g, estimator, block)
        g.route.append(f"{kind.__name__}: {others.brought_by(point)}")
        return result
    if public in REASONS:
        raise UnsupportedModelError(f"nobody converts {kind.__name__} to ONNX: {REASONS[public]}")
    try:
        result = getattr(importlib.import_module("mlship.graphs.fallback"), fallback)(g, estimator, block)
    except UnsupportedModelError as error:
        raise UnsupportedModelError(error.message + reason, error.hint) from error
    g.route.append(f"{kind.__name__}: skl2onnx")
    return result


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(f"mlship.graphs.families.{module}"), name)
