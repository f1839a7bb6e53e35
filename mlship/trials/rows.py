"""Choose the golden rows that a measurement asks for, so that original, ONNX and service get the same ones."""

import numpy as np
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.replay import sendable

#: Different requests that take turns, of one row and of many: one row again and again flatters trees.
SINGLES, MANY, HUGE = 100, 10, 3

#: Rows from which on a request is huge: more than a few of them would only fill memory.
_HUGE = 1_000


def batches(golden: Golden, rows: int, seed: int) -> list[NDArray[np.int64]]:
    """Return batches of ``rows`` row numbers each, in random order; rows come again where there are too few.

    Stress rows are left out, and rows that JSON cannot carry, unless there are no others.
    """
    plain = np.array([not origin.startswith("stress") for origin in golden.origins], dtype=bool)
    usable = sendable(golden)
    chosen = next(found for found in (usable[plain[usable]], usable, np.arange(len(golden))) if len(found))
    shuffled = np.random.default_rng(seed).permutation(chosen)
    if rows == 1:
        return list(shuffled[:SINGLES, None])
    return list(np.resize(shuffled, (MANY if rows < _HUGE else HUGE, rows)))
