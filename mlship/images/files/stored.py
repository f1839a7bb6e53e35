"""An image that was made here, as a whole: one platform or several, and what is attached to them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship.images.files import layouts, manifests
from mlship.images.files.blobs import Assembled, Attached, Blob
from mlship.images.plan import Platform
from mlship.images.planning import BASE_NAME
from mlship.images.registries import references


@dataclass(frozen=True)
class Stored:
    """``index`` lists the ``images`` where there are several; ``name`` is what it is to be called."""

    images: tuple[Assembled, ...]
    index: bytes | None
    attached: tuple[Attached, ...]
    name: str

    @classmethod
    def of(cls, images: Sequence[Assembled], attached: Sequence[Attached], name: str) -> "Stored":
        """Put images for one platform each together."""
        index = manifests.index([(each.platform, each.manifest) for each in images]) if len(images) > 1 else None
        return cls(tuple(images), index, tuple(attached), name)

    @classmethod
    def read(cls, layout: Path) -> "Stored":
        """Return what ``write_layout`` has written to the folder ``layout``."""
        top, *others = json.loads((layout / "index.json").read_bytes())["manifests"]
        content = _path(layout, top["digest"]).read_bytes()
        is_index = manifests.is_index(json.loads(content))
        digests = [each["digest"] for each in json.loads(content)["manifests"]] if is_index else [top["digest"]]
        images = tuple(_image(layout, digest) for digest in digests)
        attached = tuple(_attached(layout, each["digest"]) for each in others)
        name = top["annotations"]["io.containerd.image.name"]
        return cls(images, content if is_index else None, attached, str(name))

    @property
    def digest(self) -> str:
        """Return what a registry calls it by."""
        return manifests.digest_of(self.index or self.images[0].manifest)

    def write_layout(self, target: Path) -> None:
        """Write it as the folder ``target``, an OCI layout."""
        layouts.write_layout(self.images, self.index, self.attached, self.name, target)

    def write_tar(self, target: Path) -> None:
        """Write it as an archive: one that docker load takes, or of several platforms an OCI layout."""
        if self.index:
            layouts.write_tar(self.images, self.index, self.attached, self.name, target)
        else:
            layouts.write_archive(self.images[0], self.name, target)


def _image(layout: Path, digest: str) -> Assembled:
    manifest = _path(layout, digest).read_bytes()
    told = json.loads(manifest)
    config = json.loads(_path(layout, told["config"]["digest"]).read_bytes())
    # where its base is from: a registry that has that need not be sent it again
    base = told["annotations"].get(BASE_NAME)
    source = references.parse(base).place if base else ""
    layers = tuple(_blob(layout, each, source) for each in told["layers"])
    return Assembled(Platform(config["architecture"]), manifest, _blob(layout, told["config"]), layers)


def _attached(layout: Path, digest: str) -> Attached:
    manifest = _path(layout, digest).read_bytes()
    told = json.loads(manifest)
    return Attached(manifest, tuple(_blob(layout, each) for each in (told["config"], *told["layers"])))


def _blob(layout: Path, descriptor: dict[str, Any], source: str = "") -> Blob:
    digest = descriptor["digest"]
    return Blob(_path(layout, digest), digest, descriptor["size"], descriptor["mediaType"], source=source)


def _path(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/", 1)
