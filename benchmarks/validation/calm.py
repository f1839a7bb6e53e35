"""Keep the rest of the machine out of a measurement of some tenths of a millisecond, as far as it lets us."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

_SPIN = "import os\nwhile os.getppid() == {parent}:\n    for _ in range(100000): pass"


@contextlib.contextmanager
def calm(core: int) -> Iterator[str]:
    """Put this process, and all that it starts, on ``core``, with real-time priority where that is allowed.

    A process of the lowest priority keeps the core from sleeping: on a virtual machine it takes 0.1 ms and more to wake
    up. Gives a sentence on what was done.
    """
    os.sched_setaffinity(0, {core})
    with subprocess.Popen([sys.executable, "-c", _SPIN.format(parent=os.getpid())]) as spinning:
        os.sched_setscheduler(spinning.pid, os.SCHED_IDLE, os.sched_param(0))
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
            told = "with real-time priority"
        except PermissionError:
            told = "without real-time priority (not allowed)"
        try:
            yield f"load on core {core}, which is kept awake, {told}"
        finally:
            if os.sched_getscheduler(0) == os.SCHED_FIFO:
                os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
            spinning.kill()
