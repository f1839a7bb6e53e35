"""What is counted while a load runs, slice by slice."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass

_SECOND = 1e9
_WORDS = 200


@dataclass(frozen=True)
class Counted:
    """What one process counted in one slice: latencies in nanoseconds; those of ``failures`` that have one are last."""

    number: int
    second: float
    seconds: float
    answers: int
    failures: int
    latencies: "array[int]"


class Tally:
    """Latencies and failures from ``begin`` (nanoseconds) on, told in slices of equal length.

    The last slice lasts until the last answer has come, as those who were asked before the end are waited for.
    """

    def __init__(self, begin: int, seconds: float, slice_seconds: float, tell: Callable[[Counted], None]) -> None:
        self.begin, self._tell = begin, tell
        self._count = max(round(seconds / slice_seconds), 1)
        self._length = int(slice_seconds * _SECOND)
        self._number = 0
        #: When the slice under way ends, unless it is the last.
        self.next = begin + self._length
        self.failures: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self._failures = 0
        self._vain = array("q")
        self.latencies = array("q")

    def fail(self, kind: str, words: str, waited: int | None = None) -> None:
        """Count a failure, and keep the ``words`` of the first of its kind.

        Nanoseconds that somebody ``waited`` in vain are a latency too, without an answer.
        """
        if waited is not None:
            self._vain.append(waited)
        self._failures += 1
        self.failures[kind] = self.failures.get(kind, 0) + 1
        self.failed.setdefault(kind, words[:_WORDS])

    def turn(self, now: int) -> None:
        """Tell the slices that are over."""
        while now >= self.next and self._number < self._count - 1:
            self._close(self.next)
            self.next += self._length

    def end(self, now: int) -> None:
        """Tell the slice that is under way."""
        self._close(max(now, self.next - self._length + 1))

    def _close(self, end: int) -> None:
        start = self.begin + self._number * self._length
        second, seconds, answers = (start - self.begin) / _SECOND, (end - start) / _SECOND, len(self.latencies)
        told = Counted(self._number, second, seconds, answers, self._failures, self.latencies + self._vain)
        self.latencies, self._vain = array("q"), array("q")
        self._number, self._failures = self._number + 1, 0
        self._tell(told)
