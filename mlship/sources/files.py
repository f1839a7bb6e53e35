"""What sources of native model files share: data only, which the library's own parser reads in quarantine."""

import importlib
from pathlib import Path
from typing import Any

from mlship.errors import ModelError
from mlship.extras import missing
from mlship.inspection import installed


def start_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a file, none when it cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


def content_of(path: Path) -> bytes:
    """Return the bytes of a file; raises ModelError when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"there is no file '{path}'") from error
    except OSError as error:
        raise ModelError(f"'{path}' cannot be opened: {error.strerror}") from error


def damaged(path: Path, library: str) -> ModelError:
    """Return the error for a file that is cut short or altered."""
    message = f"'{path.name}' looks like a model of {library}, but is damaged or cut short"
    return ModelError(message, "copy the file again, or save the model again")


def library(name: str, path: Path) -> Any:
    """Import the library that reads ``path``; raises MissingDependencyError when it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing(name, f"reading '{path.name}'") from error


def distribution(name: str) -> str:
    """Return the name under which ``name`` is installed: "xgboost-cpu" holds the same as "xgboost"."""
    small = f"{name}-cpu"
    return small if installed(name) is None and installed(small) is not None else name
