"""Manifests and indexes: what a registry or a layout says of an image, and which part of it is for a platform.

Source of the formats: OCI image spec 1.1, "Image Index" and "Image Manifest"; Docker's own are read as the same.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlship.errors import BuildError
from mlship.images.plan import Platform

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TAR = "application/vnd.oci.image.layer.v1.tar"
GZIP = f"{TAR}+gzip"
_DOCKER = "application/vnd.docker.distribution.manifest"
#: What to ask a registry for.
ACCEPTED = (INDEX, MANIFEST, f"{_DOCKER}.list.v2+json", f"{_DOCKER}.v2+json")
#: Docker's names for the same bytes: a manifest does not mix them with those of OCI.
_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": GZIP,
    "application/vnd.docker.image.rootfs.diff.tar": TAR,
}
_OTHER = "take another base image: --set base=NAME"


def digest_of(content: bytes) -> str:
    """Return the digest that names ``content``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parse(content: bytes, name: str) -> dict[str, Any]:
    """Return a manifest or an index as it says; raises BuildError when it is neither, or of the first version."""
    try:
        told = json.loads(content)
    except ValueError as error:
        raise BuildError(f"the manifest of '{name}' is not JSON", _OTHER) from error
    if not isinstance(told, dict) or not ("manifests" in told or "layers" in told):
        raise BuildError(f"'{name}' has no manifest that can be read: it is neither OCI's nor Docker's second", _OTHER)
    return told


def is_index(manifest: Mapping[str, Any]) -> bool:
    """Say whether it lists manifests of images, not layers."""
    return "manifests" in manifest


def media_type(manifest: Mapping[str, Any]) -> str:
    """Return what a manifest or an index calls itself, or what it is."""
    return str(manifest.get("mediaType") or (INDEX if is_index(manifest) else MANIFEST))


def layer_type(descriptor: Mapping[str, Any]) -> str:
    """Return the OCI name for what a layer is written in."""
    told = str(descriptor["mediaType"])
    return _LAYERS.get(told, told)


def index(images: Sequence[tuple[Platform, bytes]]) -> bytes:
    """Return the index of images by platform, given their manifests."""
    told = [described(platform, manifest) for platform, manifest in sorted(images)]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": told}, separators=(",", ":")).encode()


def described(platform: Platform, manifest: bytes) -> dict[str, Any]:
    """Return what an index says of an image, given its manifest."""
    return {
        "mediaType": media_type(json.loads(manifest)),
        "digest": digest_of(manifest),
        "size": len(manifest),
        "platform": {"architecture": platform.architecture, "os": "linux"},
    }


def choose(listed: Mapping[str, Any], platform: Platform, name: str) -> dict[str, Any]:
    """Return the descriptor of the one image ``listed`` in an index that is for ``platform``.

    Raises BuildError, naming the platforms that are there, when there is none, or when there are several.
    """
    descriptors = [told for told in listed["manifests"] if isinstance(told.get("platform"), Mapping)]
    fitting = [told for told in descriptors if is_for(told["platform"], platform)]
    if not fitting:
        raise missing(name, platform, [spelt(told["platform"]) for told in descriptors])
    if len({told["digest"] for told in fitting}) > 1:
        raise BuildError(f"'{name}' holds {len(fitting)} images for {platform}", "keep one of them in it")
    return dict(fitting[0])


def is_for(told: Mapping[str, Any], platform: Platform) -> bool:
    """Say whether what is told of an image or of its config fits ``platform``; v8 is what arm64 is anyway."""
    fits = told.get("os", "linux") == "linux" and told.get("architecture") == platform.architecture
    return fits and told.get("variant", "") in ("", "v8")


def check(config: Mapping[str, Any], platform: Platform, name: str) -> None:
    """Raise BuildError when an image that is the only one there is for another platform."""
    if not is_for(config, platform):
        raise missing(name, platform, [spelt(config)])


def missing(name: str, platform: Platform, there: list[str]) -> BuildError:
    """Return the error of an image that is not there for ``platform``; ``there`` are those that it is for."""
    known = sorted({one for one in there if "unknown" not in one})
    message = f"base image '{name}' is not there for {platform}, only for {', '.join(known) or 'no platform'}"
    return BuildError(message, f"--platform {known[0]}" if known else _OTHER)


def spelt(told: Mapping[str, Any]) -> str:
    """Return a platform as users write it: linux/arm/v7."""
    parts = (told.get("os", "linux"), told.get("architecture", "unknown"), told.get("variant"))
    return "/".join(str(part) for part in parts if part)
