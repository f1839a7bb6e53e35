"""Registries: fetch the base of an image, and push an image so that its tag is never half written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from mlship.artifacts import storage_error
from mlship.errors import BaseImageMissingError, BuildError
from mlship.images.files import blobs, manifests
from mlship.images.files.blobs import Assembled, Attached, Blob, Image
from mlship.images.plan import Platform
from mlship.images.registries import references
from mlship.images.registries.references import Reference
from mlship.images.registries.referrers import fallback, listed
from mlship.images.registries.transport import TIMEOUTS, Transport
from mlship.stages import Progress

#: Bytes that are kept at a time: what is in such a piece when the connection is cut is lost.
_PIECE = 1 << 16
_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Pushed:
    """What a push took: ``digest`` is of what the tag stands for; ``blobs_there`` were not sent again."""

    digest: str
    bytes_sent: int
    blobs_sent: int
    blobs_there: int


@dataclass(frozen=True)
class Registry:
    """The registry of one reference (python:3.12-slim, registry.example/iris:1).

    Credentials are those of docker login; ``timeouts`` in seconds: to connect, and between two pieces of an answer.
    """

    reference: str
    timeouts: tuple[float, float] = TIMEOUTS

    def pull(self, platform: Platform, progress: Progress) -> Image:
        """Fetch the image for ``platform``; its layers are kept in the cache, and what a cut left is continued.

        Raises BaseImageMissingError when it cannot be had, BuildError when it is damaged or for other platforms.
        """
        reference = references.parse(self.reference)
        with Transport(reference, BaseImageMissingError, "pull", self.timeouts) as transport:
            return _Pull(transport, reference, self.reference, progress).image(platform)

    def push(
        self,
        images: Sequence[Assembled],
        index: bytes | None,
        attached: Sequence[Attached],
        progress: Progress,
    ) -> Pushed:
        """Push ``images``, the ``index`` of them where there are several, and what is ``attached`` to them.

        Blobs go first, unless they are there; the tag is written last, in one request. Raises BuildError, and
        WorkspaceError when a blob cannot be read.
        """
        reference = references.parse(self.reference)
        with Transport(reference, BuildError, "push", self.timeouts) as transport:
            try:
                return _Push(transport, reference, progress).all(images, index, attached)
            except OSError as error:
                raise storage_error(error) from error


class _Pull:
    def __init__(self, transport: Transport, reference: Reference, name: str, progress: Progress) -> None:
        self._transport, self._reference, self._name, self._progress = transport, reference, name, progress

    def image(self, platform: Platform) -> Image:
        try:
            return self._image(platform)
        except (LookupError, TypeError, ValueError) as error:
            raise BuildError(f"the manifest of '{self._name}' is damaged: {error!r}", "take another image") from error

    def _image(self, platform: Platform) -> Image:
        content = self._manifest(self._reference.version)
        manifest = manifests.parse(content, self._name)
        if manifests.is_index(manifest):
            content = self._manifest(str(manifests.choose(manifest, platform, self._name)["digest"]))
            manifest = manifests.parse(content, self._name)
        path = self._blob(manifest["config"], "the config")
        config: dict[str, Any] = json.loads(path.read_bytes())
        manifests.check(config, platform, self._name)
        return Image(config, self._layers(manifest["layers"], config), manifests.digest_of(content), self._name)

    def _manifest(self, version: str) -> bytes:
        """Return a manifest by tag, or by digest: such a one is kept, and is then had without the registry."""
        is_digest = version.startswith("sha256:")
        if is_digest and (path := blobs.kept(version)):
            return path.read_bytes()
        headers = {"Accept": ", ".join(manifests.ACCEPTED)}
        transport = self._transport
        content = transport.repeated(
            lambda: transport.expect(transport.send("GET", f"manifests/{version}", headers=headers), 200).content
        )
        if is_digest:
            blobs.store(content, f"the manifest of '{self._name}'", version)
        return content

    def _layers(self, descriptors: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> tuple[Blob, ...]:
        diff_ids = config.get("rootfs", {}).get("diff_ids", ())
        if len(diff_ids) != len(descriptors):
            message = f"'{self._name}' has {len(descriptors)} layers, and its config tells of {len(diff_ids)}"
            raise BuildError(message, "take another image")
        source = self._reference.place
        return tuple(
            Blob(
                self._blob(told, f"layer {number} of {len(descriptors)}"),
                told["digest"],
                told["size"],
                manifests.layer_type(told),
                diff_id,
                source,
            )
            for number, (told, diff_id) in enumerate(zip(descriptors, diff_ids, strict=True), 1)
        )

    def _blob(self, descriptor: Mapping[str, Any], what: str) -> Path:
        digest = str(descriptor["digest"])
        with blobs.claimed(digest) as part:
            if path := blobs.kept(digest):
                return path
            self._progress(f"{what} of {self._name}: {_spelt(int(descriptor['size']))}")
            try:
                self._transport.repeated(lambda: self._collect(part, digest, int(descriptor["size"])))
            except OSError as error:
                part.unlink(missing_ok=True)
                raise blobs.unwritten(error, part) from error
            return blobs.settle(part, digest, f"{what} of '{self._name}'")

    def _collect(self, part: Path, digest: str, size: int) -> None:
        """Fetch a blob to ``part``, or what is missing at its end."""
        there = part.stat().st_size if part.exists() else 0
        if part.exists() and there == size:
            return
        # what is packed on the way would not be what its digest is of
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if 0 < there < size else {})
        answer = self._transport.send("GET", f"blobs/{digest}", headers=headers, stream=True)
        with answer, part.open("ab" if self._transport.expect(answer, 200, 206).status_code == 206 else "wb") as file:
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
                if file.tell() > size:  # what is wrong with it, its digest will tell
                    break


class _Push:
    def __init__(self, transport: Transport, reference: Reference, progress: Progress) -> None:
        self._transport, self._reference, self._progress = transport, reference, progress
        self._bytes_sent = self._blobs_sent = self._blobs_there = 0

    def all(self, images: Sequence[Assembled], index: bytes | None, attached: Sequence[Attached]) -> Pushed:
        needed = {blob.digest: blob for image in images for blob in (*image.layers, image.config)}
        needed |= {blob.digest: blob for one in attached for blob in one.blobs}
        for number, blob in enumerate(needed.values()):
            self._progress(f"pushing {_spelt(blob.size)}: {number + 1} of {len(needed)}", number / len(needed))
            if self._transport.repeated(lambda: self._blob(blob)):  # noqa: B023  # called at once
                self._blobs_sent, self._bytes_sent = self._blobs_sent + 1, self._bytes_sent + blob.size
            else:
                self._blobs_there += 1
        for image in images:
            self._manifest(image.manifest)
        for one in attached:
            self._attach(one.manifest)
        tagged = index or images[0].manifest
        self._manifest(tagged, self._reference.version)
        return Pushed(manifests.digest_of(tagged), self._bytes_sent, self._blobs_sent, self._blobs_there)

    def _blob(self, blob: Blob) -> bool:
        """Send a blob; False when it is there. A cut upload begins anew: registries give up what they have of it."""
        send, expect = self._transport.send, self._transport.expect
        if expect(send("HEAD", f"blobs/{blob.digest}"), 200, 404).status_code == 200:
            return False
        mount = self._mount(blob)
        answer = send("POST", "blobs/uploads/", params=mount)
        if mount and answer.status_code in (401, 403, 404):  # who may push here need not be allowed to read there
            answer = send("POST", "blobs/uploads/")
        if expect(answer, 201, 202).status_code == 201:
            return False
        location = answer.headers.get("Location", "")
        address = requests.compat.urljoin(answer.url, location)
        address += ("&" if "?" in location else "?") + urlencode({"digest": blob.digest})
        expect(send("PUT", address, headers=_OCTETS, body=blob.path), 201)
        return True

    def _mount(self, blob: Blob) -> dict[str, str]:
        """Ask to take a layer from another repository of the same registry, in place of sending it."""
        registry, _, repository = blob.source.partition("/")
        if registry != self._reference.registry or repository == self._reference.repository:
            return {}
        return {"mount": blob.digest, "from": repository}

    def _manifest(self, content: bytes, version: str = "") -> requests.Response:
        """Put a manifest under its digest or under ``version``."""
        send, expect = self._transport.send, self._transport.expect
        path = f"manifests/{version or manifests.digest_of(content)}"
        headers = {"Content-Type": manifests.media_type(json.loads(content))}
        answer = self._transport.repeated(lambda: expect(send("PUT", path, headers=headers, body=content), 201))
        self._bytes_sent += len(content)
        return answer

    def _attach(self, content: bytes) -> None:
        """Put a manifest that names its subject; where a registry does not list such ones, a tag of ours does."""
        if "OCI-Subject" in self._manifest(content).headers:
            return
        tag = fallback(content)
        send, expect = self._transport.send, self._transport.expect
        there = self._transport.repeated(
            lambda: expect(send("GET", f"manifests/{tag}", headers={"Accept": manifests.INDEX}), 200, 404)
        )
        self._manifest(listed(there.content if there.status_code == 200 else None, content), tag)


def _spelt(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
