"""The wheels of an image: downloaded for the Python and platform of its base, and locked with their hashes."""

import re
import subprocess
import sys
from pathlib import Path

from mlship.artifacts import digest
from mlship.errors import BuildError, UsageError
from mlship.images.base import Base

_OFFLINE = (
    "NewConnectionError|NameResolutionError|ConnectTimeout|ProxyError|Temporary failure in name resolution"
    "|Network is unreachable|connection broken|ReadTimeout"
)


def collect(requirements: Path, base: Base, out: Path, folder: Path | None = None) -> list[str]:
    """Put the wheels that ``requirements`` ask for into ``out``; return their lock, sorted.

    They come from the package index that pip is set up for, or from ``folder`` alone. A line of the lock is
    ``name==version --hash=sha256:...``, as pip's --require-hashes wants it.
    Raises BuildError that names the requirement which has no wheel for this Python and platform.
    """
    if folder is not None and not folder.is_dir():
        raise UsageError(f"'{folder}' is not a folder with wheels", f"pip download -d '{folder}' -r requirements.txt")
    source = ["--no-index", "--find-links", str(folder.resolve())] if folder else ["--retries", "2"]
    platforms = [word for tag in platform_tags(base) for word in ("--platform", tag)]
    wanted = ["--only-binary=:all:", "--implementation", "cp", "--python-version", base.python, *platforms]
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"]
    done = subprocess.run(
        [*command, *source, *wanted, "--dest", str(out.resolve()), "--requirement", str(requirements.resolve())],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise _explain(done.stderr or done.stdout, base, folder)
    return lock(out)


def lock(folder: Path) -> list[str]:
    """List the wheels in ``folder`` as lines of a requirements file with hashes, sorted by name."""
    lines = []
    for wheel in folder.glob("*.whl"):
        name, version = wheel.name.split("-")[:2]  # neither has a dash in it: binary distribution format, PyPA
        lines.append(f"{name.replace('_', '-').lower()}=={version} --hash=sha256:{digest(wheel)}")
    return sorted(lines)


def platform_tags(base: Base) -> list[str]:
    """List the platform tags that a base accepts, newest first (PEP 600, and its older aliases)."""
    major, minor = base.glibc
    oldest = 5 if base.machine in {"x86_64", "i686"} else 17
    tags = [f"manylinux_{major}_{number}_{base.machine}" for number in range(minor, oldest - 1, -1)]
    aliases = {"manylinux2014": 17, "manylinux2010": 12, "manylinux1": 5}
    return tags + [f"{alias}_{base.machine}" for alias, number in aliases.items() if oldest <= number <= minor]


def _explain(words: str, base: Base, folder: Path | None) -> BuildError:
    target = f"Python {base.python} on {base.machine} with glibc {base.glibc[0]}.{base.glibc[1]}"
    if folder is None and re.search(_OFFLINE, words):
        message = "the wheels of the image cannot be downloaded: the package index does not answer"
        return BuildError(message, "--set wheels=FOLDER with the wheels, or try again online")
    if found := re.search(r"No matching distribution found for (.+)", words):
        where = f"in '{folder}'" if folder else "on the package index"
        message = f"there is no wheel of '{found[1].strip()}' {where} for {target}"
        return BuildError(message, "choose another version in requirements.txt, or another base: --set base=IMAGE")
    last = "\n".join(f"  | {line}" for line in words.strip().splitlines()[-10:])
    return BuildError(f"pip cannot get the wheels for {target}:\n{last}", "pip check of requirements.txt")
