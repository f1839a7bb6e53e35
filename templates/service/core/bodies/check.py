"""The exact way through a request: cell by cell, slow, and able to say what is wrong where.

It runs only after the fast way in ``core.bodies.decode`` has failed.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any

from numpy.typing import NDArray

from core.bodies.parse import RepeatedKeys, is_text
from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid, shown
from core.runtime.signature import MISSING_STRING, Column

Cell = float | str
Place = tuple[str | int, ...]

_FORMS = {"features", "records"}
_CATEGORIES_SHOWN = 20


def cells(
    document: Any, columns: Sequence[Column], largest: Mapping[str, float], max_rows: int, *, ranges: bool = False
) -> list[list[Cell]]:
    """Return the rows of a parsed body, each in the order of ``columns``; a missing value is NaN or MISSING_STRING.

    ``largest`` is the largest number that each ONNX input can hold; ``ranges`` says whether values must be among those
    that the column names. Raises InvalidRequestError with every problem, up to MOST_PROBLEMS.
    """
    form, rows = _form(document, max_rows)
    problems: list[Problem] = []
    found: list[list[Cell]] = []
    for number, row in enumerate(rows):
        place = ("body", form, number)
        values = _listed(row, place, columns) if form == "features" else _recorded(row, place, columns)
        if isinstance(values, dict):
            checked = [_cell(values[column.name], column, largest[column.tensor]) for column in columns]
            if ranges:
                checked = list(map(_in_range, checked, columns))
            problems += [_placed(cell, place) for cell in checked if isinstance(cell, Problem)]
            found.append([cell for cell in checked if not isinstance(cell, Problem)])
        else:
            problems += values
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    return found


def array_cells(
    arrays: Mapping[str, NDArray[Any]], columns: Sequence[Column], largest: Mapping[str, float], *, ranges: bool = False
) -> list[list[Cell]]:
    """Return the values of arrays by ONNX input, as ``Decoder.from_arrays`` takes them, each column in turn.

    ``largest`` and ``ranges`` as in ``cells``. Raises InvalidRequestError with every problem, up to MOST_PROBLEMS.
    """
    problems: list[Problem] = []
    found: list[list[Cell]] = []
    for column in columns:
        values = arrays[column.tensor][:, column.index].tolist()
        given = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
        checked = [_cell(value, column, largest[column.tensor]) for value in given]
        if ranges:
            checked = [_in_range(cell, column) for cell in checked]
        strange = ((row, cell) for row, cell in enumerate(checked) if isinstance(cell, Problem))
        problems += [_placed(cell, ("body", column.tensor, row)) for row, cell in islice(strange, MOST_PROBLEMS)]
        found.append([cell for cell in checked if not isinstance(cell, Problem)])
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    return found


def too_many_rows(form: str, rows: int, max_rows: int) -> InvalidRequestError:
    """Make the error for a request with more rows than allowed."""
    return invalid(("body", form), f"{rows} rows in one request, at most {max_rows} are allowed", "too_long")


def _form(document: Any, max_rows: int) -> tuple[str, list[Any]]:
    if not isinstance(document, dict):
        raise invalid(("body",), f"an object is expected, not {shown(document)}", "dict_type")
    given = sorted(_FORMS & document.keys())
    unknown = (
        Problem(("body", name), "there is no such field", "extra_forbidden") for name in document if name not in _FORMS
    )
    strange = list(islice(unknown, MOST_PROBLEMS))
    if not given:
        missing = Problem(("body", "features"), "rows are expected in 'features' or in 'records'", "missing")
        raise InvalidRequestError([missing, *strange][:MOST_PROBLEMS])
    if len(given) == 2:
        strange.append(Problem(("body", "records"), "give 'features' or 'records', not both", "extra_forbidden"))
    strange += _repeated(document, ("body",))
    if strange:
        raise InvalidRequestError(strange[:MOST_PROBLEMS])
    form, rows = given[0], document[given[0]]
    if not isinstance(rows, list):
        raise invalid(("body", form), f"a list of rows is expected, not {shown(rows)}", "list_type")
    if not rows:
        raise invalid(("body", form), "at least one row is expected", "too_short")
    if len(rows) > max_rows:
        raise too_many_rows(form, len(rows), max_rows)
    return form, rows


def _listed(row: Any, place: Place, columns: Sequence[Column]) -> dict[str, Any] | list[Problem]:
    if not isinstance(row, list):
        return [Problem(place, f"a list of {len(columns)} values is expected, not {shown(row)}", "list_type")]
    if len(row) != len(columns):
        kind = "too_short" if len(row) < len(columns) else "too_long"
        return [Problem(place, f"{len(columns)} values are expected, found {len(row)}", kind)]
    return {column.name: value for column, value in zip(columns, row, strict=True)}


def _recorded(row: Any, place: Place, columns: Sequence[Column]) -> dict[str, Any] | list[Problem]:
    if not isinstance(row, dict):
        return [Problem(place, f"an object with {len(columns)} fields is expected, not {shown(row)}", "dict_type")]
    names = {column.name for column in columns}
    problems = chain(
        (
            Problem((*place, column.name), "this field is missing", "missing")
            for column in columns
            if column.name not in row
        ),
        (Problem((*place, name), "there is no such field", "extra_forbidden") for name in row if name not in names),
        _repeated(row, place),
    )
    return list(islice(problems, MOST_PROBLEMS)) or row


def _repeated(content: dict[str, Any], place: Place) -> list[Problem]:
    names = content.names if isinstance(content, RepeatedKeys) else ()
    return [Problem((*place, name), "this field is given more than once", "duplicate") for name in names]


def _cell(value: Any, column: Column, largest: float) -> Cell | Problem:
    if value is None:
        if column.nullable:
            return MISSING_STRING if column.type == "string" else math.nan
        return Problem(
            (column.name,), f"{_article(column.type)} is expected, and null is not accepted here", _TYPES[column.type]
        )
    if column.type == "string":
        return _string(value, column)
    if column.type == "boolean":
        return _boolean(value, column)
    return _number(value, column, largest)


def _string(value: Any, column: Column) -> Cell | Problem:
    if not isinstance(value, str):
        return Problem((column.name,), f"a string is expected, not {shown(value)}", "string_type")
    if value == MISSING_STRING or not is_text(value):
        return Problem((column.name,), "the string has a code point that is not a character", "string_unicode")
    return value


def _boolean(value: Any, column: Column) -> Cell | Problem:
    # 0 and 1 lose nothing, and tables of mixed types are often written that way.
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return float(value)
    return Problem((column.name,), f"true or false is expected, not {shown(value)}", "bool_type")


def _number(value: Any, column: Column, largest: float) -> Cell | Problem:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Problem((column.name,), f"{_article(column.type)} is expected, not {shown(value)}", _TYPES[column.type])
    if isinstance(value, float) and math.isnan(value):
        return Problem((column.name,), "NaN is not JSON; null stands for a missing value", "finite_number")
    # Compared before float(), which raises for whole numbers beyond its range.
    if not -largest <= value <= largest:
        return Problem((column.name,), f"the number is beyond {largest:.4g}", "finite_number")
    if column.type == "integer" and value != math.floor(value):
        return Problem((column.name,), f"a whole number is expected, not {shown(value)}", "int_from_float")
    return float(value)


def _in_range(cell: Cell | Problem, column: Column) -> Cell | Problem:
    if isinstance(cell, str) and column.categories and cell not in {*column.categories, MISSING_STRING}:
        known = ", ".join(column.categories[:_CATEGORIES_SHOWN])
        more = f" and {len(column.categories) - _CATEGORIES_SHOWN} more" * (len(column.categories) > _CATEGORIES_SHOWN)
        return Problem((column.name,), f"one of {known}{more} is expected, not {shown(cell)}", "enum")
    if isinstance(cell, float):
        low, high = column.minimum, column.maximum
        if (low is not None and cell < low) or (high is not None and cell > high):
            limits = [
                f"{word} {_plain(limit)}" for word, limit in (("at least", low), ("at most", high)) if limit is not None
            ]
            message = f"a value of {' and '.join(limits)} is expected, not {_plain(cell)}"
            return Problem((column.name,), message, "out_of_range")
    return cell


def _plain(number: float) -> str:
    return repr(number).removesuffix(".0")


def _placed(problem: Problem, place: Place) -> Problem:
    return Problem((*place, *problem.loc), problem.msg, problem.type)


_TYPES = {"number": "float_type", "integer": "int_type", "boolean": "bool_type", "string": "string_type"}


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"
