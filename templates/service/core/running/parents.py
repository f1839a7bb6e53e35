"""A process that ends when the one that started it is gone, even where that was killed."""

import os
import signal
import sys
from collections.abc import Callable
from threading import Thread
from time import sleep

#: The variable by which a process tells those that it starts who it is.
PARENT = "SERVICE_PARENT_PID"
_POLL = 0.1


def follow(
    parent: int, meanwhile: Callable[[], None] = lambda: None, at_last: Callable[[], None] = lambda: None
) -> None:
    """Interrupt this process when the process ``parent`` is gone, after a call of ``at_last``.

    As long as it is there, call ``meanwhile`` ten times a second.
    """

    def watch() -> None:
        if sys.platform != "win32":  # they are for the threads that heed them
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while os.getppid() == parent:
            sleep(_POLL)
            meanwhile()
        at_last()
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=watch, daemon=True).start()
