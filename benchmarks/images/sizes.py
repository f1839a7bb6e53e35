"""How large images are: read from the registry that they were pushed to, whatever their builder says."""

import io
import json
import tarfile
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images.registry import Counter

_ACCEPTED = ", ".join(
    f"application/vnd.{kind}"
    for kind in (
        "oci.image.index.v1+json",
        "oci.image.manifest.v1+json",
        "docker.distribution.manifest.v2+json",
    )
)
_TIMEOUT, _GZIP = 30.0, 31


@dataclass(frozen=True)
class Layer:
    """One layer: bytes as they are sent, and bytes of the files in it."""

    compressed: int
    unpacked: int


def over_base(counter: Counter, repository: str, tag: str, base_layers: int) -> list[Layer]:
    """Return the layers of a pushed image that lie on those of its base, from the lowest up."""
    manifest = json.loads(_get(counter, f"{repository}/manifests/{tag}"))
    if "manifests" in manifest:
        digest = manifest["manifests"][0]["digest"]
        manifest = json.loads(_get(counter, f"{repository}/manifests/{digest}"))
    own = manifest["layers"][base_layers:]
    return [Layer(each["size"], unpacked(_get(counter, f"{repository}/blobs/{each['digest']}"))) for each in own]


def unpacked(layer: bytes) -> int:
    """Return the bytes of the files in a layer, which may be compressed."""
    plain = zlib.decompress(layer, _GZIP) if layer[:2] == b"\x1f\x8b" else layer
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return sum(member.size for member in archive)


def site_packages(environments: Path) -> dict[str, int]:
    """Return the bytes of what is installed in each environment in a folder, without the programs that install."""
    found = {}
    for packages in sorted(environments.glob("*/lib/python*/site-packages")):
        name = packages.parents[2].name.rpartition("-")[0]
        found[name] = sum(path.stat().st_size for path in _files(packages))
    return found


def _files(packages: Path) -> Iterator[Path]:
    for path in packages.rglob("*"):
        first = path.relative_to(packages).parts[0]
        if not first.startswith(("pip", "setuptools", "_distutils_hack")) and path.is_file() and not path.is_symlink():
            yield path


def _get(counter: Counter, path: str) -> bytes:
    request = urllib.request.Request(f"http://{counter.host}/v2/{path}", headers={"Accept": _ACCEPTED})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
        content: bytes = answer.read()
    return content
