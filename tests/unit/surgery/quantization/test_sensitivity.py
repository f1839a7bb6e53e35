"""Which layers stay in float."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPRegressor

from mlship.optimization import Candidate, Task
from mlship.quality import Budget
from mlship.surgery.graph import Graph
from mlship.surgery.quantization.layers import Layer, layers
from mlship.surgery.quantization.narrowing import narrow
from mlship.surgery.quantization.preparing import as_matmul
from mlship.surgery.quantization.sensitivity import within_budget
from tests.unit.optimize_support import task_for

DIGITS, NUMBERS = load_digits(return_X_y=True)
#: Noise by layer, relative to its weights: layers of 8,192, of 12,288 and of 96 weights.
Noise = tuple[float, float, float]


@pytest.fixture(scope="module")
def given() -> tuple[Candidate, Task]:
    model = MLPRegressor(hidden_layer_sizes=(128, 96), max_iter=100, tol=1.0, n_iter_no_change=30, random_state=0).fit(
        DIGITS[:600], NUMBERS[:600]
    )
    return task_for(model, DIGITS[600:900])


def coarse(model: onnx.ModelProto, noise: Noise, chosen: Sequence[Layer]) -> onnx.ModelProto:
    """Return ``model`` with noise on the weights of ``chosen`` as if they had few bits."""
    graph, draw = Graph(model), np.random.default_rng(0)
    for layer in chosen:
        node = graph.producer(layer.value)
        weights = graph.constants[node.input[1]]
        off = draw.normal(size=weights.shape) * weights.std() * noise[layer.number - 1]
        graph.constants[node.input[1]] = (weights + off).astype(np.float32)
    return graph.model()


def kept(given: tuple[Candidate, Task], noise: Noise, drop: float = 0.001, seconds: float = 60) -> list[int] | None:
    base, task = given
    task = replace(task, budget=Budget(drop, None, None), left=lambda: seconds)
    model = as_matmul(narrow(base.model))
    found = within_budget(lambda chosen: coarse(model, noise, chosen), layers(Graph(model)), task)
    return None if found is None else [layer.number for layer in found.kept]


def test_no_layer_stays_where_all_are_within_the_budget(given: tuple[Candidate, Task]) -> None:
    assert kept(given, (0.3, 0.01, 0.01), drop=0.9) == []


@pytest.mark.parametrize(("noise", "worst"), [((0.3, 0.001, 0.001), [1]), ((0.3, 0.001, 0.2), [1, 3])])
def test_the_fewest_of_the_worst_layers_stay_in_float(
    given: tuple[Candidate, Task], noise: Noise, worst: list[int]
) -> None:
    assert kept(given, noise) == worst


def test_nothing_is_found_where_too_few_weights_would_remain(given: tuple[Candidate, Task]) -> None:
    assert kept(given, (0.001, 0.3, 0.001)) is None


def test_it_stops_when_time_is_up(given: tuple[Candidate, Task]) -> None:
    assert kept(given, (0.3, 0.001, 0.001), seconds=0) is None
