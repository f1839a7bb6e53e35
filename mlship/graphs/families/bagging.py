"""BaggingClassifier and BaggingRegressor: the mean over estimators that each see some of the rows and columns."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.blocks import select, width
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.ensemble import Doubles, Trees
from mlship.graphs.families.meta import added, asked, is_label
from mlship.graphs.families.trees import as_float32, leaf_shares, mean_shares, mean_values, trees_of
from mlship.graphs.labels import cast, largest, pick

#: Members that are laid out together, as one forest.
_TREES = {"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"}


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """BaggingClassifier: the mean of the probabilities, or of the votes where there are none."""
    classes = len(model.classes_)
    if are_trees(model.estimators_):
        shares = np.concatenate([_spread(tree, classes) for tree in model.estimators_])
        chances = mean_shares(g, as_float32(g, block), _trees(model), shares)
    else:
        parts = [_member(g, member, columns, classes, block) for member, columns in _members(model)]
        chances = g.op("Div", added(g, parts), np.array(float(len(parts))))
    answers = {"prediction": pick(g, largest(g, chances), model.classes_)}
    answers["probabilities"] = Result(chances, width=classes)
    if hasattr(model, "decision_function"):
        answers |= _scores(g, model, block)
    return answers


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """BaggingRegressor: the mean of the predictions."""
    if are_trees(model.estimators_):
        values = np.concatenate([tree.tree_.value[:, :, 0] for tree in model.estimators_])
        return mean_values(g, as_float32(g, block), _trees(model), values)
    results = [answer(g, member, _seen(g, block, columns))["prediction"] for member, columns in _members(model)]
    total = added(g, [cast(g, result, TensorProto.DOUBLE) for result in results])
    return {"prediction": Result(g.op("Div", total, np.array(float(len(results)))), width=results[0].width)}


def are_trees(members: Sequence[Any]) -> bool:
    """Say whether all are single decision trees for one target or several numbers."""
    return all(
        type(member).__name__ in _TREES and not isinstance(getattr(member, "classes_", None), list)
        for member in members
    )


def _members(model: Any) -> list[tuple[Any, list[int]]]:
    return [
        (member, [int(column) for column in columns])
        for member, columns in zip(model.estimators_, model.estimators_features_, strict=True)
    ]


def _seen(g: Graph, block: Block, columns: list[int]) -> Block:
    return block if columns == list(range(width(block))) else select(g, block, columns)


def _trees(model: Any) -> Trees:
    """Return the trees with features numbered as in the whole."""
    trees = trees_of(model.estimators_)
    numbers = [
        np.asarray(columns)[np.maximum(tree.tree_.feature, 0)]
        for tree, columns in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    return replace(trees, feature=np.concatenate(numbers))


def _spread(tree: Any, classes: int) -> Doubles:
    """Return the shares in the leaves of a tree that may have seen some of the classes only; it knows their numbers."""
    shares = leaf_shares([tree], len(tree.classes_))
    spread = np.zeros((len(shares), classes))
    spread[:, np.asarray(tree.classes_, dtype=np.int64)] = shares
    return spread


def _member(g: Graph, member: Any, columns: list[int], classes: int, block: Block) -> str:
    """Return one member's probabilities or vote, (rows, classes)."""
    answers = answer(g, member, _seen(g, block, columns))
    if not hasattr(member, "predict_proba"):
        return g.op("Cast", is_label(g, answers["prediction"], np.arange(classes)), to=TensorProto.DOUBLE)
    chances = asked(answers, member, "predict_proba").name
    if len(member.classes_) == classes:
        return chances
    place = np.zeros((len(member.classes_), classes))
    place[np.arange(len(place)), np.asarray(member.classes_, dtype=np.int64)] = 1.0
    return g.op("MatMul", chances, place)


def _scores(g: Graph, model: Any, block: Block) -> dict[str, Result]:
    """Return the mean of the members' scores, where all of them score the same classes."""
    results = []
    for member, columns in _members(model):
        answers = answer(g, member, _seen(g, block, columns))
        if "scores" not in answers:
            return {}
        results.append(answers["scores"])
    if len({result.width for result in results}) > 1:
        return {}
    total = added(g, [result.name for result in results])
    return {"scores": Result(g.op("Div", total, np.array(float(len(results)))), width=results[0].width)}
