"""Environments of their own for models of another scikit-learn: made with uv, kept in the user's cache."""

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection
from dataclasses import asdict, dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from filelock import FileLock
from packaging.version import InvalidVersion, Version

import mlship
from mlship.errors import MissingDependencyError, ModelError, UnsupportedModelError
from mlship.inspection import installed
from mlship.stages import Progress

#: Models of older ones cannot be converted in their own environment either.
OLDEST = Version("1.3")

#: What a visit imports beside scikit-learn, taken in the versions that are installed here.
_ALIKE = ("filelock", "jinja2", "onnx", "onnxruntime", "packaging", "protobuf", "psutil", "pydantic", "skl2onnx")
#: Of these, scikit-learn says which versions it takes; nothing newer than here.
_AT_MOST = ("joblib", "numpy", "pandas", "scipy")
#: From which scikit-learn on there are wheels for a version of Python; 3.11 has them for all.
_WHEELS = {(3, 12): Version("1.3.1"), (3, 13): Version("1.5.2"), (3, 14): Version("1.7.2")}


@dataclass(frozen=True)
class Environment:
    """What an environment holds: the ``python`` that it is made with, and ``requirements`` as pip writes them."""

    python: str
    requirements: tuple[str, ...]

    @property
    def trained(self) -> str:
        """The version of scikit-learn."""
        return self.requirements[0].removeprefix("scikit-learn==")

    @property
    def key(self) -> str:
        """What tells it from others: the same content, and the same mlship in it."""
        content = {**asdict(self), "mlship": str(_package()), "machine": platform.platform()}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def of(trained: str, modules: Collection[str] = ()) -> Environment:
    """Return the environment for a model that scikit-learn ``trained`` saved and that imports ``modules`` (top-level).

    Raises UnsupportedModelError for a version that is too old.
    """
    try:
        version = Version(trained)
    except InvalidVersion as error:
        raise ModelError(f"'{trained}' is no version of scikit-learn", "save the model again") from error
    if version < OLDEST:
        message = f"the model was saved with scikit-learn {trained}; mlship converts those of {OLDEST} and newer"
        raise UnsupportedModelError(message, "load it there and train it again with a newer scikit-learn")
    wheels = _WHEELS.get(sys.version_info[:2])
    python = sys.executable if wheels is None or version >= wheels else "3.11"
    return Environment(python, (f"scikit-learn=={version}", *_companions(version), *_libraries(modules)))


def made(environment: Environment, progress: Progress) -> Path:
    """Return the Python of ``environment``, which is made where the cache does not have it.

    Raises MissingDependencyError when there is no uv, or no index that has what the environment needs.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlship" / "envs"
    place = cache / environment.key
    python = place / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{environment.key}.lock"):
        if not python.exists():
            progress(f"making an environment with {environment.requirements[0]}; it is kept in {place}")
            _make(environment, cache / f"{environment.key}.part", place)
    return python


def find_uv() -> str | None:
    """Find uv: on the path, or where its package from PyPI puts it."""
    return shutil.which("uv") or shutil.which("uv", path=sysconfig.get_path("scripts"))


def _companions(version: Version) -> list[str]:
    """Return the requirements beside scikit-learn ``version``; old ones accept what came later and breaks them."""
    old = []
    if version < Version("1.4.2"):
        old += ["numpy<2", "scipy<1.12"]
    if version < Version("1.8"):
        old += ["pandas<3"]  # which made text another type
    here = [f"{name}=={installed(name)}" for name in _ALIKE]
    return [*old, *(f"{name}<={installed(name)}" for name in _AT_MOST), *here]


def _libraries(modules: Collection[str]) -> list[str]:
    """Return what brings other ``modules`` that a model imports, in the versions that are installed here."""
    usual = {"sklearn", "joblib", "numpy", "pandas", "scipy", "mlship", "__main__", *sys.stdlib_module_names}
    others = set(modules) - usual
    brought = packages_distributions() if others else {}
    names = {name for module in others for name in brought.get(module, ())}
    return [f"{name}=={installed(name)}" for name in sorted(names)]


def _make(environment: Environment, part: Path, place: Path) -> None:
    uv = find_uv()
    if uv is None:
        raise MissingDependencyError("--python-env auto needs uv, which is not installed", "pip install uv")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _run(environment, [uv, "venv", "--quiet", "--no-project", "--python", environment.python, str(part)])
        install = [uv, "pip", "install", "--quiet", "--python", str(part / "bin" / "python"), "--only-binary", ":all:"]
        _run(environment, [*install, *environment.requirements])
        packages = next((part / "lib").glob("python*")) / "site-packages"
        (packages / "mlship").symlink_to(_package(), target_is_directory=True)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(environment: Environment, command: list[str]) -> None:
    variables = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, env=variables, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        return
    said = " ".join(done.stderr.decode(errors="replace").split())
    wanted = environment.requirements[0]
    if "No solution found" in said and "network" not in said:
        hint = "train and save the model again with a newer scikit-learn"
        raise MissingDependencyError(f"there is no environment with {wanted} for this machine: {said}", hint)
    hint = "uv needs a package index; without network: UV_FIND_LINKS=FOLDER UV_OFFLINE=1 with the wheels in a folder"
    raise MissingDependencyError(f"the environment with {wanted} could not be made: {said}", hint)


def _package() -> Path:
    return Path(mlship.__file__).resolve().parent
