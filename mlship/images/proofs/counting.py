"""What the engine tells of a running container: its memory, and the processes that serve."""

from collections.abc import Mapping
from typing import Any

from docker.models.containers import Container


def stats(container: Container) -> Mapping[str, Any]:
    """Return what the engine counts at this moment; without memory where the container has ended."""
    told: Mapping[str, Any] = container.stats(stream=False, one_shot=True)
    return told


def resident(stats: Mapping[str, Any]) -> int:
    """Return the bytes of memory in use, as ``docker stats`` counts them: less the file cache that can go."""
    memory = stats.get("memory_stats", {})
    details = memory.get("stats", {})
    return max(
        0, int(memory.get("usage", 0)) - int(details.get("total_inactive_file", details.get("inactive_file", 0)))
    )


def charged(stats: Mapping[str, Any]) -> int:
    """Return the bytes that were held against the limit, file cache and all.

    That is the highest figure so far where the control group is of version 1, and the one of this moment elsewhere: of
    version 2 the engine does not tell memory.peak.
    """
    memory = stats.get("memory_stats", {})
    return int(memory["max_usage"] if tells_peak(stats) else memory.get("usage", 0))


def tells_peak(stats: Mapping[str, Any]) -> bool:
    """Say whether the engine keeps the highest figure itself."""
    return bool(stats.get("memory_stats", {}).get("max_usage"))


def serving(container: Container) -> frozenset[int]:
    """Return the numbers of the processes that serve.

    Those are the container's own where it started no others, else those at the ends of its tree: who starts workers
    does not serve. A health check is in no such tree.
    """
    table: Any = container.top()
    number, parent = (table["Titles"].index(title) for title in ("PID", "PPID"))
    return ends({int(row[number]): int(row[parent]) for row in table["Processes"]}, container.attrs["State"]["Pid"])


def ends(parents: Mapping[int, int], main: int) -> frozenset[int]:
    """Return the leaves of the tree of ``main``; ``parents`` has the parent of each process.

    An engine that counts as the container does has another number for ``main``: then that is the lowest.
    """
    if not parents:
        return frozenset()
    main = main if main in parents else min(parents)
    children = [child for child, parent in parents.items() if parent == main and child != main]
    return frozenset().union(*(ends(parents, child) for child in children)) if children else frozenset({main})
