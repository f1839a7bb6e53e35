import numpy as np
import onnx
import pytest
from onnx.parser import parse_model
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlship.quality import Budget
from mlship.runtime import Session
from mlship.surgery.graph import Graph
from mlship.surgery.pruning.layers import layers
from mlship.surgery.pruning.networks import counts, narrower, orders, without
from mlship.surgery.pruning.search import Search
from tests.unit.optimize_support import task_for

X, Y = load_digits(return_X_y=True)
A, B, YA, YB = X[:900], X[900:], Y[:900], Y[900:]
HEAD = '<ir_version: 8, opset_import: ["" : 20]> g (float[N, 4] x) => (float[N, 2] y)'


def network(body, **weights):
    model = parse_model(f"{HEAD} {{ {body} }}")
    rng = np.random.default_rng(0)
    for name, shape in weights.items():
        values = rng.normal(size=shape).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return model


def answers(model, rows):
    return Session(model.SerializeToString()).run({"x": rows})["y"]


ROWS = np.random.default_rng(1).normal(size=(300, 4)).astype(np.float32)
BODIES = {
    "matmul": ("h = MatMul(x, a) b = Add(h, c) r = Relu(b) y = MatMul(r, d)", {"a": (4, 8), "c": 8, "d": (8, 2)}),
    "gemm": (
        "h = Gemm<transB = 1>(x, a, c) r = Tanh(h) y = Gemm<transB = 1>(r, d, e)",
        {"a": (8, 4), "c": 8, "d": (2, 8), "e": 2},
    ),
    "silu": (
        "h = Gemm(x, a, c) s = Sigmoid(h) r = Mul(h, s) m = MatMul(r, d) y = Add(m, e)",
        {"a": (4, 8), "c": 8, "d": (8, 2), "e": (1, 2)},
    ),
    "two readers": (
        "h = MatMul(x, a) r = Relu(h) p = MatMul(r, d) q = MatMul(r, e) y = Add(p, q)",
        {"a": (4, 8), "d": (8, 2), "e": (8, 2)},
    ),
}
FIXED = {
    "no second matrix": ("h = MatMul(x, a) y = Relu(h)", {"a": (4, 2)}),
    "skipped connection": ("h = MatMul(x, a) r = Relu(h) s = Add(r, x) y = MatMul(s, d)", {"a": (4, 4), "d": (4, 2)}),
    "softmax": ("h = MatMul(x, a) r = Softmax(h) y = MatMul(r, d)", {"a": (4, 8), "d": (8, 2)}),
    "scaled gemm": ("h = Gemm<alpha = 2.0>(x, a) r = Relu(h) y = MatMul(r, d)", {"a": (4, 8), "d": (8, 2)}),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_neuron_that_never_fires_goes_first_and_without_a_trace(name):
    body, weights = BODIES[name]
    model = network(body, **weights)
    graph = Graph(model)
    (layer,) = layers(graph)
    dead = 3
    for item in model.graph.initializer:
        values = onnx.numpy_helper.to_array(item).copy()
        if item.name == "a":
            values[(dead, slice(None)) if values.shape == (8, 4) else (slice(None), dead)] = 0
        elif item.name == "c":
            values[dead] = 0
        item.CopyFrom(onnx.numpy_helper.from_array(values, item.name))
    (order,) = orders(model, {"x": ROWS})
    assert (layer.width, order.gone[0]) == (8, dead)
    pruned = without(model, [order], [1])
    assert [layer.width for layer in layers(Graph(pruned))] == [7]
    np.testing.assert_allclose(answers(pruned, ROWS), answers(model, ROWS), atol=1e-5)


@pytest.mark.parametrize("name", FIXED)
def test_neurons_stay_where_something_else_depends_on_their_number(name):
    body, weights = FIXED[name]
    assert layers(Graph(network(body, **weights))) == []


def test_what_copies_another_neuron_is_made_up_for_by_that_one():
    model = network(BODIES["gemm"][0], a=(4, 4), c=4, d=(2, 4), e=2)
    for item in model.graph.initializer[:2]:
        values = onnx.numpy_helper.to_array(item).copy()
        values[3] = values[1]
        item.CopyFrom(onnx.numpy_helper.from_array(values, item.name))
    (order,) = orders(model, {"x": ROWS})
    assert order.gone[0] in {1, 3}
    lost = answers(without(model, [order], [1]), ROWS) - answers(model, ROWS)
    assert np.abs(lost).max() < 0.05


def test_neurons_that_cost_the_least_go_first_whatever_their_layer():
    model = make_pipeline(
        StandardScaler(), MLPClassifier((40, 30), max_iter=20, tol=1e9, n_iter_no_change=15, random_state=0)
    ).fit(A, YA)
    base, task = task_for(model, B)
    found = orders(base.model, task.fit.inputs)
    assert [len(order.mean) for order in found] == [40, 30]
    gone = counts(found, 20)
    assert sum(gone) == 20
    pruned = without(base.model, found, gone)
    assert [layer.width for layer in layers(Graph(pruned))] == [40 - gone[0], 30 - gone[1]]


def test_a_network_gets_really_smaller_within_the_budget():
    model = make_pipeline(StandardScaler(), MLPClassifier((128,), tol=1e9, n_iter_no_change=50, random_state=0)).fit(
        A, YA
    )
    base, task = task_for(model, B, YB)
    search = Search(task.fit, task.signature, Budget(0.01, None, None), task.quality, task.left)
    pruned = next(narrower(base.model, search))
    assert pruned.model.ByteSize() < base.model.ByteSize() / 1.5
    assert pruned.facts["neurons_before"] == 128
    assert task.quality(pruned.model).drop <= 0.01


def test_rows_with_missing_values_are_left_out_of_the_count():
    body, weights = BODIES["matmul"]
    model = network(body, **weights)
    holed = ROWS.copy()
    holed[::2, 0] = np.nan
    (order,) = orders(model, {"x": holed})
    assert np.isfinite(order.error).all()
    (empty,) = orders(model, {"x": np.full_like(ROWS, np.nan)})
    assert len(empty.gone) == 0


def test_no_neurons_go_when_time_is_up():
    body, weights = BODIES["matmul"]
    (order,) = orders(network(body, **weights), {"x": ROWS}, goes_on=lambda: False)
    assert len(order.gone) == 0
