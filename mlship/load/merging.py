"""Put together what the processes of a job tell."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from mlship.load.answers import VARIANTS
from mlship.load.histograms import Histogram
from mlship.load.job import Result, Slice
from mlship.load.tally import Counted

#: Latencies that are kept as they came, 8 bytes each, before they are put into histograms.
_MOST = 8_000_000


class Merging:
    """Slices of ``processes``, by number; ``tell`` is called with each one that all have told.

    Without ``tell``, histograms are made when the load is over: on a machine with few cores, that takes time from the
    service or the generator while they run.
    """

    def __init__(self, processes: int, tell: Callable[[Slice], None] | None) -> None:
        self._processes, self._tell = processes, tell
        self._counted: dict[int, list[Counted]] = {}
        self._kept = 0
        self._slices: list[Slice] = []

    def add(self, counted: Counted) -> None:
        """Add a slice of one process; each process tells its slices in order."""
        together = self._counted.setdefault(counted.number, [])
        together.append(counted)
        self._kept += len(counted.latencies)
        if len(together) == self._processes and (self._tell or self._kept > _MOST):
            self._merge([number for number, told in self._counted.items() if len(told) == self._processes])

    def result(self, results: Sequence[Result]) -> Result:
        """Put results together with the slices; those that not all have told count too."""
        self._merge(list(self._counted))
        answers, dropped = _answers(results)
        return Result(
            slices=self._slices,
            seconds=max(result.seconds for result in results),
            sent=sum(result.sent for result in results),
            answers=answers,
            unchecked=sum(result.unchecked for result in results) + dropped,
            reconnected=sum(result.reconnected for result in results),
            late=sum(result.late for result in results),
            waited=sum(result.waited for result in results),
            connections=sum(result.connections for result in results),
            busy_share=max(result.busy_share for result in results),
            processes=len(results),
            failures=dict(sum((Counter(result.failures) for result in results), Counter())),
            failed={kind: words for result in reversed(results) for kind, words in result.failed.items()},
        )

    def _merge(self, numbers: Sequence[int]) -> None:
        for number in sorted(numbers):
            together = self._counted.pop(number)
            self._kept -= sum(len(counted.latencies) for counted in together)
            self._slices.append(merged(together))
            if self._tell:
                self._tell(self._slices[-1])


def merged(together: Sequence[Counted]) -> Slice:
    """Return what was counted in the same slice, at least once, as one."""
    histogram = Histogram()
    for counted in together:
        histogram.add(np.frombuffer(counted.latencies, dtype=np.int64))
    return Slice(
        second=together[0].second,
        seconds=max(counted.seconds for counted in together),
        answers=sum(counted.answers for counted in together),
        failures=sum(counted.failures for counted in together),
        histogram=histogram.encode(),
    )


def _answers(results: Sequence[Result]) -> tuple[list[list[bytes]], int]:
    """Return the distinct answers by body, and how many are too many."""
    by_body = zip(*(result.answers for result in results), strict=True)
    distinct = [list(dict.fromkeys(itertools.chain(*seen))) for seen in by_body]
    return [seen[:VARIANTS] for seen in distinct], sum(max(len(seen) - VARIANTS, 0) for seen in distinct)
