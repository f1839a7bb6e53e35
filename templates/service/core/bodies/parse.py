"""JSON in two ways: a fast one that takes what is plainly right, and an exact one that says what is wrong where."""

import json
from collections import Counter
from typing import Any

import orjson

from core.problems import invalid

#: Parses JSON (RFC 8259, strict UTF-8, no NaN); raises ValueError. Of repeated keys it keeps the last.
parse_fast = orjson.loads


class RepeatedKeys(dict[str, Any]):
    """An object that names a key more than once: ``names`` are those keys."""

    names: tuple[str, ...] = ()


def parse_exactly(body: bytes) -> Any:
    """Parse JSON so that each fault can be named.

    Repeated keys come back as RepeatedKeys. NaN, Infinity and numbers that no double can hold come back as floats that
    are not finite. Raises InvalidRequestError where the text is not JSON or not UTF-8.
    """
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=float, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise invalid(("body", error.start), "the body is not UTF-8", "json_invalid", status=400) from error
    except json.JSONDecodeError as error:
        raise invalid(("body", error.pos), f"the body is not JSON: {error.msg}", "json_invalid", status=400) from error
    except RecursionError as error:
        raise invalid(("body",), "the body is nested too deeply", "json_invalid", status=400) from error


def is_text(value: str) -> bool:
    """Say whether a string holds characters alone: JSON can write half of one (a lone surrogate), UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    repeated = RepeatedKeys(content)
    repeated.names = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
    return repeated


def _integer(text: str) -> int | float:
    # The largest double has 309 digits; int() refuses texts of more than 4,300, and takes quadratic time below that.
    return int(text) if len(text) <= 310 else float(text)
