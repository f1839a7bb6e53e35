"""From logarithms of likelihoods, which can be far below what a double holds, to shares that sum to one."""

import numpy as np

from mlship.graphs.builder import Graph


def shares(g: Graph, logs: str) -> str:
    """Return exp(logs - log(sum(exp(logs)))) for each row of ``logs`` (rows, classes).

    The largest logarithm is taken out of the sum, as in scipy's logsumexp.
    """
    largest, below = _below_largest(g, logs)
    return g.op("Exp", g.op("Sub", logs, g.op("Add", _log_sum(g, below), largest)))


def shares_below_largest(g: Graph, logs: str) -> str:
    """Return the same, but with the largest logarithm of each row taken from its others first."""
    below = _below_largest(g, logs)[1]
    return g.op("Exp", g.op("Sub", below, _log_sum(g, below)))


def _below_largest(g: Graph, logs: str) -> tuple[str, str]:
    largest = g.op("ReduceMax", logs, np.array([1]), keepdims=1)
    return largest, g.op("Sub", logs, largest)


def _log_sum(g: Graph, below: str) -> str:
    return g.op("Log", g.op("ReduceSum", g.op("Exp", below), np.array([1]), keepdims=1))
