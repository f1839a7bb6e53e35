"""Read sample rows from the files that people have: CSV, Parquet, JSON lines, .npy, .npz and lines of text."""

import csv
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import DataError, MissingDependencyError
from mlship.originals.texts import TEXT

Sample = pd.DataFrame | NDArray[Any]

#: In the ``attrs`` of a frame whose column names are made up, as those of an array would be.
UNNAMED = "unnamed"

_FORMATS = ".csv, .tsv, .parquet, .jsonl, .npy, .npz or .txt"
_HEADER = 1 << 20  # bytes of a CSV file within which its first line must end


def read(path: Path, text_columns: Collection[str] = (), target: str | None = None) -> Sample:
    """Read ``path`` as a frame, or as an array of shape (rows, columns) for .npy and .npz.

    ``text_columns`` are kept as text in CSV files, where "007" would become a number. Where ``target`` names another
    array of an .npz file, it becomes a column. Raises DataError for a file that is not there, is empty, is of another
    format or cannot be parsed.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path.name}' has no known ending", f"give the sample as {_FORMATS}")
    try:
        sample = reader(path, text_columns, target)
    except FileNotFoundError as error:
        raise DataError(f"there is no file '{path}'", "is the name spelled right?") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"'{path.name}' is empty", "give at least one row") from error
    except ImportError as error:
        raise MissingDependencyError(f"reading '{path.name}' needs pyarrow", 'pip install "mlship[parquet]"') from error
    except (ValueError, BadZipFile, EOFError, OSError, csv.Error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"'{path.name}' cannot be read as {path.suffix}: {reason}"
        raise DataError(message, f"give the sample as {_FORMATS}, in UTF-8") from error
    if len(sample) == 0:
        raise DataError(f"'{path.name}' has no rows", "give at least one row")
    return sample


def _csv(path: Path, text_columns: Collection[str], _: str | None) -> Sample:
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(path)
    _refuse_repeated(path, separator)
    return pd.read_csv(
        path, sep=separator, dtype=dict.fromkeys(text_columns, str), encoding="utf-8-sig", low_memory=False
    )


def _separator(path: Path) -> str:
    """Return the sign between columns: a comma, or what a header without commas has instead."""
    header = _first_line(path)
    return next((sign for sign in ",;\t" if sign in header), ",")


def _refuse_repeated(path: Path, separator: str) -> None:
    """Raise DataError where two columns have one name, which pandas would change without a word."""
    names = next(csv.reader([_first_line(path)], delimiter=separator), [])
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise DataError(f"'{path.name}' has more than one column '{repeated}'", "rename one of them in its first line")


def _first_line(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.readline(_HEADER).decode("utf-8-sig", "replace").strip("\r\n")


def _parquet(path: Path, _: Collection[str], __: str | None) -> Sample:
    return pd.read_parquet(path)


def _json_lines(path: Path, _: Collection[str], __: str | None) -> Sample:
    return pd.read_json(path, lines=True, precise_float=True, dtype=False)  # JSON says already what is text


def _lines(path: Path, _: Collection[str], __: str | None) -> Sample:
    texts = path.read_text(encoding="utf-8-sig").split("\n")
    rows = texts[:-1] if texts[-1] == "" else texts
    return pd.DataFrame({TEXT: [row.removesuffix("\r") for row in rows]})


def _array(path: Path, _: Collection[str], __: str | None) -> Sample:
    with path.open("rb") as stream:
        return _matrix(np.load(stream, allow_pickle=False))


def _archive(path: Path, _: Collection[str], target: str | None) -> Sample:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        others = [name for name in archive.files if name != target]
        name = next((name for name in ("X", "x", "features", "data") if name in others), next(iter(others), None))
        if name is None:
            raise ValueError("it has no array of rows beside the target" if target else "it holds no array")
        rows = _matrix(archive[name])
        if target is None or target not in archive.files:
            return rows
        answers = archive[target].ravel()
    if len(answers) != len(rows):
        raise ValueError(f"'{name}' has {len(rows)} rows, '{target}' has {len(answers)}")
    frame = pd.DataFrame(rows, columns=[f"x{number}" for number in range(rows.shape[1])]).assign(**{target: answers})
    frame.attrs[UNNAMED] = True
    return frame


def _matrix(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 1:
        values = values.reshape(-1, 1)
    if values.ndim != 2:
        raise ValueError(f"expected rows and columns, found an array of shape {values.shape}")
    return values


_READERS: dict[str, Callable[[Path, Collection[str], str | None], Sample]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
    ".npy": _array,
    ".npz": _archive,
    ".txt": _lines,
}
