"""Base images from files: OCI layouts, folders or tar archives, and what ``docker save`` writes."""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from mlship.artifacts import digest as sha256
from mlship.errors import BaseImageMissingError, BuildError, MlshipError
from mlship.images.files import blobs, manifests
from mlship.images.files.blobs import Blob, Image
from mlship.images.plan import Platform

_GZIP = b"\x1f\x8b"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DEEPEST = 4  # indexes within indexes


class _Files(Protocol):
    """The files of a layout, wherever they are."""

    def read(self, name: str) -> bytes | None:
        """Return a small file, or None when it is not there."""

    def blob(self, name: str, digest: str = "") -> Path:
        """Return where a large file is on this disk; raises BuildError when it is not what ``digest`` says.

        Without a digest it is put into the cache, where it is called after its own.
        """


def read(path: Path, platform: Platform) -> Image:
    """Return the image for ``platform`` that is in the folder or archive ``path``; layers stay as they are packed.

    Layers in archives are copied into the cache. Raises BaseImageMissingError when there is no ``path``, BuildError
    when it is damaged, no image, or one for other platforms.
    """
    with _opened(path) as files:
        try:
            if (index := files.read("index.json")) is not None:
                return _from_layout(files, manifests.parse(index, str(path)), platform, str(path))
            if (listing := files.read("manifest.json")) is not None:
                return _from_docker(files, json.loads(listing), platform, str(path))
        except (tarfile.TarError, EOFError, ValueError, LookupError, TypeError) as error:
            raise BuildError(f"'{path}' is damaged: {error}", "write it anew: docker save -o base.tar IMAGE") from error
        raise BuildError(f"'{path}' holds no image: no index.json, no manifest.json", "docker save -o base.tar IMAGE")


def identity(path: Path) -> str:
    """Return a digest of what the images in ``path`` are, of which nothing but the lists of their parts is read.

    "" where it holds none.
    """
    try:
        with _opened(path) as files:
            index, listing = files.read("index.json"), files.read("manifest.json")
            if index is None and listing is not None:
                told = [files.read(entry["Config"]) or b"" for entry in json.loads(listing)]
                index = b"".join([listing, *told])  # a config has the digests of its layers
            return manifests.digest_of(index) if index else ""
    except (MlshipError, tarfile.TarError, EOFError, ValueError, LookupError, TypeError):
        return ""


def _from_layout(files: _Files, index: Mapping[str, Any], platform: Platform, name: str) -> Image:
    descriptor = manifests.choose({"manifests": _flat(files, index, name, _DEEPEST)}, platform, name)
    manifest = manifests.parse(_document(files, descriptor, name), name)
    config = json.loads(_document(files, manifest["config"], name))
    manifests.check(config, platform, name)
    layers = tuple(
        Blob(
            files.blob(_place(told["digest"]), told["digest"]),
            told["digest"],
            told["size"],
            manifests.layer_type(told),
            diff_id,
        )
        for told, diff_id in zip(manifest["layers"], config["rootfs"]["diff_ids"], strict=True)
    )
    return Image(config, layers, str(descriptor["digest"]), name)


def _flat(files: _Files, index: Mapping[str, Any], name: str, depth: int) -> Iterator[dict[str, Any]]:
    """Yield the descriptors of images, also of indexes within the index, each with its platform."""
    for told in index["manifests"]:
        content = files.read(_place(told["digest"])) if depth else None
        if content is None or "artifactType" in told:
            continue  # a layout may list what it does not hold: docker save keeps the index of the registry
        manifest = manifests.parse(content, name)
        if manifests.is_index(manifest):
            yield from _flat(files, manifest, name, depth - 1)
        elif told.get("platform"):
            yield told
        elif (config := files.read(_place(manifest["config"]["digest"]))) is not None:
            yield {**told, "platform": json.loads(config)}


def _from_docker(files: _Files, listing: Sequence[Mapping[str, Any]], platform: Platform, name: str) -> Image:
    """Return the image of a manifest.json, as ``docker save`` wrote it before version 25: layers are plain tars."""
    found = []
    for entry in listing:
        content = files.read(entry["Config"])
        if content is None:
            raise LookupError(f"no {entry['Config']}")
        found.append((entry, content, json.loads(content)))
    fitting = [one for one in found if manifests.is_for(one[2], platform)]
    if not fitting:
        raise manifests.missing(name, platform, [manifests.spelt(config) for _, _, config in found])
    if len(fitting) > 1:
        tags = ", ".join(str(tag) for entry, _, _ in fitting for tag in entry.get("RepoTags") or ["one without a name"])
        raise BuildError(
            f"'{name}' holds {len(fitting)} images: {tags}", "docker save -o base.tar IMAGE, of one of them"
        )
    entry, content, config = fitting[0]
    layers = tuple(
        _layer(_kept(diff_id) or files.blob(layer), diff_id, name)
        for layer, diff_id in zip(entry["Layers"], config["rootfs"]["diff_ids"], strict=True)
    )
    return Image(config, layers, manifests.digest_of(content), name)


def _kept(diff_id: str) -> Path | None:
    """Return the unpacked layer of that digest where the cache has it, as after the first build on this base."""
    return blobs.kept(diff_id) if _DIGEST.fullmatch(diff_id) else None


def _layer(path: Path, diff_id: str, name: str) -> Blob:
    """Return a layer that no manifest describes."""
    with path.open("rb") as stream:
        packed = stream.read(2) == _GZIP
    digest = f"sha256:{path.name}"
    if not packed and digest != diff_id:
        raise blobs.damaged(f"a layer of '{name}'", diff_id, digest)
    return Blob(path, digest, path.stat().st_size, manifests.GZIP if packed else manifests.TAR, diff_id)


def _document(files: _Files, descriptor: Mapping[str, Any], name: str) -> bytes:
    content = files.read(_place(descriptor["digest"]))
    if content is None:
        raise LookupError(f"no {descriptor['digest']}")
    if (found := manifests.digest_of(content)) != descriptor["digest"]:
        raise blobs.damaged(f"a manifest of '{name}'", descriptor["digest"], found)
    return content


def _place(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"'{digest[:100]}' is not a sha256 digest")
    return f"blobs/{digest.replace(':', '/', 1)}"


@contextmanager
def _opened(path: Path) -> Iterator[_Files]:
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        files = _Tar(path)
    except OSError as error:
        message = f"base image '{path}' cannot be read: {error.strerror or error}"
        raise BaseImageMissingError(message, "docker save -o base.tar IMAGE") from error
    except (tarfile.TarError, EOFError) as error:
        message = f"'{path}' is neither a folder nor a whole tar archive: {error}"
        raise BuildError(message, "docker save -o base.tar IMAGE") from error
    with files:
        yield files


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, name: str) -> Path:
        path, pure = self._folder / name, PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or not path.resolve().is_relative_to(self._folder.resolve()):
            raise ValueError(f"'{name[:100]}' leads out of it")
        return path

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        return path.read_bytes() if path.is_file() else None

    def blob(self, name: str, digest: str = "") -> Path:
        path = self._path(name)
        if not path.is_file():
            raise LookupError(f"no {name}")
        if not digest:
            with path.open("rb") as stream:
                return blobs.store(stream, f"'{path}'")
        if (found := f"sha256:{sha256(path)}") != digest:
            raise blobs.damaged(f"'{path}'", digest, found)
        return path


class _Tar:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive = tarfile.open(path)  # noqa: SIM115  # closed with this
        try:
            self._names = {name.removeprefix("./"): name for name in self._archive.getnames()}
        except BaseException:
            self._archive.close()
            raise

    def __enter__(self) -> "_Tar":
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def read(self, name: str) -> bytes | None:
        with self._member(name) as stream:
            return stream.read() if stream else None

    def blob(self, name: str, digest: str = "") -> Path:
        if digest and (path := blobs.kept(digest)):
            return path
        with self._member(name) as stream:
            if stream is None:
                raise LookupError(f"no {name}")
            return blobs.store(stream, f"{name} in '{self._path}'", digest)

    @contextmanager
    def _member(self, name: str) -> Iterator[IO[bytes] | None]:
        # docker save writes a layer that several images share once, and links to it
        stream = self._archive.extractfile(self._names[name]) if name in self._names else None
        if stream is None:
            yield None
            return
        with stream:
            yield stream
