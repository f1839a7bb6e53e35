"""Takes neurons out of networks, so that the matrices get smaller, and lets the neurons that stay make up for them.

The order is that of structured Optimal Brain Surgeon: take out what adds the least squared error to the next layer's
sums on given rows, when the neurons that stay are refitted to them by least squares (Hassibi, Stork, Wolff 1993; for
whole neurons and layer by layer: Dong, Chen, Pan 2017). It needs the second moments of the activations and no training.
A neuron that never fires on these rows (Hu et al. 2016) costs nothing, one with small weights (Li et al. 2017) little.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import Graph
from mlship.surgery.pruning.layers import Layer, add_bias, keep_columns, layers, matrix, set_matrix
from mlship.surgery.pruning.search import Pruned, Search, grid, sizes
from mlship.surgery.pruning.values import observed

Doubles = NDArray[np.float64]

#: Ridge of the least squares, as a share of the variance of each neuron: there may be fewer rows than neurons.
_RIDGE = 0.01
#: Neurons are taken out one by one in layers up to this width, and in as many steps in wider ones.
_STEPS = 512


@dataclass(frozen=True)
class Order:
    """In which order the neurons of one layer go: ``gone`` (neurons - 1,), ``error`` (neurons - 1,).

    ``error``: share of the variance of the next layer's sums that is lost once that neuron is gone too. ``mean`` and
    ``covariance`` of the activations are (neurons,) and (neurons, neurons).
    """

    gone: NDArray[np.intp]
    error: Doubles
    mean: Doubles
    covariance: Doubles


def orders(
    model: onnx.ModelProto, inputs: Mapping[str, NDArray[Any]], *, goes_on: Callable[[], bool] = lambda: True
) -> list[Order]:
    """Return for each layer of ``model`` in which order its neurons should go, as judged on rows of the inputs.

    Layers that are not reached before ``goes_on`` says no keep all of their neurons.
    """
    graph = Graph(model)
    found = layers(graph)
    activations = observed(model, list({layer.hidden for layer in found}), inputs)
    return [_order(graph, layer, activations[layer.hidden], goes_on) for layer in found]


def counts(found: Sequence[Order], total: int) -> list[int]:
    """Return how many neurons each layer loses when ``total`` go, those first that cost the least."""
    errors = np.concatenate([np.maximum.accumulate(order.error) for order in found])
    owner = np.repeat(np.arange(len(found)), [len(order.error) for order in found])
    first = np.argsort(errors, kind="stable")[:total]
    return [int(count) for count in np.bincount(owner[first], minlength=len(found))]


def without(model: onnx.ModelProto, found: Sequence[Order], gone: Sequence[int]) -> onnx.ModelProto:
    """Return ``model`` without the first ``gone`` neurons of each layer's order, what reads them refitted."""
    graph = Graph(model)
    for place, (order, count) in enumerate(zip(found, gone, strict=True)):
        if count:
            _take_out(graph, layers(graph)[place], order, order.gone[:count])
    return graph.model()


def narrower(model: onnx.ModelProto, search: Search) -> Iterator[Pruned]:
    """Yield the model with fewer neurons, the smallest first, as far as the budget allows.

    The order is found on two thirds of the rows, and how many can go is judged on the rest too.
    """
    seen = np.flatnonzero(np.arange(len(search.rows)) % 3 != 0)
    found = orders(model, search.rows.take(seen).inputs, goes_on=search.goes_on)
    whole, free = sum(len(order.mean) for order in found), sum(len(order.gone) for order in found)

    def pruned(size: int) -> onnx.ModelProto:
        return without(model, found, counts(found, whole - size))

    fewest = max(search.fewest, whole - free)
    for size in sizes(grid(fewest, whole), lambda size: search.quality(pruned(size)), search):
        facts = {"neurons": size, "neurons_before": whole}
        yield Pruned(f"{size:,} of {whole:,} neurons", pruned(size), facts)


def _take_out(graph: Graph, layer: Layer, order: Order, gone: NDArray[np.intp]) -> None:
    """Remove neurons; gone activations are estimated as mean + (kept - mean) @ mix, which folds into the readers."""
    kept = np.setdiff1d(np.arange(layer.width), gone)
    inner = order.covariance[np.ix_(kept, kept)] + _ridge(order.covariance)[np.ix_(kept, kept)]
    mix = np.linalg.solve(inner, order.covariance[np.ix_(kept, gone)])
    rest = order.mean[gone] - order.mean[kept] @ mix
    for reader in layer.readers:
        weights = matrix(graph, reader)
        assert weights is not None
        kind = weights.dtype
        set_matrix(graph, reader, (weights[kept] + mix @ weights[gone]).astype(kind))
        add_bias(graph, reader, (rest @ weights[gone]).astype(kind))
    keep_columns(graph, layer, kept)


def _order(graph: Graph, layer: Layer, activations: NDArray[Any], goes_on: Callable[[], bool]) -> Order:
    values = activations.reshape(-1, layer.width).astype(np.float64)
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return Order(np.empty(0, dtype=np.intp), np.empty(0), np.zeros(layer.width), np.eye(layer.width))
    mean = values.mean(axis=0)
    covariance = (values - mean).T @ (values - mean) / len(values)
    weights = np.concatenate([w for node in layer.readers if (w := matrix(graph, node)) is not None], axis=1)
    gone, errors = _greedy(covariance, weights.astype(np.float64), goes_on)
    return Order(gone, errors, mean, covariance)


def _greedy(covariance: Doubles, weights: Doubles, goes_on: Callable[[], bool]) -> tuple[NDArray[np.intp], Doubles]:
    """Take out what costs least, refit the rest, and so on; the last neuron stays."""
    width = len(covariance)
    inverse = np.linalg.inv(covariance + _ridge(covariance))
    whole = max(float(np.einsum("io,ij,jo->", weights, covariance, weights)), np.finfo(np.float64).tiny)
    left, gone, errors, lost = np.arange(width), [], [], 0.0
    step = -(-width // _STEPS)
    while len(left) > step and goes_on():
        cost = (weights**2).sum(axis=1) / np.diag(inverse)
        worst = np.argsort(cost, kind="stable")[:step]
        rest = np.delete(np.arange(len(left)), worst)
        pivot = np.linalg.solve(inverse[np.ix_(worst, worst)], inverse[np.ix_(worst, rest)])
        removed = np.linalg.solve(inverse[np.ix_(worst, worst)], weights[worst])
        lost += float(np.sum(weights[worst] * removed))
        weights = weights[rest] - inverse[np.ix_(rest, worst)] @ removed
        inverse = inverse[np.ix_(rest, rest)] - inverse[np.ix_(rest, worst)] @ pivot
        gone.append(left[worst])
        errors.append(np.full(len(worst), lost / whole))
        left = left[rest]
    if not gone:
        return left[:0], np.empty(0)
    return np.concatenate(gone), np.concatenate(errors)


def _ridge(covariance: Doubles) -> Doubles:
    variance = np.diag(covariance)
    return np.diag(_RIDGE * variance + _RIDGE**4 * variance.mean() + np.finfo(np.float64).tiny)
