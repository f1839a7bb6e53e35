"""What counts as missing in Python objects: NaN and pandas.NA, which do not equal themselves, and None."""

from typing import Any


def is_nan(value: Any) -> bool:
    """Say whether ``value`` is NaN or pandas.NA."""
    try:
        return value is not None and not bool(value == value)  # noqa: PLR0124
    except TypeError:  # pandas.NA == pandas.NA has no truth value
        return True


def is_null(value: Any) -> bool:
    """Say whether ``value`` is None, NaN or pandas.NA."""
    return value is None or is_nan(value)
