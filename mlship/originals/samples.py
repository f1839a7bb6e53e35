"""Read sample rows from the files that people have: CSV, Parquet, JSON lines, .npy and .npz."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import DataError, MissingDependencyError

Sample = pd.DataFrame | NDArray[Any]

_FORMATS = ".csv, .tsv, .parquet, .jsonl, .npy or .npz"


def read(path: Path, text_columns: Collection[str] = ()) -> Sample:
    """Read ``path`` as a frame, or as an array of shape (rows, columns) for .npy and .npz.

    ``text_columns`` are kept as text in CSV files, where "007" would become a number.
    Raises DataError for a file that is not there, is empty, is of another format or cannot be parsed.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"'{path.name}' has no known ending", f"give the sample as {_FORMATS}")
    try:
        sample = reader(path, text_columns)
    except FileNotFoundError as error:
        raise DataError(f"there is no file '{path}'") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"'{path.name}' is empty", "give at least one row") from error
    except ImportError as error:
        raise MissingDependencyError(f"reading '{path.name}' needs pyarrow", 'pip install "mlship[parquet]"') from error
    except (ValueError, BadZipFile, EOFError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"'{path.name}' cannot be read as {path.suffix}: {reason}") from error
    if len(sample) == 0:
        raise DataError(f"'{path.name}' has no rows", "give at least one row")
    return sample


def _csv(path: Path, text_columns: Collection[str]) -> Sample:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    return pd.read_csv(path, sep=separator, dtype=dict.fromkeys(text_columns, str))


def _parquet(path: Path, _: Collection[str]) -> Sample:
    return pd.read_parquet(path)


def _json_lines(path: Path, _: Collection[str]) -> Sample:
    return pd.read_json(path, lines=True, precise_float=True)


def _array(path: Path, _: Collection[str]) -> Sample:
    with path.open("rb") as stream:
        return _matrix(np.load(stream, allow_pickle=False))


def _archive(path: Path, _: Collection[str]) -> Sample:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        name = next((name for name in ("X", "x", "features", "data") if name in archive.files), archive.files[0])
        return _matrix(archive[name])


def _matrix(values: NDArray[Any]) -> NDArray[Any]:
    if values.ndim == 1:
        values = values.reshape(-1, 1)
    if values.ndim != 2:
        raise ValueError(f"expected rows and columns, found an array of shape {values.shape}")
    return values


_READERS: dict[str, Callable[[Path, Collection[str]], Sample]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json_lines,
    ".npy": _array,
    ".npz": _archive,
}
