"""Rows as CSV (RFC 4180): in by name or by position, out with or without a header.

The module ``csv`` reads it; what a cell may be is decided here.
"""

import contextlib
import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.bodies.check import too_many_rows
from core.bodies.columns import Values
from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid, shown
from core.runtime.signature import Column

FORM = "csv"

#: A cell that stands for a flag: as Python, R, spreadsheets and SQL write them.
_FLAGS = {"": math.nan, "0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "false": 0.0, "true": 1.0}
_EXPECTED = {"number": "a number", "integer": "a whole number", "boolean": "true, false, 1 or 0"}
# float() takes more than this: nan, inf, 1_000, and digits of other scripts. No digit can be matched in two ways, as
# trying them all would take for ever.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)


def columns(body: bytes, wanted: Sequence[Column], max_rows: int, header: str = "") -> list[Values]:
    """Return the values of each of the ``wanted`` columns: NaN or None where a cell is empty and may be.

    ``header`` is "present", "absent", or "" where the first line decides: it is a header when it holds the name of a
    column. Without a header the cells are in the order of the columns. Raises InvalidRequestError (400, 422).
    """
    try:
        text = body.decode("utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        raise invalid(("body", error.start), "the body is not UTF-8", "csv_invalid", status=400) from error
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = [column.name for column in wanted]
    try:
        first = next(lines, [])
        named = header == "present" or (not header and _is_header(first, names))
        order = _order(first, names) if named else list(range(len(names)))
        rows = [*([] if named or not first else [first]), *islice(lines, max_rows + 1)]
    except csv.Error as error:
        told = f"line {lines.line_num} is not CSV: {error}"
        raise invalid(("body", FORM, lines.line_num), told, "csv_invalid", status=400) from error
    if not rows:
        raise invalid(("body", FORM), "at least one row is expected", "too_short")
    if len(rows) > max_rows:
        raise too_many_rows(FORM, len(rows), max_rows)
    _check_widths(rows, len(names))
    cells = list(zip(*rows, strict=True))
    return _parsed([cells[at] for at in order], wanted)


def write(arrays: dict[str, Sequence[Any]], *, header: bool) -> bytes:
    """Return columns as CSV, by name and of one length; what is None or NaN becomes an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(arrays)
    writer.writerows([_written(value) for value in row] for row in zip_longest(*arrays.values()))
    return text.getvalue().encode()


def _written(value: Any) -> Any:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return "" if isinstance(value, float | np.floating) and not np.isfinite(value) else value


def _is_header(first: Sequence[str], names: Sequence[str]) -> bool:
    if not set(first) & set(names):
        return False
    if all(_NUMBER.fullmatch(cell) for cell in first):
        told = "the first line may be a header or a row: say header=present or header=absent in the Content-Type"
        raise invalid(("body", FORM), told, "header")
    return True


def _order(header: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return at which position each of the ``names`` is in the header."""
    known, counts = set(names), Counter(header)
    problems = [
        Problem(("body", FORM, name), "this column is missing", "missing") for name in names if name not in counts
    ]
    for name, count in islice(counts.items(), len(names) + MOST_PROBLEMS):
        if name not in known:
            problems.append(Problem(("body", FORM, name), "there is no such column", "extra_forbidden"))
        elif count > 1:
            problems.append(Problem(("body", FORM, name), "this column is given more than once", "duplicate"))
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    return [header.index(name) for name in names]


def _check_widths(rows: Sequence[Sequence[str]], width: int) -> None:
    if set(map(len, rows)) == {width}:
        return
    wrong = ((number, len(row)) for number, row in enumerate(rows) if len(row) != width)
    raise InvalidRequestError(
        [
            Problem(
                ("body", FORM, number),
                f"{width} values are expected, found {found}",
                "too_short" if found < width else "too_long",
            )
            for number, found in islice(wrong, MOST_PROBLEMS)
        ]
    )


def _parsed(cells: Sequence[Sequence[str]], wanted: Sequence[Column]) -> list[Values]:
    found: list[Values] = []
    problems: list[Problem] = []
    for column, texts in zip(wanted, cells, strict=True):
        if column.type == "string":
            found.append([text or None for text in texts] if column.nullable else list(texts))
            continue
        values = _flags(texts) if column.type == "boolean" else _numbers(texts)
        strays = islice(_strays(texts, values), MOST_PROBLEMS)
        problems += [
            Problem(
                ("body", FORM, row, column.name), f"{_EXPECTED[column.type]} is expected, not {shown(text)}", "cell"
            )
            for row, text in strays
        ]
        found.append(values)
    if problems:
        raise InvalidRequestError(sorted(problems, key=_row)[:MOST_PROBLEMS])
    return found


def _row(problem: Problem) -> int:
    return int(problem.loc[2])


def _flags(texts: Sequence[str]) -> NDArray[np.float64]:
    known = {text: _FLAGS.get(text.strip().lower(), math.nan) for text in set(texts)}
    return np.array([known[text] for text in texts])


def _numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the numbers, NaN for what is none."""
    joined = "".join(texts)
    if "_" not in joined and joined.isascii():
        with contextlib.suppress(ValueError):
            return np.array([float(text) if text else math.nan for text in texts])
    return np.array([float(text) if _NUMBER.fullmatch(text) else math.nan for text in texts])


def _strays(texts: Sequence[str], values: NDArray[np.float64]) -> Iterator[tuple[int, str]]:
    """Yield number and text of the cells that hold something, and no value."""
    for row in np.flatnonzero(np.isnan(values)).tolist():
        if texts[row]:
            yield row, texts[row]
