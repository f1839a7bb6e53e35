"""Rewritten trees answer as before to the last bit, for odd numbers too, and are what the rewrite promises."""

from typing import Any

import lightgbm
import numpy as np
import onnx
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.rewrites.lookups import share
from mlship.surgery.rewrites.narrow import narrow, part_targets
from mlship.surgery.rewrites.thresholds import fold_casts, fold_scalers
from mlship.surgery.rewrites.tree_shapes import simplified, simplify
from mlship.surgery.rewrites.trees import REWRITES, equal_trees, unread_features
from mlship.surgery.trees import ensembles, read
from tests.unit.surgery.tree_models import CLASSES, ROWS, answers, converted, graph_of, same, trees

MISSING = np.where(np.random.default_rng(1).random(ROWS.shape) < 0.1, np.nan, ROWS)
VALUES = ROWS @ np.arange(6.0)

MODELS: dict[str, Any] = {
    "counted forest": lambda: RandomForestClassifier(12, random_state=0).fit(ROWS, CLASSES),
    "forest of shares": lambda: RandomForestClassifier(20, max_depth=4, random_state=0).fit(MISSING, CLASSES),
    "forest of several values": lambda: RandomForestRegressor(40, max_depth=4).fit(ROWS, ROWS[:, :3] * np.pi),
    "boosted classes": lambda: GradientBoostingClassifier(n_estimators=12).fit(ROWS, CLASSES),
    "lightgbm": lambda: lightgbm.LGBMClassifier(n_estimators=8, verbose=-1).fit(MISSING, CLASSES),
    "xgboost": lambda: xgboost.XGBRegressor(n_estimators=8).fit(MISSING, VALUES),
    "scaled forest": lambda: make_pipeline(
        StandardScaler(), RandomForestClassifier(15, max_depth=4, random_state=0)
    ).fit(MISSING, CLASSES),
    "scaled by columns": lambda: make_pipeline(
        make_column_transformer((StandardScaler(), [0, 1]), (MinMaxScaler(), [2, 3, 5])),
        GradientBoostingRegressor(n_estimators=8),
    ).fit(ROWS, VALUES),
    "scaled doubles": lambda: make_pipeline(RobustScaler(), HistGradientBoostingRegressor(max_iter=8)).fit(
        MISSING, VALUES
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_all_rewrites_together_change_no_bit(name: str) -> None:
    graph = converted(MODELS[name]())
    before = answers(graph)
    for rewrite in REWRITES:
        rewrite(graph)
    assert same(answers(graph), before)


def test_leaves_that_say_the_same_are_merged_up_to_the_root() -> None:
    node = trees([0], [(0, 3.0, 1, 2), (1, 1.0, -1, -2), (1, 1.0, -3, -4)], [5.0, 7.0, 5.0, 7.0])
    graph = graph_of(node)
    before = answers(graph, ROWS[:, :2])
    assert simplify(graph) == 4
    assert same(answers(graph, ROWS[:, :2]), before)


def test_trees_that_differ_are_left_as_they_are() -> None:
    graph = graph_of(trees([0], [(0, 3.0, 1, 2), (1, 1.0, -1, -2), (1, 1.5, -3, -4)], [5.0, 7.0, 5.0, 7.0]))
    assert simplify(graph) == 0


@pytest.mark.parametrize(
    ("inner", "tracks", "nodes"),
    [
        ((0, 5.0, -1, -2), [0, 0], 3),  # NaN is not <= 3, so it does not get there
        ((0, 5.0, -1, -2), [1, 0], 5),  # NaN gets there, and goes the other way
        ((0, 5.0, -1, -2), [1, 1], 3),
        ((0, 2.0, -1, -2), [0, 0], 5),
        ((1, 5.0, -1, -2), [0, 0], 5),
    ],
    ids=["implied", "but for NaN", "NaN too", "undecided", "another feature"],
)
def test_a_branch_goes_where_no_row_takes_it(inner: Any, tracks: list[int], nodes: int) -> None:
    node = trees([0], [(0, 3.0, 1, -3), inner], [1.0, 2.0, 3.0], nodes_missing_value_tracks_true=tracks)
    assert len(simplified(read(node)).left) == nodes
    rows = np.array([[2.0, 9.0], [4.0, 0.0], [np.nan, 0.0], [3.0, 3.0], [2.5, 1.0]])
    graph = graph_of(node)
    before = answers(graph, rows)
    simplify(graph)
    assert same(answers(graph, rows), before)


def test_a_branch_goes_where_a_grandparent_on_the_other_side_decides_it() -> None:
    nodes = [(0, 3.0, -1, 1), (1, 0.0, -2, 2), (0, 2.0, -3, -4)]
    tracks = [1, 0, 0]
    node = trees([0], nodes, [1.0, 2.0, 3.0, 4.0], nodes_missing_value_tracks_true=tracks)
    assert sorted(simplified(read(node)).weight.tolist()) == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("weights", "left"), [([1.0, 2.0, 4.0], 2), ([0.1, 0.2, 0.3], 3)], ids=["exact in any order", "not exact"]
)
def test_constants_are_joined_where_the_sum_stays_the_same(weights: list[float], left: int) -> None:
    nodes = [(0, 0.0, -1, -1), (0, 0.0, -2, -3), (0, 0.0, -4, -4)]
    node = trees([0, 1, 2], nodes, [weights[0], weights[1], weights[1] * 2, weights[2]])
    assert len(simplified(read(node)).sizes) == left


def test_constants_that_come_first_are_joined_in_any_case() -> None:
    node = trees([0, 1, 2], [(0, 0.0, -1, -1), (0, 0.0, -2, -2), (0, 0.0, -3, -4)], [0.1, 0.2, 0.3, 0.4])
    graph = graph_of(node)
    before = answers(graph, ROWS[:, :2])
    simplify(graph)
    assert len(read(ensembles(graph)[0]).sizes) == 2
    assert same(answers(graph, ROWS[:, :2]), before)


def test_a_scaler_goes_into_the_thresholds() -> None:
    graph = converted(MODELS["scaled forest"]())
    fold_scalers(graph)
    graph.tidy()
    assert ensembles(graph)[0].input[0] == next(iter(graph.inputs))
    assert not {"Sub", "Cast"} & {node.op_type for node in graph.nodes[:1]}


@pytest.mark.parametrize("steps", [("Mul", -0.3), ("Div", -7.0), ("From", 0.7), ("Mul", 1e-200), ("Add", 1e17)])
@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("tracks", [0, 1])
def test_thresholds_move_to_the_last_number_that_decides_alike(
    steps: tuple[str, float], rounded: bool, tracks: int
) -> None:
    kind, constant = steps
    graph, rows = scaled(kind, constant, rounded, tracks)
    before = answers(graph, rows)
    assert fold_scalers(graph) > 0
    graph.tidy()
    assert [node.op_type for node in graph.nodes] == ["TreeEnsemble"]
    assert same(answers(graph, rows), before)


def scaled(kind: str, constant: float, rounded: bool, tracks: int) -> tuple[Graph, np.ndarray[Any, Any]]:
    """Return one split on column 1 after a step, and rows around where it flips."""
    threshold, splitting = 0.3, trees([0], [(1, 0.3, -1, -2)], [1.0, 2.0], nodes_missing_value_tracks_true=[tracks])
    by = onnx.numpy_helper.from_array(np.array([[1.0, constant]]), "by")
    inputs = ["by", "x"] if kind == "From" else ["x", "by"]
    chain = [onnx.helper.make_node("Sub" if kind == "From" else kind, inputs, ["scaled"])]
    for target in (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE) if rounded else ():
        chain.append(onnx.helper.make_node("Cast", [chain[-1].output[0]], [f"as{target}"], to=target))
    splitting.input[0] = chain[-1].output[0]
    graph = graph_of(*chain, splitting)
    graph.constants["by"] = onnx.numpy_helper.to_array(by)
    at = {"Mul": threshold / constant, "Div": threshold * constant, "From": constant - threshold}.get(kind, -constant)
    around = at + np.spacing(at) * np.arange(-40, 41)
    wide = at * (1 + np.linspace(-1e-6, 1e-6, 4001))
    odd = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324]
    column = np.concatenate([around, wide, odd])
    return graph, np.stack([np.zeros_like(column), column], axis=1)


@pytest.mark.parametrize("constant", [0.0, np.inf, np.nan])
def test_a_scaler_that_makes_numbers_alike_stays(constant: float) -> None:
    graph, rows = scaled("Mul", 0.5, rounded=False, tracks=0)
    graph.constants["by"] = np.array([[1.0, constant]])
    before = answers(graph, rows)
    assert fold_scalers(graph) == 0
    assert same(answers(graph, rows), before)


def test_a_forest_whose_leaves_hold_several_values_is_stored_once() -> None:
    graph = converted(MODELS["forest of shares"]())
    before, size = answers(graph), graph.model().ByteSize()
    assert share(graph) == 20 * 4
    assert same(answers(graph), before)
    assert graph.model().ByteSize() < size / 2.5


def test_answers_of_a_shared_forest_do_not_depend_on_the_number_of_threads() -> None:
    graph = converted(MODELS["forest of several values"]())
    before = answers(graph)
    assert share(graph)
    assert same(answers(graph, threads=2), before)


def test_a_few_trees_are_not_shared() -> None:
    graph = converted(RandomForestClassifier(3, max_depth=3, random_state=0).fit(ROWS, CLASSES))
    assert share(graph) == 0


def test_counted_trees_on_rounded_input_are_stored_in_single_precision() -> None:
    graph = converted(RandomForestClassifier(12, random_state=0).fit(ROWS, CLASSES > 0))
    before = answers(graph)
    assert narrow(graph) == 1
    assert attributes(ensembles(graph)[0])["nodes_splits"].dtype == np.float32
    assert same(answers(graph), before)


def test_trees_that_add_up_fractions_stay_in_double_precision() -> None:
    graph = converted(MODELS["boosted classes"]())
    assert narrow(graph) == 0
    assert fold_casts(graph) == 2


def test_targets_of_large_ensembles_get_nodes_of_their_own() -> None:
    model = GradientBoostingClassifier(n_estimators=60, max_depth=5).fit(ROWS, CLASSES)
    graph = converted(model)
    before = answers(graph)
    assert part_targets(graph) == len(model.classes_)
    assert same(answers(graph), before)


def test_features_that_no_tree_reads_are_named() -> None:
    ensemble = read(trees([0], [(4, 3.0, -1, 1), (1, 1.0, -2, -3)], [5.0, 7.0, 5.0]))
    assert unread_features(ensemble, 6) == [0, 2, 3, 5]


def test_equal_trees_are_counted() -> None:
    nodes = [(0, 3.0, -1, -2), (0, 3.0, -1, -2), (0, 3.0, -1, -3)]
    assert equal_trees(read(trees([0, 1, 2], nodes, [5.0, 7.0, 8.0]))) == 1
