"""Validators of other projects: run where they are installed, named where they are not."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mlship.stages import Checked

_PATIENCE = 300


def program(name: str, arguments: Sequence[str], folder: Path) -> Checked:
    """Run the program ``name`` in ``folder``: it passes where it ends with 0."""
    done = ended(name, arguments, folder)
    if done is None:
        return absent(name)
    words = (done.stdout + done.stderr).strip() or f"it ended with {done.returncode}, without a word"
    return Checked(name, done.returncode == 0, "found nothing" if done.returncode == 0 else words[-4000:])


def ended(name: str, arguments: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str] | None":
    """Run the program ``name`` in ``folder`` until it ends; None where it is not installed.

    One that does not end is ended, as timeout(1) does it: with exit code 124.
    """
    found = find(name)
    if found is None:
        return None
    command = [found, *arguments]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"it did not end within {_PATIENCE} s")


def find(name: str) -> str | None:
    """Return where a program is: on the PATH, or beside the Python that runs mlship, which may not be on it."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def absent(name: str) -> Checked:
    """Return what is said of a validator that is not installed."""
    return Checked(name, None, f"{name} is not installed")


def is_there(module: str) -> bool:
    """Say whether a validator that is a Python module is installed."""
    return find_spec(module) is not None
