"""When the requests of an open loop are intended to be sent: nanoseconds since the start, without an end."""

import itertools
import random
from collections.abc import Iterator

_SECOND = 1e9


def constant(rate: float, first: int = 0) -> Iterator[int]:
    """Yield moments at equal distances, ``rate`` a second, from ``first`` nanoseconds on."""
    return (first + int(number * _SECOND / rate) for number in itertools.count())


def poisson(rate: float, seed: int) -> Iterator[int]:
    """Yield moments of a Poisson process of ``rate`` a second: what independent clients do, in bursts and pauses."""
    draw = random.Random(seed)  # noqa: S311
    waits = (draw.expovariate(rate) * _SECOND for _ in itertools.count())
    return (int(moment) for moment in itertools.accumulate(waits))
