"""Trees in blocks answer as before to the last bit, whatever the kind of ensemble, or they are left alone."""

from typing import Any

import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.blocks import split
from mlship.surgery.rewrites.trees import REWRITES
from mlship.surgery.trees import ensembles, read
from tests.unit.surgery.tree_models import CLASSES, ROWS, answers, converted, same

VALUES = ROWS @ np.arange(6.0)

#: Models, and nodes of trees that blocks of 1 and of 4 trees make of them.
MODELS: dict[str, tuple[Any, int, int]] = {
    "counts": (RandomForestClassifier(10, random_state=0), 10, 3),
    "shares": (RandomForestClassifier(10, max_depth=3, random_state=0), 10, 3),
    "fractions": (HistGradientBoostingRegressor(max_iter=10), 11, 11),
    "means": (RandomForestRegressor(10, random_state=0), 10, 10),
    "classes": (GradientBoostingClassifier(n_estimators=5), 30, 30),
}


def fitted(name: str) -> Any:
    model = MODELS[name][0]
    return model.fit(ROWS, CLASSES if hasattr(model, "predict_proba") else VALUES * np.pi)


@pytest.mark.parametrize("rewritten", [False, True], ids=["as converted", "rewritten"])
@pytest.mark.parametrize("name", MODELS)
def test_blocks_change_no_bit(name: str, rewritten: bool) -> None:
    graph = converted(fitted(name))
    before, one_before = answers(graph), answers(graph, ROWS[:1])
    for rewrite in REWRITES if rewritten else ():
        rewrite(graph)
    for trees_a_node in (1, 4):
        copy = Graph(graph.model())
        split(copy, trees_a_node)
        assert same(answers(copy), before)
        assert same(answers(copy, ROWS[:1]), one_before)


@pytest.mark.parametrize("name", MODELS)
def test_a_node_gets_as_many_trees_as_asked_for_where_sums_are_exact(name: str) -> None:
    graph = converted(fitted(name))
    for trees_a_node, expected in zip((1, 4), MODELS[name][1:], strict=True):
        copy = Graph(graph.model())
        assert split(copy, trees_a_node) == expected == len(ensembles(copy))


def test_a_shared_forest_is_split_into_other_blocks() -> None:
    graph = converted(RandomForestClassifier(30, max_depth=4, random_state=0).fit(ROWS, CLASSES))
    before = answers(graph)
    for rewrite in REWRITES:
        rewrite(graph)
    assert split(graph, 7) == 5
    assert [len(read(node).sizes) for node in ensembles(graph)] == [7, 7, 7, 7, 2]
    assert same(answers(graph), before)


def test_one_tree_is_left_alone() -> None:
    graph = converted(DecisionTreeClassifier(random_state=0).fit(ROWS, CLASSES > 0))
    assert split(graph, 1) == 0


def test_regressors_of_the_old_kind_are_split() -> None:
    graph = Graph(old(GradientBoostingRegressor(n_estimators=10).fit(ROWS, VALUES)))
    before = answers(graph)
    assert split(graph, 1) == 10
    assert same(answers(graph), before)


def test_classifiers_of_the_old_kind_are_left_alone() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, CLASSES)
    assert split(Graph(old(model, options={id(model): {"zipmap": False}})), 1) == 0


def old(model: Any, **options: Any) -> Any:
    return to_onnx(model, ROWS[:1].astype(np.float32), target_opset={"": 17, "ai.onnx.ml": 3}, **options)
