"""Latencies as HdrHistogram keeps them: 1 ns to an hour with three significant digits, added up across processes.

Source: HdrHistogram (Gil Tene), https://hdrhistogram.org, here with the library hdrhistogram.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from hdrh.histogram import HdrHistogram
from numpy.typing import NDArray

#: The longest latency that is told apart, in nanoseconds; what is longer counts as this.
LONGEST = 3_600_000_000_000

_DIGITS = 3
_SECOND = 1e9
#: Points of a curve for each halving of the distance to 100 %.
_TICKS = 5


class Histogram:
    """Counts of latencies; values that come out are seconds, at most 0.1 % above those that were recorded."""

    def __init__(self) -> None:
        self._kept = HdrHistogram(1, LONGEST, _DIGITS)

    @classmethod
    def decode(cls, *encoded: str) -> Self:
        """Return the sum of histograms that ``encode`` wrote."""
        histogram = cls()
        for text in encoded:
            histogram._kept.decode_and_add(text)
        return histogram

    def encode(self) -> str:
        """Write the histogram as base64 of HdrHistogram's compressed format, version 2."""
        return str(self._kept.encode().decode("ascii"))

    def add(self, nanoseconds: NDArray[np.int64]) -> None:
        """Count latencies, as ``record_value`` of the library does.

        For all of a slice that takes 4 ms, in which the generator would measure itself; this takes 0.2 ms. The index is
        the library's: values below twice the half count stand for themselves, and each doubling above has half as many
        places.
        """
        if not len(nanoseconds):
            return
        values, magnitude = np.clip(nanoseconds, 0, LONGEST), self._kept.sub_bucket_half_count_magnitude
        bits = np.frexp(values.astype(np.float64))[1]  # exact: an hour in nanoseconds is below 2**53
        bucket = np.maximum(bits - (magnitude + 1), 0)
        added = np.bincount((bucket << magnitude) + (values >> bucket))
        counts = np.frombuffer(self._kept.counts, dtype=np.int64)
        counts[: len(added)] += added
        used = np.flatnonzero(counts)
        self._kept.set_internal_tacking_values(int(used[0]), int(used[-1]), int(counts.sum()))

    @property
    def count(self) -> int:
        """How many latencies were counted."""
        return int(self._kept.get_total_count())

    @property
    def longest(self) -> float:
        """The longest latency in seconds; raises ValueError where none was counted."""
        self._refuse_none()
        return float(self._kept.get_max_value()) / _SECOND

    def percentiles(self, wanted: Sequence[float]) -> list[float]:
        """Return the latencies in seconds that the ``wanted`` percentages, 0 to 100, do not exceed.

        Raises ValueError where none was counted.
        """
        self._refuse_none()
        found = self._kept.get_percentile_to_value_dict(list(wanted))
        return [float(found[each]) / _SECOND for each in wanted]

    def curve(self) -> tuple[tuple[float, float], ...]:
        """Return (percentage, seconds), five for each halving of what is left to 100 %, up to the longest.

        This is what HdrHistogram plots on its logarithmic axis. Empty where nothing was counted.
        """
        if not self.count:
            return ()
        steps = self._kept.get_percentile_iterator(_TICKS)
        return tuple((float(step.percentile_level_iterated_to), step.value_iterated_to / _SECOND) for step in steps)

    def _refuse_none(self) -> None:
        if not self.count:
            raise ValueError("no latency was counted")
