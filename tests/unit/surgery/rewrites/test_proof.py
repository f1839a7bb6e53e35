"""Rewrites are kept where the graph answers as before."""

import numpy as np

from mlship.parity import DOUBLE
from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.products import fold_affine
from mlship.surgery.rewrites.proof import Proof, proven
from tests.unit.surgery.rewrites.graphs import graph, node

ROWS = {"x": np.random.default_rng(0).normal(size=(5, 3))}
MODEL = graph(
    [node("Mul", "x m", "c"), node("MatMul", "c W", "y")], {"m": np.full((1, 3), 2.0), "W": np.ones((3, 2))}
).model()


def wrong(graph: Graph) -> int:
    """Change a constant, once."""
    changed = [name for name, array in graph.constants.items() if (array == 1.0).all()]
    graph.constants.update({name: graph.constants[name] * 3 for name in changed})
    return len(changed)


def test_a_rewrite_that_changes_answers_is_dropped_and_named() -> None:
    proof = Proof(MODEL, [ROWS], DOUBLE)
    found = proven(MODEL, {"wrong": wrong, "affine": fold_affine}, proof.holds)
    assert found.dropped == ("wrong",)
    assert found.counts == {"affine": 1}
    assert (found.before, found.after) == (2, 1)
    assert proof.holds(found.model)


def test_rewrites_that_hold_are_all_kept() -> None:
    found = proven(MODEL, {"affine": fold_affine}, Proof(MODEL, [ROWS], DOUBLE).holds)
    assert found.dropped == ()


def test_rows_that_the_model_itself_refuses_prove_nothing() -> None:
    proof = Proof(MODEL, [{"x": np.ones((2, 7))}], DOUBLE)
    assert not proof.holds(MODEL)


def test_a_graph_that_does_not_load_does_not_hold() -> None:
    broken = Graph(MODEL)
    broken.constants["W"] = np.ones((9, 2))
    assert not Proof(MODEL, [ROWS], DOUBLE).holds(broken.model())


def test_the_model_that_was_given_stays_as_it_is() -> None:
    before = MODEL.SerializeToString(deterministic=True)
    proven(MODEL, {"wrong": wrong}, lambda model: True)
    assert MODEL.SerializeToString(deterministic=True) == before
