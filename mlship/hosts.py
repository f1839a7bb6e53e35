"""What kind of machine a measurement was made on, and what it was worth at that moment."""

import math
import os
import platform
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import psutil

_GOVERNOR = "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"


def fingerprint(distributions: Iterable[str] = ()) -> dict[str, Any]:
    """Describe the machine that a measurement was made on, and the versions of the given distributions, as JSON values.

    ``cores`` are those that the kernel shows, ``usable_cores`` those that this process may run on (affinity),
    ``quota_cores`` what its control group is limited to (None: no limit), ``governor`` how the kernel sets the clock of
    the first core (None: it does not tell). These are the fields of ``mlship.reports.model.Host``.
    """
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu_model": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "usable_cores": _affinity(),
        "quota_cores": quota(),
        "governor": governor(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "libraries": {name: found for name in sorted(distributions) if (found := _version(name))},
    }


def reference(rounds: int = 15) -> tuple[float, ...]:
    """Return the seconds that a fixed piece of work took, ``rounds`` times; about 20 ms each on a core of today.

    It stands for what a service spends its time on: a third in the interpreter, a third in numpy's arithmetic on one
    thread, a third in moving memory that no cache holds. So it tells what this machine was worth at that moment, and
    the ratio of two of them what one machine is worth against another, as far as their work is alike: a hint of the
    order of ten percent, not a conversion. The work is the same in every release of mlship, for it is what links them.
    """
    work = _Work()
    work.run()  # pages are touched and code is warm from here on
    return tuple(work.run() for _ in range(rounds))


def usable_cores(root: Path = Path("/")) -> int:
    """Return how many threads this process can keep running: as affinity allows, and its quota in full."""
    return max(math.floor(min(_affinity(), quota(root) or math.inf)), 1)


def quota(root: Path = Path("/")) -> float | None:
    """Return how many cores the control groups (version 1 or 2) allow this process, None for no limit.

    The smallest limit on the way up holds. Source: kernel documentation, cgroup-v2 "cpu.max" and sched-bwc.
    """
    mount, limits = root / "sys/fs/cgroup", [math.inf]
    for controllers, path in _cgroups(root).items():
        if not controllers:
            pairs = [_numbers(folder / "cpu.max") for folder in _upwards(mount, path)]
        elif "cpu" in controllers.split(","):
            folders = _upwards(mount / controllers, path) + _upwards(mount / "cpu", path)
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            pairs = [[*_numbers(folder / names[0]), *_numbers(folder / names[1])] for folder in folders]
        else:
            continue
        limits += [pair[0] / pair[1] for pair in pairs if len(pair) == 2 and pair[1] > 0]
    return None if math.isinf(min(limits)) else min(limits)


def governor(root: Path = Path("/")) -> str | None:
    """Return how the kernel sets the clock of the first core (performance, powersave, ...), None where it is silent."""
    try:
        return (root / _GOVERNOR).read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


class _Work:
    """The reference kernel and what it works on."""

    def __init__(self) -> None:
        self._angles = np.linspace(0.0, 8.0, 100_000)
        self._source = np.arange(4_000_000, dtype=np.float64)
        self._target = np.empty_like(self._source)

    def run(self) -> float:
        """Do the work once; return its seconds."""
        started = time.perf_counter()
        counted: dict[int, int] = {}
        for number in range(75_000):
            counted[number % 97] = counted.get(number % 97, 0) + number
        for _ in range(4):
            np.sort(np.sin(self._angles) * np.exp(-self._angles))
        for _ in range(3):
            np.copyto(self._target, self._source)
        return time.perf_counter() - started


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = dict(line.split(":", 1) for line in lines if line.startswith(("model name", "Model", "Hardware")))
    return " ".join(next(iter(named.values()), platform.machine()).split())


def _cgroups(root: Path) -> dict[str, str]:
    """Return the path of this process by cgroup controller list; version 2 has the empty one."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines if line.count(":") >= 2}


def _upwards(mount: Path, path: str) -> list[Path]:
    """List a cgroup's folder and those above it; in a container only the mount itself may be there."""
    folder = mount / path.lstrip("/")
    return [folder, *(parent for parent in folder.parents if parent == mount or mount in parent.parents)]


def _numbers(file: Path) -> list[float]:
    """Read "max 100000" or "200000 100000" or "-1"; no limit is infinite, no file is an empty list."""
    try:
        words = file.read_text(encoding="ascii").split()
        return [math.inf if word in {"max", "-1"} else float(word) for word in words]
    except (OSError, ValueError):
        return []
