"""Small images to write, read, push and pull: their layers hold a few files each."""

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship.images.files.blobs import Assembled, Attached, Blob
from mlship.images.files.manifests import GZIP, MANIFEST, TAR, digest_of
from mlship.images.plan import Platform

AMD64, ARM64 = Platform("amd64"), Platform("arm64")
CONFIG = "application/vnd.oci.image.config.v1+json"
LIBC = b"\x7fELF... GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\nCopyright"


@dataclass(frozen=True)
class Link:
    """A symbolic link, or another name of a file."""

    target: str
    hard: bool = False


Files = Mapping[str, "bytes | Link"]

#: What python:3.12-slim has, as far as it is looked at.
SLIM: Files = {
    "bin": Link("usr/bin"),
    "lib": Link("usr/lib"),
    "usr/lib/x86_64-linux-gnu/libc.so.6": LIBC,
    "usr/local/bin/python3": Link("python3.12"),
    "usr/local/bin/python3.12": b"\x7fELF",
}


def quiet(message: str, fraction: float | None = None) -> None:
    pass


def tarball(files: Files) -> bytes:
    """Return files by path as a tar archive; all of them can be run."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, what in files.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if isinstance(what, Link):
                member.type = tarfile.LNKTYPE if what.hard else tarfile.SYMTYPE
                member.linkname = what.target
                archive.addfile(member)
            else:
                member.size = len(what)
                archive.addfile(member, io.BytesIO(what))
    return content.getvalue()


def layer(folder: Path, files: Files, *, packed: bool = True) -> Blob:
    """Write a layer with ``files`` below ``folder``."""
    plain = tarball(files)
    content = gzip.compress(plain, mtime=0) if packed else plain
    return keep(folder, content, GZIP if packed else TAR, digest_of(plain))


def keep(folder: Path, content: bytes, media_type: str, diff_id: str = "") -> Blob:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / digest_of(content).removeprefix("sha256:")
    path.write_bytes(content)
    return Blob(path, digest_of(content), len(content), media_type, diff_id)


def assembled(
    folder: Path, layers: Sequence[Blob], platform: Platform = AMD64, settings: Mapping[str, Any] | None = None
) -> Assembled:
    """Return an image of ``layers``; ``settings`` are those of its config, such as Env."""
    config = {
        "architecture": platform.architecture,
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], **(settings or {})},
        "rootfs": {"type": "layers", "diff_ids": [each.diff_id for each in layers]},
    }
    kept = keep(folder, json.dumps(config).encode(), CONFIG)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": kept.descriptor(),
        "layers": [each.descriptor() for each in layers],
    }
    return Assembled(platform, json.dumps(manifest).encode(), kept, tuple(layers))


def small(folder: Path, platform: Platform = AMD64, text: bytes = b"model") -> Assembled:
    """Return an image of a base layer, and one that holds ``text``."""
    named = {**SLIM, "etc/machine": platform.machine.encode()}
    return assembled(folder, [layer(folder, named), layer(folder, {"opt/app/model": text})], platform)


def bill(folder: Path, subject: bytes) -> Attached:
    """Return a list of parts that is attached to the image with the manifest ``subject``."""
    blobs = keep(folder, b"{}", "application/vnd.oci.empty.v1+json"), keep(folder, b'{"parts":[]}', "application/json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": "application/vnd.cyclonedx+json",
        "config": blobs[0].descriptor(),
        "layers": [blobs[1].descriptor()],
        "subject": {"mediaType": MANIFEST, "digest": digest_of(subject), "size": len(subject)},
    }
    return Attached(json.dumps(manifest).encode(), blobs)
