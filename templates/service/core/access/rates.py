"""How often one sender may ask."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address
from threading import Lock
from time import monotonic


class Rates:
    """A token bucket for each sender: ``rate`` requests a second, and at least one, may come at once.

    Each worker counts for itself: as many workers let through as many times the rate. Buckets are kept for ``most``
    senders; beyond that, the one that was silent for longest is forgotten, and starts anew with a full bucket.

    A bucket is one number, the time at which it will be full again: the "theoretical arrival time" of the generic cell
    rate algorithm (ITU-T I.371, annex A.1).
    """

    def __init__(self, rate: float, most: int = 10_000, clock: Callable[[], float] = monotonic) -> None:
        self._every = 1 / rate
        self._burst = max(1.0, rate) * self._every
        self._most = most
        self._clock = clock
        self._full: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def take(self, sender: str) -> float:
        """Take a token of ``sender`` and return 0.0, or return in how many seconds there will be one."""
        now = self._clock()
        with self._lock:
            full = max(self._full.get(sender, now), now) + self._every
            wait = full - now - self._burst
            if wait > 1e-9:
                return wait
            self._full[sender] = full
            self._full.move_to_end(sender)
            if len(self._full) > self._most:
                self._full.popitem(last=False)
            return 0.0


def network(client: str) -> str:
    """Return who is behind an address: of IPv6 the network of 64 bits, which is the least that one host is given."""
    if ":" not in client:
        return client
    try:
        address = IPv6Address(client)
    except ValueError:
        return client
    return str(address.ipv4_mapped or address.packed[:8].hex())
