"""Images as files: OCI layouts, folders or tar archives, and what ``docker load`` takes.

Source of the formats: OCI image spec 1.1, "OCI Image Layout"; manifest.json is that of ``docker save``.
"""

import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlship.artifacts import partial
from mlship.errors import UsageError
from mlship.images.files import manifests
from mlship.images.files.blobs import Assembled, Attached, Blob, put, unwritten
from mlship.images.registries.referrers import descriptor

_MARK = "oci-layout"
_VERSION = b'{"imageLayoutVersion":"1.0.0"}'
_PARTS = {_MARK, "index.json", "blobs"}
_NAME, _VERSION_NAME = "io.containerd.image.name", "org.opencontainers.image.ref.name"
#: Says in index.json that a layout was written here.
_OURS = "io.mlship.layout"
#: Who looks for a folder under such a name has an archive in mind.
_PACKED = {".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst"}

#: What an archive holds: bytes, or a file, by name.
Entries = Mapping[str, bytes | Path]


def write_layout(
    images: Sequence[Assembled], index: bytes | None, attached: Sequence[Attached], name: str, target: Path
) -> None:
    """Write ``images``, the ``index`` of them where there are several, as the folder ``target``.

    A layout of an image called ``name``, or that was written by this, is replaced, at once. Raises UsageError when
    something else is there or ``target`` is called like an archive, WorkspaceError when it cannot be written.
    """
    _check(target, name)
    temporary = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        made = temporary / "new"
        for relative, content in _entries(images, index, attached, name).items():
            path = made / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content) if isinstance(content, bytes) else put(content, path)
        swap(made, target, temporary / "old")
    except OSError as error:
        raise unwritten(error, target) from error
    finally:
        if temporary and not _is_last(temporary / "old", target):
            shutil.rmtree(temporary, ignore_errors=True)


def swap(made: Path, target: Path, aside: Path) -> None:
    """Put the folder ``made`` in the place of ``target``, which goes ``aside``, or stays when ``made`` cannot go."""
    if target.exists():
        target.rename(aside)
    try:
        made.rename(target)
    finally:
        if _is_last(aside, target):
            aside.rename(target)


def write_tar(
    images: Sequence[Assembled], index: bytes | None, attached: Sequence[Attached], name: str, target: Path
) -> None:
    """Write the same as one tar archive, whose bytes depend on what is in it alone.

    Raises WorkspaceError when it cannot be written.
    """
    _write(_entries(images, index, attached, name), target)


def write_archive(image: Assembled, name: str, target: Path) -> None:
    """Write one image as a tar archive that ``docker load`` takes, also as an OCI layout.

    Without a ``name`` an engine knows it by its digest alone. Raises WorkspaceError when it cannot be written.
    """
    told = {
        "Config": _place(image.config.digest),
        "RepoTags": [name] if name else None,
        "Layers": [_place(layer.digest) for layer in image.layers],
    }
    entries = {**_entries([image], None, (), name), "manifest.json": _json([told])}
    _write(entries, target)


def _check(target: Path, name: str) -> None:
    """Raise UsageError when ``target`` is not for a layout of ``name``: others are not lost to it."""
    if target.suffix.lower() in _PACKED:
        message = f"'{target}' would be a folder: images are written to folders, and to .tar files as they are"
        raise UsageError(message, "name a .tar file")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / _MARK).is_file():
        raise UsageError(f"'{target}' is there, and is no OCI layout", "name another folder")
    if not _is_replaceable(target, name):
        raise UsageError(f"'{target}' holds other things than '{name}', which would be lost", "name another folder")


def _is_replaceable(layout: Path, name: str) -> bool:
    """Say whether a layout holds nothing, images of ``name`` alone, or one that was written here."""
    try:
        top = json.loads((layout / "index.json").read_bytes())
        names = [(one.get("annotations") or {}).get(_NAME) for one in top["manifests"] if not _is_attached(one)]
        ours = len(names) == 1 and _OURS in (top.get("annotations") or {})
        is_empty = not top["manifests"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False  # what it is cannot be told
    return (is_empty or ours or set(names) == {name}) and {path.name for path in layout.iterdir()} <= _PARTS


def _is_attached(descriptor: Mapping[str, Any]) -> bool:
    """Say whether it belongs to another one: what stands for itself has a name."""
    return "artifactType" in descriptor and not {_NAME, _VERSION_NAME} & (descriptor.get("annotations") or {}).keys()


def _is_last(aside: Path, target: Path) -> bool:
    """Say whether what went aside is all that there is of ``target``."""
    return aside.exists() and not target.exists()


def _entries(
    images: Sequence[Assembled], index: bytes | None, attached: Sequence[Attached], name: str
) -> dict[str, bytes | Path]:
    blobs: list[Blob] = [blob for image in images for blob in (image.config, *image.layers)]
    blobs += [blob for one in attached for blob in one.blobs]
    documents = [
        *(image.manifest for image in images),
        *(one.manifest for one in attached),
        *([index] if index else []),
    ]
    entries: dict[str, bytes | Path] = {_place(blob.digest): blob.path for blob in blobs}
    entries |= {_place(manifests.digest_of(content)): content for content in documents}
    listed = [_named(images, index, name), *(descriptor(one.manifest) for one in attached)]
    top = {"schemaVersion": 2, "mediaType": manifests.INDEX, "manifests": listed, "annotations": {_OURS: "1"}}
    return {**entries, "index.json": _json(top), _MARK: _VERSION}


def _named(images: Sequence[Assembled], index: bytes | None, name: str) -> dict[str, Any]:
    """Return the descriptor of all of it, with the names that containerd, Docker and skopeo look for."""
    told = manifests.described(images[0].platform, images[0].manifest)
    if index:
        told = {"mediaType": manifests.INDEX, "digest": manifests.digest_of(index), "size": len(index)}
    if name:
        version = name.rpartition("/")[2].partition(":")[2] or "latest"
        told["annotations"] = {_NAME: name, _VERSION_NAME: version}
    return told


def _write(entries: Entries, target: Path) -> None:
    try:
        with partial(target) as path, tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for folder in ("blobs", "blobs/sha256"):
                archive.addfile(_member(folder, tarfile.DIRTYPE, 0o755))
            for name, content in sorted(entries.items()):
                with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as stream:
                    member = _member(name, tarfile.REGTYPE, 0o644)
                    member.size = stream.seek(0, io.SEEK_END)
                    stream.seek(0)
                    archive.addfile(member, stream)
    except OSError as error:
        raise unwritten(error, target) from error


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode = kind, mode
    return member


def _place(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _json(told: object) -> bytes:
    return json.dumps(told, sort_keys=True).encode()
