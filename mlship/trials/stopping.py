"""Ctrl-C while a benchmark runs: what was measured so far is worth a report."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets while the context lasts; a second one ends the process as ever.

    Outside the main thread, where Python takes no signals, nothing sets it.
    """
    stop = threading.Event()

    def tell(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, tell)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
