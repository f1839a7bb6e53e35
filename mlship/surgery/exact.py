"""When sums of tree leaves are exact whatever their order, and thresholds that decide alike in single precision."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.surgery.trees import LEQ, LT, Ensemble

Floats = NDArray[np.floating[Any]]

#: Integers up to 2**bits are exact.
_BITS = {np.dtype(np.float64): 53, np.dtype(np.float32): 24}


def sums_exactly(ensemble: Ensemble, dtype: type[np.floating[Any]] | None = None) -> bool:
    """Say whether any sum of one leaf a tree is exact in ``dtype`` (by default that of the weights).

    That is so where all weights are multiples of one power of two, and few enough of it: counts, and class shares of
    pure leaves.
    """
    kind = np.dtype(dtype or ensemble.weight.dtype)
    weight = ensemble.weight.astype(np.float64)
    if not len(weight) or not np.isfinite(weight).all() or not np.array_equal(weight.astype(kind), weight):
        return False
    unit = _unit(weight)
    largest = np.zeros(len(ensemble.sizes))
    np.maximum.at(largest, ensemble.tree[ensemble.node], np.abs(weight))
    return bool((largest / unit).sum() <= 2.0 ** _BITS[kind])


def only_leq(ensemble: Ensemble) -> Ensemble | None:
    """Return the ensemble with ``x < t`` told as ``x <= the number before t``; None where nodes compare otherwise."""
    inner = ~ensemble.leaf
    if not np.isin(ensemble.mode[inner], (LEQ, LT)).all() or np.isnan(ensemble.threshold[inner]).any():
        return None
    less = inner & (ensemble.mode == LT)
    before = np.nextafter(ensemble.threshold, ensemble.threshold.dtype.type(-np.inf))
    if np.isneginf(ensemble.threshold[less]).any():
        return None
    return replace(
        ensemble, threshold=np.where(less, before, ensemble.threshold), mode=np.where(less, LEQ, ensemble.mode)
    )


def single(ensemble: Ensemble) -> Ensemble:
    """Return an ensemble of ``only_leq`` with float32 thresholds that decides alike for values that are float32."""
    threshold = ensemble.threshold
    with np.errstate(over="ignore"):
        near = threshold.astype(np.float32)
    above = near.astype(np.float64) > threshold
    below = np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
    return replace(ensemble, threshold=below, weight=ensemble.weight.astype(np.float32))


def _unit(values: NDArray[np.float64]) -> float:
    """Return the largest power of two that all ``values`` are multiples of; 1 where all are 0."""
    some = values[values != 0.0]
    if not len(some):
        return 1.0
    fraction, exponent = np.frexp(some)
    digits = np.abs(fraction * 2.0**53).astype(np.int64)
    lowest = digits & -digits
    return float(np.ldexp(lowest.astype(np.float64), exponent - 53).min())
