"""Tree ensembles that are read and written back answer as before; some of their trees can be kept."""

from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
from skl2onnx import to_onnx
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeRegressor

from mlship.errors import ModelError
from mlship.surgery.graph import Graph
from mlship.surgery.trees import MEMBER, ensembles, groups, keep, read, write
from tests.unit.surgery.tree_models import CLASSES, ODD, ROWS, answers, converted, graph_of, same, trees

MISSING = np.where(np.random.default_rng(1).random(ROWS.shape) < 0.1, np.nan, ROWS)
KINDS = ROWS.copy()
KINDS[:, 0] = np.random.default_rng(1).integers(0, 12, len(ROWS))

OURS = {
    "counted forest": lambda: converted(RandomForestClassifier(5, random_state=0).fit(ROWS, CLASSES)),
    "forest of shares": lambda: converted(RandomForestClassifier(5, max_depth=3, random_state=0).fit(MISSING, CLASSES)),
    "boosted": lambda: converted(HistGradientBoostingClassifier(max_iter=5).fit(MISSING, CLASSES)),
    "with categories": lambda: converted(
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, min_child_samples=5).fit(
            KINDS, CLASSES, categorical_feature=[0]
        ),
        KINDS,
    ),
}


def rewritten(graph: Graph) -> Graph:
    copy = Graph(graph.model())
    for node in ensembles(copy):
        copy.replace([node], [write(read(node), node)])
    return copy


@pytest.mark.parametrize("name", OURS)
def test_our_trees_read_and_written_answer_to_the_last_bit(name: str) -> None:
    graph = OURS[name]()
    assert same(answers(rewritten(graph)), answers(graph))


def test_trees_of_a_classifier_of_the_old_kind_answer_to_the_last_bit() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, CLASSES)
    made = to_onnx(
        model,
        ROWS[:1].astype(np.float32),
        target_opset={"": 17, "ai.onnx.ml": 3},
        options={id(model): {"zipmap": False}},
    )
    assert same(answers(rewritten(Graph(made))), answers(Graph(made)))


@pytest.mark.parametrize("model", [ExtraTreesRegressor(5), DecisionTreeRegressor()], ids=["forest", "tree"])
def test_trees_of_a_regressor_of_the_old_kind_answer_to_the_last_bit(model: Any) -> None:
    made = to_onnx(model.fit(ROWS, ROWS[:, :2]), ROWS[:1].astype(np.float32), target_opset={"": 17, "ai.onnx.ml": 3})
    assert same(answers(rewritten(Graph(made))), answers(Graph(made)))


def test_categories_are_read_with_their_nodes() -> None:
    ensemble = read(ensembles(OURS["with categories"]())[0])
    assert set(ensemble.members) == set(np.flatnonzero(ensemble.mode == MEMBER).tolist()) != set()


def test_trees_stand_one_after_the_other_with_their_roots_first() -> None:
    ensemble = read(ensembles(OURS["counted forest"]())[0])
    assert ensemble.sizes.sum() == len(ensemble.left)
    assert 0 not in np.concatenate([ensemble.left, ensemble.right])


def test_leaves_that_are_equal_are_stored_once() -> None:
    ensemble = read(node := ensembles(OURS["counted forest"]())[0])
    weights = next(item for item in write(ensemble, node).attribute if item.name == "leaf_weights")
    assert onnx.numpy_helper.to_array(weights.t).size < np.count_nonzero(ensemble.leaf) / 2


def test_both_children_of_a_node_are_never_one_leaf() -> None:
    graph = graph_of(trees([0], [(0, 0.5, -1, -2)], [3.0, 3.0]))
    written = {item.name: item for item in write(read(graph.nodes[0]), graph.nodes[0]).attribute}
    assert written["nodes_truenodeids"].ints[0] != written["nodes_falsenodeids"].ints[0]


def test_kept_trees_add_up_to_what_all_do() -> None:
    graph = converted(HistGradientBoostingClassifier(max_iter=6).fit(ROWS, CLASSES > 0))
    node = ensembles(graph)[0]
    ensemble = read(node)
    totals = []
    for part in (np.arange(3), np.arange(3, len(ensemble.sizes)), np.arange(len(ensemble.sizes))):
        only = write(keep(ensemble, part), node)
        only.input[0], only.output[0] = "x", "y"
        totals.append(answers(graph_of(only, width=6), ODD)[0])
    np.testing.assert_allclose(totals[0] + totals[1], totals[2], rtol=1e-12)


def test_kept_trees_come_in_the_order_that_was_asked_for() -> None:
    ensemble = read(ensembles(OURS["with categories"]())[0])
    order = np.array([4, 0, 4])
    kept = keep(ensemble, order)
    assert kept.sizes.tolist() == ensemble.sizes[order].tolist()
    again = keep(kept, np.array([1]))
    assert np.array_equal(again.weight, keep(ensemble, np.array([0])).weight)


def test_copies_of_a_tree_for_several_targets_are_one_group() -> None:
    graph = converted(RandomForestClassifier(7, max_depth=3, random_state=0).fit(ROWS, CLASSES))
    group = groups(read(ensembles(graph)[0]))
    assert np.array_equal(group, np.tile(np.arange(7), len(group) // 7))


def test_trees_of_one_target_are_groups_of_their_own() -> None:
    graph = converted(GradientBoostingClassifier(n_estimators=4, max_depth=1).fit(ROWS, CLASSES))
    ensemble = read(ensembles(graph)[0])
    assert np.array_equal(groups(ensemble), np.arange(len(ensemble.sizes)))


def test_what_is_no_tree_ensemble_is_refused() -> None:
    with pytest.raises(ModelError, match="'Gemm' is no tree ensemble"):
        read(onnx.helper.make_node("Gemm", ["x"], ["y"]))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (trees([0], [(0, 0.5, 7, -1)], [1.0]), "refers to a node that it does not have"),
        (trees([], [(0, 0.5, -1, -2)], [1.0, 2.0]), "lacks the attribute 'tree_roots'"),
        (trees([0], [(0, 0.5, 0, -1)], [1.0]), "is below itself"),
        (
            trees([0], [(0, 0.5, -1, -1)], [1.0], nodes_modes=onnx.numpy_helper.from_array(np.array([9], np.uint8))),
            "compares in mode 9",
        ),
    ],
    ids=["missing", "empty", "loop", "mode"],
)
def test_trees_that_make_no_sense_are_refused(node: onnx.NodeProto, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(node)


def test_fifty_thousand_trees_are_read_and_written() -> None:
    numbers = range(50_000)
    node = trees(list(numbers), [(i % 5, 0.5, -1 - i, -1 - i) for i in numbers], [float(i) for i in numbers])
    ensemble = read(write(read(node), node))
    assert ensemble.weight.tolist() == np.repeat(numbers, 2).tolist()
