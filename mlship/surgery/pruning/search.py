"""Finds how much can be left out: what a search is given, and the smallest size that is within the budget."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from mlship.quality import Budget, Quality, Rows
from mlship.signature import Signature

#: Shares of the budget that are spent on the rows to search on: others may lose more than these do.
SHARES = (0.75, 0.35, 0.0)

#: By how many times a candidate is larger than the one before it, at least.
_STEP = 1.6
#: Share of the whole that a candidate may have left.
_MOST = 0.85


@dataclass(frozen=True)
class Search:
    """What there is to search with.

    ``rows`` with the answers of the whole model; ``quality`` of a model on them; ``left``: seconds that remain;
    ``fewest``: trees, rounds of boosting or neurons of a layer that stay in any case.
    """

    rows: Rows
    signature: Signature
    budget: Budget
    quality: Callable[[onnx.ModelProto], Quality]
    left: Callable[[], float]
    fewest: int = 1

    def goes_on(self) -> bool:
        """Say whether there is time."""
        return self.left() > 0


@dataclass(frozen=True)
class Pruned:
    """A smaller model; ``name``: what is left, in a few words; ``facts``: JSON values."""

    name: str
    model: onnx.ModelProto
    facts: Mapping[str, Any] = field(default_factory=dict)


def grid(low: int, high: int) -> list[int]:
    """Return sizes from ``low`` to 85 % of ``high``, beyond which little is gained, each 12 % above the last."""
    if low > _MOST * high:
        return []
    found = np.geomspace(low, _MOST * high, 2 + int(np.log(_MOST * high / low) / np.log(1.12)))
    return [int(size) for size in np.unique(found.astype(int))]


def sizes(candidates: Sequence[int], quality: Callable[[int], Quality], search: Search) -> Iterator[int]:
    """Yield for each share of the budget the smallest of ``candidates`` (ascending) that keeps within it.

    The next larger one must be within it too: that one is could be luck. Small ones are tried first, as they are cheap;
    when time is up, nothing more is found.
    """
    known: dict[int, Quality] = {}
    start = 0
    for share in SHARES:
        budget = share_of(search.budget, share)
        for place in range(start, len(candidates)):
            for size in candidates[place : place + 2]:
                if size not in known:
                    if not search.goes_on():
                        return
                    known[size] = quality(size)
            if not any(budget.objection(known[size]) for size in candidates[place : place + 2]):
                yield candidates[place]
                start = next(
                    (i for i, size in enumerate(candidates) if size >= _STEP * candidates[place]), len(candidates)
                )
                break


def share_of(budget: Budget, share: float) -> Budget:
    """Return a budget that allows ``share`` of what ``budget`` does."""
    limits = (budget.accuracy_drop, budget.label_changes, budget.score_change)
    return Budget(*(None if limit is None else limit * share for limit in limits))
