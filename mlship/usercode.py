"""The user's own code beside a model: what it consists of, and making it importable in the quarantined process."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mlship.artifacts import digest
from mlship.errors import UsageError


def files(path: Path) -> list[Path]:
    """List the Python files of ``path`` (one, or those below a folder), sorted; hidden and installed ones are left out.

    Raises UsageError when there are none.
    """
    if path.is_file() and path.suffix == ".py":
        return [path]
    found = sorted(path.rglob("*.py")) if path.is_dir() else []
    own = [file for file in found if not any(_foreign(part) for part in file.relative_to(path).parts)]
    if not own:
        what = "is not there" if not path.exists() else "has no Python file" if path.is_dir() else "is no Python file"
        raise UsageError(f"--code: '{path}' {what}", "give the .py file, or the folder that holds the package")
    return own


def fingerprint(path: Path) -> str:
    """Return the sha256 of the code: of one file, or of the relative names and digests of all."""
    if path.is_file():
        return digest(path)
    listing = "".join(f"{file.relative_to(path).as_posix()}\0{digest(file)}\n" for file in files(path))
    return hashlib.sha256(listing.encode()).hexdigest()


def size(path: Path) -> int:
    """Return the bytes of the code."""
    return sum(file.stat().st_size for file in files(path))


def bring(path: Path) -> None:
    """Make the code importable in this process: behind everything that is installed, so that it replaces nothing.

    The modules of a folder are found by their names. A file is found by its own; besides, ``__main__`` has what the
    file defines, for a model that was saved by that very script. It is run when something of it is asked for first,
    as a module, so that what stands under ``if __name__ == "__main__"`` is not.
    Raises UsageError when an installed module has the name of the file.
    """
    sys.dont_write_bytecode = True
    if path.is_dir():
        sys.path.append(str(path))
        return
    if importlib.util.find_spec(path.stem) is not None:
        message = f"--code: there is an installed module '{path.stem}', so '{path.name}' cannot be imported by its name"
        raise UsageError(message, "leave --code away if it is the same; else rename the file and save the model again")
    sys.path.append(str(path.parent))
    sys.modules["__main__"] = _Main(path)


class _Main(ModuleType):
    """Stands for the script that saved the model: reads what is asked of it from the module that the file is here."""

    def __init__(self, path: Path) -> None:
        super().__init__("__main__")
        self._path = path

    def __repr__(self) -> str:
        return f"'{self._path.name}'"  # errors of pickle say where they looked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(importlib.import_module(self._path.stem), name)
        except SystemExit as error:
            message = (
                f"'{self._path.name}' ends the process when it is imported: put that under if __name__ == '__main__'"
            )
            raise ImportError(message) from error


def _foreign(part: str) -> bool:
    return part.startswith(".") or part in ("__pycache__", "site-packages", "node_modules")
