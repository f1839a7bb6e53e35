"""Byte code of an image, compiled on this machine by a Python of the image's own minor version."""

import functools
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import uv

from mlship.errors import BuildError

_ASK = "import platform as p; print(p.python_implementation(), p.python_version())"
_PATIENCE = 30
#: As many files to a process, on every machine: what a file was compiled after tells in its byte code.
_LOT = 250
#: One after the other and sorted: what is shared between files has the same place in every run.
_COMPILE = """
import errno, os, py_compile, sys
folder, destination, first, after = sys.argv[1:]
names = []
for place, folders, files in os.walk(folder):
    folders[:] = [name for name in folders if name != "__pycache__"]
    names += [os.path.relpath(os.path.join(place, name), folder) for name in files if name.endswith(".py")]
for name in sorted(names)[int(first):int(after)]:
    told = destination.rstrip("/") + "/" + name.replace(os.sep, "/")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(os.path.join(folder, name), dfile=told, quiet=2, invalidation_mode=mode)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine: the program ``path``, and its ``version``, such as "CPython 3.12.1"."""

    path: str
    version: str


def find(python: str) -> Interpreter | None:
    """Return a CPython of the minor version ``python`` ("3.12") that is on this machine; nothing is downloaded."""
    for path in _candidates(python):
        version = _version(path)
        if version.startswith(f"CPython {python}."):
            return Interpreter(path, version)
    return None


def compile_folder(folder: Path, destination: str, interpreter: Interpreter) -> str:
    """Compile all Python files below ``folder``, which will lie at ``destination``; return the compiler's version.

    The byte code says nothing of this machine and of today: the paths in it are those of the image, and it is never
    compared with its source (PEP 552, unchecked), because nobody edits an image. The same files give the same bytes,
    in any folder. Files that do not compile, or whose name is so long that the byte code's would be too long,
    are left as they are.

    Raises BuildError where the interpreter fails, as on a full disk.
    """
    most = sum(1 for _ in folder.rglob("*.py"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda first: _compile(folder, destination, interpreter, first), range(0, most, _LOT)):
            if done.returncode:
                raise _failed(done.stderr, interpreter)
    return interpreter.version


def _compile(folder: Path, destination: str, interpreter: Interpreter, first: int) -> subprocess.CompletedProcess[str]:
    """Compile a lot, of the ``first`` file and those that follow it."""
    # -I would leave PYTHONHASHSEED out, so that the settings of the user's are taken away one by one
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    arguments = [str(folder.resolve()), destination, str(first), str(first + _LOT)]
    return subprocess.run(
        [interpreter.path, "-S", "-s", "-W", "ignore", "-c", _COMPILE, *arguments],
        env=own | {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"},
        cwd=os.sep,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _failed(words: str, interpreter: Interpreter) -> BuildError:
    last = (words.strip().splitlines() or ["no word of why"])[-1]
    full = "No space left" in words
    hint = "TMPDIR=FOLDER or XDG_CACHE_HOME=FOLDER on another disk" if full else f"'{interpreter.path}' does not work"
    return BuildError(f"the libraries cannot be compiled: {last}", hint)


def _candidates(python: str) -> Iterator[str]:
    if platform.python_version().startswith(f"{python}."):
        yield sys.executable
    name = f"python{python}"
    for folder in os.get_exec_path():
        for called in (name, "python3"):
            if found := shutil.which(called, path=folder):
                yield found
    yield from _managed(python)


def _managed(python: str) -> Iterator[str]:
    """Yield the Python that uv has downloaded once."""
    try:
        command = [uv.find_uv_bin(), "python", "find", "--offline", "--managed-python", "--no-project", python]
    except FileNotFoundError:
        return
    answer = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        yield answer.stdout.strip()


@functools.cache
def _version(path: str) -> str:
    try:
        asked = [path, "-I", "-S", "-c", _ASK]
        answer = subprocess.run(
            asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
