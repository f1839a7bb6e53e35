"""The parts of an image as folders: dependencies, service, model; every file in them may be read by any user."""

import json
import os
import re
import shutil
from pathlib import Path

from mlship.artifacts import MARK, files
from mlship.errors import BuildError

#: Their names, in order of change: what changes most often comes last.
DEPENDENCIES, SERVICE, MODEL = "dependencies", "service", "model"

#: What of a service folder does not belong into an image.
LEFT_OUT = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", ".git"}
#: And of its top level; deeper down, a package of the user's may have such a name.
_LEFT_OUT_AT_TOP = {"model", "tests", MARK}
#: What holds passwords and keys, wherever it lies: an image goes to more people than they do.
_SECRET = re.compile(r"\.env(\..*)?|\.netrc|.*\.key")


def copy(service: Path, out: Path) -> None:
    """Copy the service folder to ``out``/service and ``out``/model.

    Raises BuildError where the service lacks a file that it needs.
    """
    for needed in ("serve.py", "requirements.txt", "model/signature.json"):
        if not (service / needed).is_file():
            raise _incomplete(service, needed)
    model_file(service)
    _copy(service, out / SERVICE, LEFT_OUT, _LEFT_OUT_AT_TOP)
    _copy(service / "model", out / MODEL, set(), set())


def model_file(service: Path) -> Path:
    """Return the file that holds the model of a service: model.onnx, or the one that native.json names.

    Raises BuildError where there is neither.
    """
    model, native = service / "model" / "model.onnx", service / "model" / "native.json"
    if native.is_file():
        model = service / "model" / str(json.loads(native.read_bytes())["file"])
    if not model.is_file():
        raise _incomplete(service, f"model/{model.name}")
    return model


def normalise(folder: Path, seconds: int) -> None:
    """Let any user read every file, whatever the umask, and give all of them one time, ``seconds`` since 1970."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(mode(path))
        os.utime(path, (seconds, seconds))


def _incomplete(service: Path, needed: str) -> BuildError:
    return BuildError(f"'{service}' is not a complete service: it has no {needed}", "mlship scaffold --force")


def mode(path: Path) -> int:
    """Return the mode of a file or folder in an image: all may read it, and run it where its owner may."""
    return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644


def _copy(source: Path, target: Path, left_out: set[str], at_top: set[str]) -> None:
    for path in source.rglob("*"):
        if path.is_symlink() and (path.is_dir() or not path.exists()):
            message = f"'{path}' is a link to {'a folder' if path.exists() else 'nothing'}, which an image cannot have"
            raise BuildError(message, "copy what it leads to, or remove it")
    for name in files(source):
        parts = Path(name).parts
        if parts[0] not in at_top and not left_out & {*parts} and not _SECRET.fullmatch(parts[-1]):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)
