"""Blobs: the files that images consist of, as they lie on this disk, and the cache of those that were fetched."""

import hashlib
import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from filelock import FileLock

from mlship.artifacts import digest as sha256
from mlship.artifacts import storage_error
from mlship.errors import BuildError, WorkspaceError
from mlship.images.plan import Platform

_PIECE = 1 << 20
#: Layouts have links to what is in the cache, as clones have to git's objects: who writes to one writes to both.
READ_ONLY = 0o444


@dataclass(frozen=True)
class Blob:
    """One file of an image: ``digest`` is "sha256:...", ``size`` is in bytes.

    ``diff_id`` is, of a layer, the digest of its unpacked tar; ``source`` the registry and repository that it is from.
    """

    path: Path
    digest: str
    size: int
    media_type: str
    diff_id: str = ""
    source: str = ""

    def descriptor(self) -> dict[str, Any]:
        """Return what a manifest says of it (OCI image spec, "OCI Content Descriptors")."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class Image:
    """An image for one platform: its OCI ``config``, its layers from the lowest up, the ``digest`` of its manifest.

    The digest of one that never had a manifest, because it is from an archive of docker save, is that of its config.
    """

    config: Mapping[str, Any]
    layers: tuple[Blob, ...]
    digest: str
    name: str = ""


class Assembled(NamedTuple):
    """An image that was made here, ready to be written or pushed: its manifest as it is signed by its digest."""

    platform: Platform
    manifest: bytes
    config: Blob
    layers: tuple[Blob, ...]


class Attached(NamedTuple):
    """Something that belongs to an image, such as its list of parts: its ``manifest`` names that image as subject."""

    manifest: bytes
    blobs: tuple[Blob, ...]


def cache() -> Path:
    """Return the folder where blobs are kept by digest."""
    try:
        above = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # a user without a home, as containers have
        above = Path(tempfile.gettempdir()) / f"mlship-{os.getuid()}"
    return above / "mlship" / "blobs"


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system within the cache into WorkspaceError."""
    try:
        yield
    except OSError as error:
        message = f"the cache '{folder}' cannot be used: {error.strerror or error}"
        raise WorkspaceError(message, "XDG_CACHE_HOME=FOLDER names another place for it") from error


def place(digest: str) -> Path:
    """Return where the cache has the blob called ``digest``.

    Raises BuildError when that is not a digest that can be checked.
    """
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise BuildError(f"'{digest[:100]}' is not a sha256 digest", "take another image")
    return cache() / "sha256" / digest.removeprefix("sha256:")


def kept(digest: str) -> Path | None:
    """Return where the blob is, or None when the cache does not have it; a damaged one is thrown away."""
    path = place(digest)
    if not path.is_file():
        return None
    if f"sha256:{sha256(path)}" == digest:
        return path
    path.unlink()
    return None


@contextmanager
def claimed(digest: str) -> Iterator[Path]:
    """Keep other processes from fetching the blob; gives the file to collect it in, which may have its beginning."""
    path = place(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        yield path.with_suffix(".part")


def settle(part: Path, digest: str, whence: str) -> Path:
    """Move what was collected to its place in the cache; ``whence`` tells users where it is from.

    Raises BuildError, and removes it, when it is not what ``digest`` says.
    """
    if (found := f"sha256:{sha256(part)}") != digest:
        part.unlink()
        raise damaged(whence, digest, found)
    part.chmod(READ_ONLY)
    return part.replace(place(digest))


def store(content: bytes | IO[bytes], whence: str, digest: str = "") -> Path:
    """Copy ``content`` into the cache and return where it is: the file is called after its digest.

    Raises BuildError when it is not what ``digest`` says, WorkspaceError when it cannot be written.
    """
    folder = cache() / "sha256"
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as target:
            hashed = _copy(io.BytesIO(content) if isinstance(content, bytes) else content, target)
        if digest and f"sha256:{hashed}" != digest:
            raise damaged(whence, digest, f"sha256:{hashed}")
        temporary.chmod(READ_ONLY)
        return temporary.replace(folder / hashed)
    except OSError as error:
        raise unwritten(error, folder) from error
    finally:
        if temporary:
            temporary.unlink(missing_ok=True)


def put(source: Path, target: Path) -> None:
    """Make ``target`` a copy of ``source``: a link where that is in the cache, which no file is changed in."""
    if source.is_relative_to(cache().parent):
        with suppress(OSError):  # on another disk, or one without links
            os.link(source, target)
            return
    shutil.copyfile(source, target)


def damaged(whence: str, digest: str, found: str) -> BuildError:
    """Return the error of a blob that is not what it should be."""
    message = f"{whence} is damaged: it should be {digest} and is {found}"
    return BuildError(message, "run it again; if it stays so, take another image")


def unwritten(error: OSError, path: Path) -> WorkspaceError:
    """Return the error to raise for ``path``: in the middle of writing a file system forgets its name."""
    return storage_error(OSError(error.errno, error.strerror, error.filename or str(path)))


def _copy(stream: IO[bytes], target: IO[bytes]) -> str:
    hashed = hashlib.sha256()
    while piece := stream.read(_PIECE):
        hashed.update(piece)
        target.write(piece)
    return hashed.hexdigest()
