"""Tables as Apache Arrow: rows in, by name or by position, and answers out. It takes the package pyarrow.

Source: "Arrow Columnar Format", section "Serialization and Interprocess Communication (IPC)". A file is a stream
between two magic words, and read as one.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as are
from numpy.typing import NDArray
from pyarrow import compute

from core.bodies.arrow_messages import batch
from core.bodies.check import too_many_rows
from core.bodies.columns import Values
from core.problems import MOST_PROBLEMS, InvalidRequestError, Problem, invalid
from core.runtime.signature import Column

FORM = "arrow"

_FILE_MAGIC = b"ARROW1\0\0"
# Batches without rows take time as well.
_MOST_DICTIONARIES = 1000
_EXPECTED = {"number": "numbers", "integer": "whole numbers", "boolean": "booleans", "string": "strings"}


def columns(body: bytes, wanted: Sequence[Column], max_rows: int, max_text: int) -> list[Values]:
    """Return the values of each of the ``wanted`` columns: NaN or None for null.

    Columns are found by name; where their names are empty, or "0", "1" and so on, by position. Raises
    InvalidRequestError: 400 for what is no Arrow, 422 for other columns, more than ``max_rows`` rows, and dictionaries
    that stand for more than ``max_text`` bytes of text.
    """
    table = _table(body.removeprefix(_FILE_MAGIC), max_rows)
    order = _order(table.schema.names, [column.name for column in wanted])
    found = [table.column(at) for at in order]
    problems = [
        problem for column, values in zip(wanted, found, strict=True) for problem in _of_wrong_type(column, values.type)
    ]
    if problems:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    _check_text(found, max_text)
    return [
        _strings(values) if column.type == "string" else _numbers(values)
        for column, values in zip(wanted, found, strict=True)
    ]


def write(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays (rows,) or (rows, width), or lists of strings, as a stream of one table.

    Rows of several values become lists of a fixed size.
    """
    parts = {name: _part(values) for name, values in arrays.items()}
    table = pa.table(parts)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _part(values: Any) -> pa.Array:
    if isinstance(values, np.ndarray) and values.ndim == 2:
        flat = pa.array(np.ascontiguousarray(values).ravel())
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.array(values)


def _table(content: bytes, max_rows: int) -> pa.Table:
    try:
        _check_sizes(content, max_rows)
        table = pa.ipc.open_stream(content).read_all()
        table.validate(full=True)  # what Arrow reads it does not doubt: offsets may point anywhere
    except InvalidRequestError:
        raise
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise invalid(("body", FORM), "this is not a stream or file of Arrow", "arrow_invalid", status=400) from error
    if table.num_rows == 0:
        raise invalid(("body", FORM), "at least one row is expected", "too_short")
    return table


def _check_sizes(content: bytes, max_rows: int) -> None:
    """Raise InvalidRequestError for a stream that is too large for what it promises, before Arrow takes memory."""
    rows = batches = 0
    for message in _messages(pa.ipc.MessageReader.open_stream(content)):
        if message.type not in {"record batch", "dictionary"}:
            continue
        batches += 1
        length, compressed = batch(message.metadata.to_pybytes(), dictionary=message.type == "dictionary")
        if compressed:
            raise invalid(("body", FORM), "the buffers must not be compressed", "compressed")
        rows += length if message.type == "record batch" else 0
        if rows > max_rows:
            raise too_many_rows(FORM, rows, max_rows)
        if batches > max_rows + _MOST_DICTIONARIES:
            raise invalid(("body", FORM), "there are too many batches", "too_long")


def _messages(reader: Any) -> Iterator[Any]:
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _order(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return at which position each of the ``wanted`` columns is."""
    numbered = list(map(str, range(len(wanted))))
    if len(names) == len(wanted) and (not any(names) or (list(names) == numbered and set(names) != set(wanted))):
        return list(range(len(wanted)))
    at = {name: position for position, name in enumerate(names)}
    known = set(wanted)
    missing = (Problem(("body", FORM, name), "this column is missing", "missing") for name in wanted if name not in at)
    strange = (
        Problem(("body", FORM, name), "there is no such column", "extra_forbidden")
        if name not in known
        else Problem(("body", FORM, name), "this column is given more than once", "duplicate")
        for position, name in enumerate(names)
        if name not in known or at[name] != position
    )
    if problems := [*islice(missing, MOST_PROBLEMS), *islice(strange, MOST_PROBLEMS)]:
        raise InvalidRequestError(problems[:MOST_PROBLEMS])
    return [at[name] for name in wanted]


def _of_wrong_type(column: Column, kind: pa.DataType) -> list[Problem]:
    value = kind.value_type if are.is_dictionary(kind) else kind
    numeric = are.is_integer(value) or are.is_floating(value)
    right = {
        "string": are.is_string(value) or are.is_large_string(value),
        "boolean": are.is_boolean(kind) or (numeric and value == kind),
        "number": numeric and value == kind,
        "integer": numeric and value == kind,
    }
    if right[column.type] or are.is_null(kind):
        return []
    told = f"a column of {_EXPECTED[column.type]} is expected, not of {str(kind)[:60]}"
    return [Problem(("body", FORM, column.name), told, "dtype")]


def _check_text(found: Sequence[pa.ChunkedArray], max_text: int) -> None:
    """Refuse dictionaries that stand for far more text than was sent."""
    size = 0
    for values in found:
        for chunk in values.chunks if are.is_dictionary(values.type) else ():
            lengths = compute.binary_length(chunk.dictionary).fill_null(0).to_numpy()
            size += int(lengths[chunk.indices.drop_null().to_numpy()].sum(dtype=np.int64))
    if size > max_text:
        raise invalid(("body", FORM), f"the dictionaries stand for more than {max_text} bytes of text", "too_long")


def _strings(values: pa.ChunkedArray) -> list[str | None]:
    if not are.is_dictionary(values.type):
        return list(values.to_pylist())
    found: list[str | None] = []
    for chunk in values.chunks:
        words = [*chunk.dictionary.to_pylist(), None]  # the last one is where a null points to
        found += [words[at] for at in chunk.indices.cast("int64").fill_null(len(words) - 1).to_pylist()]
    return found


def _numbers(values: pa.ChunkedArray) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = values.cast("float64", safe=False).to_numpy()
    return numbers
