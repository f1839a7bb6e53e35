"""Artifacts: files and folders that stages hand to each other, known by kind and digest."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mlship.errors import WorkspaceError

#: In a folder that the user gets: the file that says what mlship wrote there.
MARK = ".mlship.json"

_CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Artifact:
    """A file or folder in the workspace.

    ``kind`` is what later stages ask for: original, sample, signature, golden, parity, onnx, native, pmml, session,
    candidates, service, report, context, layout, plan, image. ``digest`` is sha256 in hex, ``size`` is in bytes.
    """

    kind: str
    path: Path
    digest: str
    size: int


def measure(kind: str, path: Path) -> Artifact:
    """Describe what is at ``path`` now.

    Raises OSError when it cannot be read.
    """
    return Artifact(kind, path, digest(path), size(path))


def digest(path: Path) -> str:
    """Return the sha256 of a file, or of a folder: relative names and file digests in sorted order."""
    if path.is_dir():
        listing = "".join(f"{name}\0{digest(path / name)}\n" for name in files(path))
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def size(path: Path) -> int:
    """Return the bytes in a file, or in all files of a folder."""
    return sum((path / name).stat().st_size for name in files(path)) if path.is_dir() else path.stat().st_size


def files(folder: Path) -> list[str]:
    """List the files below ``folder`` by relative POSIX name, sorted; what tools cache there is left out."""
    return sorted(
        found.relative_to(folder).as_posix()
        for found in folder.rglob("*")
        if found.is_file() and not _CACHES & set(found.relative_to(folder).parts)
    )


def write_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` so that readers see the old file or the new one, never a part, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def partial(target: Path) -> Iterator[Path]:
    """Yield the name of a file beside ``target`` that becomes it when the context ends well; else it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield path
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


def storage_error(error: OSError) -> WorkspaceError:
    """Turn an error of the file system into one that says what to do."""
    where = f"'{error.filename}'" if error.filename else "the workspace"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(
            f"the disk is full: cannot write {where}", "free some space; nothing half-written was kept"
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return WorkspaceError(f"no permission to write {where}", "use a workspace of your own: -w DIR")
    return WorkspaceError(f"{where}: {error.strerror or error}")
