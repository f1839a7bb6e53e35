"""Layers: folders as tar archives whose bytes depend on their content alone."""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from mlship.images.files.blobs import Blob
from mlship.images.files.manifests import GZIP
from mlship.images.files.packing import Gzip
from mlship.images.parts import mode
from mlship.images.plan import Layer


def pack(layer: Layer, created: int, target: Path) -> Blob:
    """Write the files of ``layer`` to ``target``: sorted, of root, with the time ``created`` (seconds since 1970).

    Source: OCI image spec, "Image Layer Filesystem Changeset".
    """
    with target.open("wb") as file:
        packed = _Counted(file)
        with Gzip(packed) as stream:
            plain = _Counted(stream)
            with tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
                for member, source in _members(layer, created):
                    if source is None:
                        archive.addfile(member)
                    else:
                        with source.open("rb") as content:
                            archive.addfile(member, content)
    return Blob(target, packed.digest, packed.size, GZIP, plain.digest)


def unpacked_size(folder: Path) -> int:
    """Return the bytes of the files below ``folder``."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _members(layer: Layer, created: int) -> Iterator[tuple[tarfile.TarInfo, Path | None]]:
    """Yield what the archive holds, in order: folders before what is in them."""
    destination = PurePosixPath(layer.destination.lstrip("/"))
    for folder in (*reversed(destination.parents[:-1]), destination):
        yield _member(str(folder), created, tarfile.DIRTYPE, 0o755), None
    for path in sorted(layer.source.rglob("*"), key=lambda found: found.relative_to(layer.source).parts):
        name = str(destination / path.relative_to(layer.source).as_posix())
        if path.is_dir():
            yield _member(name, created, tarfile.DIRTYPE, 0o755), None
        else:
            member = _member(name, created, tarfile.REGTYPE, mode(path))
            member.size = path.stat().st_size
            yield member, path


def _member(name: str, created: int, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, created
    return member


class _Counted:
    """Hands bytes on, and knows how many there were, and their sha256."""

    def __init__(self, target: IO[bytes] | Any) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self._hash.update(content)
        self.size += len(content)
        self._target.write(content)
        return len(content)

    def tell(self) -> int:
        return self.size

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
