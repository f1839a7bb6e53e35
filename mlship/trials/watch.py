"""Watch the memory of a service while it is measured, from a thread of this process."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psutil

#: Seconds between looks at resident memory, at which processes there are, and at proportional memory: the last makes
#: the kernel walk all pages of the service while it holds up whoever wants to map memory there.
EVERY, FAMILY_EVERY, PSS_EVERY = 0.1, 1.0, 2.0


@dataclass(frozen=True)
class Memory:
    """Peaks in bytes, of a process and all that it has started, taken together; None: nothing could be read."""

    rss: int | None = None
    pss: int | None = None


class Watch:
    """Looks at a process family while its context lasts; without a ``pid`` it sees nothing.

    A peak between two looks is missed: processes that load and free memory within 0.1 s show less than they use.
    """

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._peak = Memory()
        self._now: int | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="watch", daemon=True)

    @property
    def rss(self) -> int | None:
        """Return the resident memory at the last look, in bytes."""
        return self._now

    @property
    def peak(self) -> Memory:
        """Return the peaks so far."""
        return self._peak

    def __enter__(self) -> Self:
        if self._pid is not None:
            self._family = _family(self._pid)
            self._look()
            self._look_close()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid is None:
            return
        self._ended.set()
        self._thread.join()
        self._look()
        self._look_close()

    def _look_on(self) -> None:
        family_at = pss_at = time.monotonic()
        while not self._ended.wait(EVERY):
            now = time.monotonic()
            if self._pid is not None and now - family_at >= FAMILY_EVERY:
                self._family, family_at = _family(self._pid), now
            self._look()
            if now - pss_at >= PSS_EVERY:
                self._look_close()
                pss_at = now

    def _look(self) -> None:
        self._now = self._sum(lambda process: int(process.memory_info().rss))
        self._peak = Memory(_larger(self._peak.rss, self._now), self._peak.pss)

    def _look_close(self) -> None:
        pss = self._sum(_proportional)
        self._peak = Memory(self._peak.rss, _larger(self._peak.pss, pss))

    def _sum(self, of: Callable[[psutil.Process], int]) -> int | None:
        found = []
        for process in self._family:
            with contextlib.suppress(psutil.Error):  # it has ended, or belongs to somebody else
                found.append(of(process))
        return sum(found) or None


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _proportional(process: psutil.Process) -> int:
    return int(getattr(process.memory_full_info(), "pss", 0))  # 0: only Linux knows it


def _larger(one: int | None, other: int | None) -> int | None:
    return max((value for value in (one, other) if value is not None), default=None)
