"""How many workers a service gets: as many as the processors and the memory that it may use allow.

Sources: control groups, cpu.max and memory.max of version 2, cpu.cfs_quota_us, cpu.cfs_period_us and
memory.limit_in_bytes of version 1 (the Linux kernel's admin-guide/cgroup-v2 and scheduler/sched-bwc).
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

# Bytes that a worker takes, beside its model: twice as much as with a small one, which is 70 MB. A loaded model takes
# more than its file.
_WORKER, _LOADED = 150 * 2**20, 3


def count(asked: str, model: Path, root: Path = Path("/")) -> int:
    """Return the number of workers: ``asked``, or, where that is "auto", what fits for the model folder ``model``.

    That is one for each ``threads(model)`` processors, less where memory is limited, and never less than one.
    ``root`` is where the files of control groups are looked for. Raises ValueError for anything else.
    """
    if asked != "auto":
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 5) or int(asked) < 1:
            raise ValueError(f"WORKERS={asked!r} is neither a positive whole number nor auto")
        return int(asked)
    each = threads(model)
    if not each:
        return 1
    files = sum(path.stat().st_size for path in model.glob("*") if path.is_file())
    most = memory(root) // (_WORKER + _LOADED * files)
    return max(1, min(int(processors(root) / each), most))


def processors(root: Path = Path("/")) -> float:
    """Return how many processors this process may use: the quota of its control groups, and its affinity."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [float(usable)]
    for folder in _folders("cpu", root):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdecimal() for word in words):  # "max" and -1 set no limit
            quotas.append(int(words[0]) / int(words[1]))
    return min(quotas)


def memory(root: Path = Path("/")) -> int:
    """Return how many bytes this process may use: the limit of its control groups, else what the machine has."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [2**63]
    for folder in _folders("memory", root):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        limits += [int(word) for word in words if word.isdecimal()]
    return min(limits)


def threads(model: Path) -> int:
    """Return how many threads work on one answer of a model (0: ONNX Runtime takes a thread for each processor)."""
    try:
        told = json.loads((model / "session.json").read_bytes())
        pools = [told.get("intra_op_num_threads", 1)]
        if told.get("execution_mode") == "parallel":
            pools.append(told.get("inter_op_num_threads", 1))
        return max(*pools, told.get("parallel_blocks", 1)) if all(pools) else 0
    except (OSError, ValueError, TypeError, AttributeError):  # what is wrong with it is told when it is loaded
        return 1


def environment(model: Path, workers: int, root: Path = Path("/")) -> dict[str, str]:
    """Return how many threads the libraries of each of ``workers`` shall start, as environment variables.

    They would take one for each processor of the machine, though a container may use few of them; with ONNX Runtime
    they have nothing to do.
    """
    share = int(processors(root) / workers) if (model / "native.json").exists() else 1
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(max(1, share)))


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups that this process is in, up to the tops of their trees.

    A limit of any of them counts. Inside a container the tops may be all that can be seen.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        inside = [part for part in path.split("/") if part not in {"", ".."}]
        for depth in range(len(inside), -1, -1):
            yield top.joinpath(*inside[:depth])


def _words(path: Path) -> list[str]:
    return _text(path).split()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""
