"""What a base image is, read from its files without running it: its Python, machine and libc."""

import json
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlship.artifacts import write_atomic
from mlship.errors import BuildError
from mlship.images.base import Base, glibc
from mlship.images.files import blobs
from mlship.images.files.blobs import Image
from mlship.images.files.trees import Tree, read_tree

#: Where programs are looked for in an image that does not say.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OTHER_BASE = "--set base=python:3.12-slim"
#: The C library, also as it is called up to glibc 2.33.
_LIBRARY = re.compile(r"/libc(\.so\.6|-\d+\.\d+\.so)$")
_RELEASE = re.compile(rb"GNU C Library [^\n]*release version (\d+\.\d+)")
_FORMAT = 1


def inspect(image: Image) -> Base:
    """Return what ``image`` is; what was read once is kept in the cache.

    Raises BuildError when it has no Python, no glibc, or layers that cannot be read.
    """
    facts = _kept(image.digest)
    if facts is None:
        facts = _read(image)
        if image.digest:
            write_atomic(_place(image.digest), json.dumps(facts, sort_keys=True).encode())
    return Base(
        name=image.name,
        python=facts["python"],
        command=facts["command"],
        machine=_MACHINES.get(str(image.config["architecture"]), str(image.config["architecture"])),
        glibc=glibc(image.name, facts["libc"]),
        digest=image.digest,
        size=facts["size"],
        user=str((image.config.get("config") or {}).get("User", "")),
    )


def _read(image: Image) -> dict[str, Any]:
    tree = read_tree(image, _LIBRARY)
    environment = _environment(image.config)
    command, python = _python(tree, environment, image.name)
    return {"python": python, "command": command, "libc": _libc(tree), "size": tree.size}


def _python(tree: Tree, environment: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return how the Python on the path is called, and its version as "3.12"."""
    for command in ("python3", "python"):
        for folder in environment.get("PATH", _PATH).split(":"):
            path = tree.program(f"{folder}/{command}") if folder else None
            if path is None:
                continue
            version = _named(path) or _beside(tree, path) or _told(environment)
            if version:
                return command, version
            message = f"base image '{name}' does not tell which Python '{folder}/{command}' is"
            raise BuildError(message, _OTHER_BASE)
    raise BuildError(f"base image '{name}' has no 'python3' and no 'python' on its PATH", _OTHER_BASE)


def _named(path: str) -> str | None:
    """Return the version in the name of an interpreter, which most are called by."""
    match = re.fullmatch(r"python(3\.\d+)", PurePosixPath(path).name)
    return match[1] if match else None


def _beside(tree: Tree, path: str) -> str | None:
    """Return the version of the library of an interpreter, where there is one only."""
    folder = f"{PurePosixPath(path).parent.parent}/lib".replace("//", "/")
    found = {match[1] for name in tree.children(folder) if (match := re.fullmatch(r"python(3\.\d+)", name))}
    return found.pop() if len(found) == 1 else None


def _told(environment: Mapping[str, str]) -> str | None:
    """Return the version that the images of python set: a hint, because other Pythons may come before that one."""
    match = re.match(r"3\.\d+", environment.get("PYTHON_VERSION", ""))
    return match[0] if match else None


def _libc(tree: Tree) -> str:
    """Return the C library as the interpreter itself would call it, "glibc 2.36"; "" where it is another."""
    versions = [match[1].decode() for content in tree.contents() if (match := _RELEASE.search(content))]
    return f"glibc {min(versions, key=lambda told: [*map(int, told.split('.'))])}" if versions else ""


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    entries = (config.get("config") or {}).get("Env") or ()
    return dict(entry.partition("=")[::2] for entry in entries)


def _place(digest: str) -> Path:
    return blobs.cache() / "facts" / f"{digest.removeprefix('sha256:')}.{_FORMAT}.json"


def _kept(digest: str) -> dict[str, Any] | None:
    try:
        facts = json.loads(_place(digest).read_bytes())
    except (OSError, ValueError):
        return None  # not read yet, or not as it was written: the layers tell
    return facts if isinstance(facts, dict) and facts.keys() == {"python", "command", "libc", "size"} else None
