"""The metrics of sklearn.neighbors, in the reduced form in which neighbours are compared there."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import distances
from mlship.graphs.arithmetic.norms import BLAS, Points
from mlship.graphs.builder import Graph, NotOurs

_SAME = {"l2": "euclidean", "p": "minkowski", "l1": "manhattan", "cityblock": "manhattan", "infinity": "chebyshev"}


@dataclass(frozen=True)
class Metric:
    """A metric by name; ``power`` is that of minkowski. ``expands``: scikit-learn computes it by way of products."""

    name: str
    power: float = 1.0
    expands: bool = False

    def reduced(self, g: Graph, x: str, points: Points) -> str:
        """Return (rows, points): distances without the last root."""
        match self.name:
            case "euclidean" | "sqeuclidean":
                result = (
                    distances.expanded(g, x, points, norms=BLAS) if self.expands else distances.squared(g, x, points)
                )
            case "manhattan":
                result = distances.manhattan(g, x, points)
            case "chebyshev":
                result = distances.chebyshev(g, x, points)
            case "minkowski":
                result = distances.minkowski(g, x, points, self.power)
            case "canberra":
                result = distances.canberra(g, x, points)
            case "hamming":
                result = g.op("Div", distances.unequal(g, x, points), np.array(float(points.shape[1])))
            case "cosine":
                result = distances.cosine(g, x, points)
            case _:
                raise NotOurs(f"metric='{self.name}'")
        return result

    def rooted(self, g: Graph, reduced: str) -> str:
        """Return distances from reduced ones."""
        match self.name:
            case "euclidean":
                return g.op("Sqrt", reduced)
            case "minkowski":
                return g.op("Pow", reduced, np.array(1.0 / self.power))
            case _:
                return reduced

    def limit(self, radius: float) -> float:
        """Return the reduced form of a distance."""
        match self.name:
            case "euclidean":
                return radius * radius
            case "minkowski":
                return float(radius**self.power)
            case _:
                return radius


def metric_of(model: Any) -> Metric:
    """Return the metric of a fitted estimator of sklearn.neighbors.

    Raises UnsupportedModelError for distances that are a function or given, NotOurs for metrics beyond these.
    """
    name, given = model.effective_metric_, dict(model.effective_metric_params_ or {})
    if callable(name) or name == "precomputed":
        raise UnsupportedModelError(
            f"{type(model).__name__} does not measure distances between rows by a metric that has a name",
            "train with one, such as metric='minkowski'",
        )
    power = float(given.pop("p", 2.0))
    if any(value is not None for value in given.values()):
        raise NotOurs(f"metric='{name}' with {', '.join(sorted(given))}")
    expands = model._fit_method == "brute" and name in ("euclidean", "sqeuclidean")
    return Metric(_SAME.get(name, name), power, expands)
