"""What the heads of requests say, remembered: clients send the same one over and over, and it means the same each time.

To read a head, find its route and check what it says of the body takes as long as to answer a small request.
"""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from core.exchange import check_body
from core.fronts.answering import Way, way
from core.http import Head
from core.router import Found
from core.service import Service

_MOST, _HEADER = 256, 64  # heads; bytes that a header takes beside its own
T = TypeVar("T")


class Known(NamedTuple):
    """A head with nothing wrong in it, the route that was found for it, and how it is answered."""

    head: Head
    found: Found
    by: Way


def known(service: Service, head: Head, limit: int) -> Known | None:
    """Return what a head says that is followed by a body; None for one that asks for something else.

    Raises InvalidRequestError for what is wrong with it, as a body of more than ``limit`` bytes.
    """
    if head.method != "POST" or head.path in service.own or not service.router.knows(head.path):
        return None
    route, parameters = service.router.find(head.method, head.path)
    if route.open or not route.takes:
        return None
    check_body(head, route, limit)
    return Known(head, (route, parameters), way(service, route, head))


class Memory(Generic[T]):
    """Keeps what was learnt from a few heads, none of which takes more than about 4 KiB; full, it begins anew."""

    def __init__(self) -> None:
        self.known: dict[Hashable, T] = {}

    def keep(self, head: Hashable, size: int, headers: int, learnt: T) -> None:
        """Remember what was learnt from a head of ``size`` bytes, in so many ``headers``."""
        if size + _HEADER * headers <= 4096:
            if len(self.known) == _MOST:
                self.known.clear()
            self.known[head] = learnt
