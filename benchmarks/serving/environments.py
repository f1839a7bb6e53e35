"""A virtual environment for each server that is measured, made once and kept."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import sklearn


class NotInstalledError(Exception):
    """A server cannot be installed here."""


def cache() -> Path:
    """Return the folder that keeps environments: MLSHIP_BENCH_CACHE, or mlship-benchmarks among the user's caches."""
    told = os.environ.get("MLSHIP_BENCH_CACHE")
    return Path(told) if told else Path.home() / ".cache" / "mlship-benchmarks"


def environment(name: str, requirements: str) -> Path:
    """Return the bin folder of the environment ``name``; it is made anew where ``requirements`` have changed.

    Peers get the newest releases of the day on which theirs is made, but the scikit-learn of this environment, which
    wrote the model. Raises NotInstalledError with the last words of pip.
    """
    wanted = f"{requirements}\n# scikit-learn {sklearn.__version__}, Python {sys.version}\n"
    folder = cache() / f"{name}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    done = folder / "installed.txt"
    if not done.exists():
        for old in cache().glob(f"{name}-????????????"):
            shutil.rmtree(old)
        _make(folder, requirements)
        done.write_text(wanted, encoding="utf-8")
    return folder / "bin"


@functools.cache
def versions(binaries: Path) -> dict[str, str]:
    """Return what is installed beside ``binaries``."""
    listed = json.loads(_pip(binaries, "list", "--format", "json"))
    return {item["name"].lower(): item["version"] for item in listed}


def _make(folder: Path, requirements: str) -> None:
    print(f"  making {folder}", file=sys.stderr, flush=True)
    venv.create(folder, clear=True, symlinks=True)
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")
    (folder / "constraints.txt").write_text(f"scikit-learn=={sklearn.__version__}\n", encoding="utf-8")
    _pip(
        folder / "bin", "install", "--quiet", "--disable-pip-version-check", "-r", str(folder / "requirements.txt"),
        "-c", str(folder / "constraints.txt"),
    )  # fmt: skip


def _pip(binaries: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--python", str(binaries / "python"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalledError(" ".join(done.stderr.split())[-300:])
    return done.stdout
