"""Write figures for people: three significant digits at most, with a unit that keeps them short."""

import math


def seconds(value: float) -> str:
    """Write a time: 12 µs, 1.2 ms, 310 ns, 2.5 s."""
    for factor, unit in ((1e9, "ns"), (1e6, "µs"), (1e3, "ms")):
        if value * factor < 999.5:
            return f"{number(value * factor)} {unit}"
    return f"{number(value)} s"


def tick(value: float) -> str:
    """Write a round time at an axis: 1 ms, 500 µs."""
    return seconds(value).replace(".0 ", " ")


def number(value: float) -> str:
    """Write a number with two significant digits, three from 100 on, thousands separated: 0.12, 1.2, 12, 314, 2,940."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    rounded = round(value, (2 if magnitude >= 2 else 1) - magnitude)
    if abs(rounded) >= 10:
        return f"{rounded:,.0f}"
    return f"{rounded:.{1 - math.floor(math.log10(abs(rounded)))}f}"


def size(value: float) -> str:
    """Write bytes in powers of ten: 12 kB, 1.5 MB."""
    for factor, unit in ((1.0, "B"), (1e3, "kB"), (1e6, "MB")):
        if value < factor * 999.5:
            return f"{number(value / factor)} {unit}"
    return f"{number(value / 1e9)} GB"


def times(value: float) -> str:
    """Write a factor: 310x, 12x, 1.25x."""
    return f"{value:.2f}x" if value < 9.95 else f"{number(value)}x"


def gain(speedup: float, than: str = "") -> str:
    """Say how much faster or slower: 310x faster, 1.25x slower than the original, as fast where no digit differs."""
    factor = times(max(speedup, 1 / speedup))
    if factor == "1.00x":
        return f"as fast as {than}" if than else "as fast"
    return f"{factor} {'faster' if speedup > 1 else 'slower'}" + (f" than {than}" if than else "")


def shrinkage(factor: float) -> str:
    """Say how much smaller or larger: 5.16x smaller, 1.20x larger, as large where no digit would differ."""
    words = times(max(factor, 1 / factor))
    return "as large" if words == "1.00x" else f"{words} {'smaller' if factor > 1 else 'larger'}"
