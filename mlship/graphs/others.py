"""Converters that other packages bring: entry points of the group ``mlship.graphs``.

The name of an entry point is the public name of the estimator's class ("acme_steps.Winsorizer"), its value the function
("acme_steps.graph:winsorizer"), with the parameters and results of our own: see ``dispatch``. Our own come first.
"""

from functools import cache
from importlib.metadata import EntryPoint, entry_points

GROUP = "mlship.graphs"


@cache
def found() -> dict[str, EntryPoint]:
    """Return the entry points by public class name, without importing them."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.value)}


def brought_by(point: EntryPoint) -> str:
    """Name the distribution of an entry point, with its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "another package"
