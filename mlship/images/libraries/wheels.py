"""The libraries of an image: locked with hashes for the Python and platform of its base, and unpacked, by uv."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import uv
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlship.errors import BuildError, MissingDependencyError, MlshipError, UsageError
from mlship.images.base import Base
from mlship.images.libraries import complaints, indexes
from mlship.images.libraries.requirements import Wanted, read

#: Minor versions of glibc 2 that uv has a platform of its own for (--python-platform).
_GLIBCS = (17, 28, *range(31, 41))
_MACHINES = {"x86_64", "aarch64"}
#: What the installer leaves: its lock, and scripts for shells, whose first line names the Python of this machine.
_OF_THE_INSTALLER = (".lock", "bin")


def lock(requirements: Path, base: Base, folder: Path | None = None) -> tuple[str, ...]:
    """Resolve ``requirements`` for ``base``, wheels only; return a line ``name==version --hash=...`` for each, sorted.

    They come from the package index that uv or pip is set up for, or from ``folder`` alone, without a network. Hashes
    are those that the index tells for a version, or those of them that the requirements allow, sorted.
    Raises BuildError that names a requirement without a wheel and the nearest version that has one, or tells what else
    is wrong; UsageError where ``folder`` is none; MissingDependencyError without uv.
    """
    if folder is not None and not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder with wheels", f"pip download -d '{folder}' -r requirements.txt")
    wanted = read(requirements)
    done = _compile([str(requirements.resolve())], base, folder)
    if done.returncode:
        raise _refused(done.stderr, base, folder, wanted)
    lines = []
    for line in done.stdout.replace("\\\n", " ").splitlines():
        requirement = line.partition(" --hash=")[0].strip()
        name = canonicalize_name(re.split(r"[^\w.-]", requirement)[0])
        own = wanted[name].hashes if name in wanted else frozenset()
        allowed = _allowed(requirement, re.findall(r"--hash=(\S+)", line), own)
        lines.append(" ".join([requirement, *(f"--hash={each}" for each in allowed)]))
    return tuple(sorted(lines))


def unpack(
    lock: Sequence[str],
    base: Base,
    out: Path,
    folder: Path | None = None,
    options: Sequence[str] = (),
    *,
    link: bool = False,
) -> None:
    """Unpack the wheels that ``lock`` names for ``base`` in ``out``, which need not be of this machine's kind.

    ``options`` are lines of the requirements that say where wheels are, as --extra-index-url. Every hash is checked.
    With ``link`` files are hard links to those of uv's cache, where it is on the same disk: none may be changed.
    Raises what ``lock`` raises.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as beside:
        locked = Path(beside) / "requirements.lock"
        # in a file, as the address of an index may hold a password
        locked.write_text("".join(f"{line}\n" for line in (*options, *lock)), "utf-8")
        mode = "hardlink" if link else "copy"
        exactly = ["--require-hashes", "--no-deps", "--link-mode", mode, "--no-compile-bytecode"]
        command = ["install", *exactly, "--target", str(out.resolve()), "--requirement", str(locked)]
        # the index was asked for the lock: where all files are in the cache, it need not be asked again
        done = _uv(command, base, folder) if folder else _uv([*command, "--offline"], base)
        if done.returncode and not folder:
            done = _uv(command, base)
    if done.returncode:
        raise _refused(done.stderr, base, folder, {})
    for name in _OF_THE_INSTALLER:
        left = out / name
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def python_platform(base: Base) -> str:
    """Return what uv calls the platform of ``base``: of the versions of glibc that it knows, the highest that fits.

    Raises BuildError where there is none.
    """
    major, minor = base.glibc
    known = [number for number in _GLIBCS if (2, number) <= (major, minor)]
    if base.machine not in _MACHINES or not known:
        message = f"there are no wheels for {complaints.target(base)}: it takes x86_64 or aarch64 with glibc 2.17"
        raise BuildError(message, "--set base=python:3.12-slim")
    return f"{base.machine}-manylinux_2_{known[-1]}"


def _compile(arguments: Sequence[str], base: Base, folder: Path | None) -> subprocess.CompletedProcess[str]:
    quiet = ["--generate-hashes", "--no-annotate", "--no-header"]
    return _uv(["compile", *quiet, *arguments], base, folder)


def _uv(arguments: Sequence[str], base: Base, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run uv pip; with ``folder``, nothing else that uv or pip is set up for counts."""
    try:
        program = uv.find_uv_bin()
    except FileNotFoundError as error:
        raise MissingDependencyError("images need uv, whose program is not installed", "pip install uv") from error
    platform = ["--python-version", base.python, "--python-platform", python_platform(base), "--python", sys.executable]
    always = ["--only-binary", ":all:", "--quiet", "--color", "never", "--no-progress"]
    alone = ["--no-index", "--offline", "--no-config", "--find-links", str(folder.resolve())] if folder else []
    own = dict(os.environ)
    if folder:
        own.pop("UV_FIND_LINKS", None)
    return subprocess.run(
        [program, "pip", *arguments, *platform, *always, *alone],
        env=own if folder else own | indexes.variables(own),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _allowed(requirement: str, found: Sequence[str], wanted: frozenset[str]) -> list[str]:
    """Return those hashes that the user allows: uv puts its own in the place of those."""
    allowed = sorted(set(found) & wanted if wanted else found)
    if not allowed:
        message = f"no file of '{requirement}' has a hash that requirements.txt allows for it"
        raise BuildError(message, "take the hashes from a place that you trust: uv pip compile --generate-hashes")
    return allowed


def _refused(words: str, base: Base, folder: Path | None, wanted: Mapping[str, Wanted]) -> MlshipError:
    missing = complaints.missing(words)
    if missing is None:
        return complaints.explain(words, base)
    if own := wanted.get(canonicalize_name(missing.name)):
        missing = replace(missing, requirement=own.words)
    return complaints.no_wheel(missing, base, folder, _nearest(missing, base, folder))


def _nearest(missing: complaints.Missing, base: Base, folder: Path | None) -> str:
    """Return the version with a wheel that is next above a pinned one, else the newest; "" where there is none."""
    try:
        pins = [each.version for each in Requirement(missing.requirement).specifier if each.operator == "=="]
    except InvalidRequirement:
        pins = []
    asked = [(f"{missing.name}>{pin}", "lowest") for pin in pins if "*" not in pin] + [(missing.name, "highest")]
    with tempfile.TemporaryDirectory() as beside:
        requirements = Path(beside) / "requirements.txt"
        for requirement, resolution in asked:
            requirements.write_text(f"{requirement}\n", "utf-8")
            done = _compile(["--no-deps", "--resolution", resolution, str(requirements)], base, folder)
            if done.returncode == 0 and (found := re.search(r"==([^\s\\]+)", done.stdout)):
                return found[1]
    return ""
