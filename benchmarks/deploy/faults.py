"""What happens to a copy of a stack: killed, frozen, slow, or out of memory."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.deploy.deployed import Deployed

_PERIOD = 100_000
#: The kernel ends the service (process 1), not the program that takes the memory beside it.
_GREEDY = """
open("/proc/1/oom_score_adj", "w").write("1000")
taken = []
while True:
    taken.append(bytearray(1 << 22))
"""


def kill(stack: Deployed, number: int) -> None:
    """Kill a copy, as kill -9 does."""
    os.kill(stack.copy(number).attrs["State"]["Pid"], signal.SIGKILL)


@contextmanager
def frozen(stack: Deployed, number: int) -> Iterator[None]:
    """Stop a copy in the middle of what it does."""
    copy = stack.copy(number)
    copy.pause()
    try:
        yield
    finally:
        copy.unpause()


@contextmanager
def slow(stack: Deployed, number: int) -> Iterator[None]:
    """Leave a copy a hundredth of a processor."""
    copy = stack.copy(number)
    before = copy.attrs["HostConfig"]["CpuQuota"]
    copy.update(cpu_period=_PERIOD, cpu_quota=_PERIOD // 100)
    try:
        yield
    finally:
        copy.update(cpu_period=_PERIOD, cpu_quota=before)


def out_of_memory(stack: Deployed, number: int) -> None:
    """Take all the memory that a copy may have, until the kernel ends it."""
    stack.copy(number).exec_run(["python3", "-c", _GREEDY])


def ended(stack: Deployed, number: int) -> int:
    """Return how often the engine has started a copy again that had ended by itself."""
    return int(stack.copy(number).attrs["RestartCount"])
