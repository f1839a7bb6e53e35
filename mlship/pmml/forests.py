"""Decision trees and forests of scikit-learn: TreeModel, and MiningModel for the mean of several."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.builder import NotOurs
from mlship.graphs.families.trees import shares_of, trees_of
from mlship.pmml.columns import Block, numbers, plain, row, single
from mlship.pmml.models import Answers, Model
from mlship.pmml.nodes import Node, position
from mlship.pmml.trees import Forest, body_of_sum, forest_inputs, tree_body
from mlship.pmml.xml import digits, element


def regressor(model: Any, block: Block) -> Answers:
    """Trees and forests with one target: the mean of the leaves."""
    members = _members(model)
    if model.n_outputs_ > 1:
        raise NotOurs("it has several targets")
    values = np.concatenate([tree.tree_.value[:, 0, 0] for tree in members])
    inputs, forest = _forest(members, block)

    def leaf(place: int) -> str:
        return f' score="{digits(values[place])}">'

    native = _model(inputs, forest, leaf, "regression", ())
    return Answers({"prediction": single(native.value())}, model=native)


def classifier(model: Any, block: Block) -> Answers:
    """Trees and forests with one target: the mean of the class shares of the leaves."""
    members = _members(model)
    if isinstance(model.classes_, list):
        raise NotOurs("it has several targets")
    classes = plain(model.classes_)
    if len(classes) == 1:
        raise NotOurs("it knows one class")
    shares = np.concatenate([shares_of(tree.tree_)[:, 0, : len(classes)] for tree in members])
    inputs, forest = _forest(members, block)

    def leaf(place: int) -> str:
        return _distribution(shares[place], classes)

    native = _model(inputs, forest, leaf, "classification", classes)
    chances = native.probabilities()
    index = position(chances, "max")
    return Answers({"prediction": single(index), "probabilities": row(chances)}, classes, index, native)


def _members(model: Any) -> list[Any]:
    return list(model.estimators_) if hasattr(model, "estimators_") else [model]


def _forest(members: Sequence[Any], block: Block) -> tuple[list[Node], Forest]:
    trees = trees_of(members)
    starts = np.cumsum(trees.sizes) - trees.sizes
    offset = np.repeat(starts, trees.sizes)
    leaf = trees.left < 0
    if leaf.all():
        raise NotOurs("it splits nothing")
    forest = Forest(
        starts,
        np.where(leaf, -1, trees.left + offset),
        np.where(leaf, -1, trees.right + offset),
        np.where(leaf, 0, trees.feature),
        np.asarray(trees.threshold, dtype=np.float64),
        trees.missing_left & ~leaf,
        {},
    )
    return forest_inputs([Node("float32", (value,)) for value in numbers(block)], forest)


def _model(inputs: Sequence[Node], forest: Forest, leaf: Any, function: Any, classes: tuple[Any, ...]) -> Model:
    if len(forest.roots) == 1:
        body, attributes = tree_body(forest, leaf), {"splitCharacteristic": "binarySplit"}
        return Model("TreeModel", function, inputs, body, attributes, classes)
    return Model("MiningModel", function, inputs, body_of_sum(forest, leaf, "average", function), {}, classes)


def _distribution(shares: NDArray[np.float64], classes: Sequence[Any]) -> str:
    parts = [
        element("ScoreDistribution", value=label, recordCount=float(share))
        for label, share in zip(classes, shares, strict=True)
    ]
    return (
        element("Node", "".join(parts), score=classes[int(shares.argmax())])
        .removeprefix("<Node")
        .removesuffix("</Node>")
    )
