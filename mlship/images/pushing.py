"""Images of the engine on their way out: to a registry, or to a file."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docker import DockerClient

from mlship.artifacts import partial
from mlship.errors import BuildError, MlshipError
from mlship.formats import size
from mlship.images.engine import disk_full, plain_errors
from mlship.images.registries import references
from mlship.stages import Progress

_THERE, _PUSHED = "Layer already exists", "Pushed"


def push(client: DockerClient, tag: str, progress: Progress) -> dict[str, Any]:
    """Have the engine push ``tag``, with the credentials of docker login; return digest, bytes and layers.

    Raises BuildError where the registry refuses, or does not answer.
    """
    name, _, version = tag.rpartition(":")
    layers: dict[str, str] = {}
    sent: dict[str, int] = {}
    digest = ""
    with plain_errors(f"to push '{tag}'"):
        for line in client.api.push(name, version, stream=True, decode=True):
            if "error" in line:
                raise refused(tag, str(line["error"]))
            identity, status = str(line.get("id", "")), str(line.get("status", ""))
            if status in {_THERE, _PUSHED}:
                layers[identity] = status
            sent[identity] = max(sent.get(identity, 0), (line.get("progressDetail") or {}).get("current", 0))
            digest = (line.get("aux") or {}).get("Digest", digest)
            progress(f"pushing {tag}: {len(layers)} layers are there")
    there = sum(status == _THERE for status in layers.values())
    total = sum(count for identity, count in sent.items() if layers.get(identity) == _PUSHED)
    return told(tag, digest, total, len(layers) - there, there)


def told(tag: str, digest: str, sent: int, blobs: int, there: int) -> dict[str, Any]:
    """Return what is said of a push: ``sent`` bytes in so many blobs, where ``there`` others were there already."""
    sentence = f"pushed {tag}@{digest}: {size(sent)} in {blobs} blobs, {there} were there already"
    return {"name": tag, "digest": digest, "bytes": sent, "blobs": blobs, "there": there, "sentence": sentence}


def refused(tag: str, words: str) -> MlshipError:
    """Explain why an engine could not push."""
    if full := disk_full(words):
        return full
    if re.search("denied|unauthorized|authentication|no basic auth", words, re.IGNORECASE):
        return BuildError(f"the registry refuses '{tag}': {words}", f"docker login {references.parse(tag).registry}")
    return BuildError(f"'{tag}' could not be pushed: {words}", "the same command sends only what is not there yet")


def save(client: DockerClient, tag: str, target: Path) -> None:
    """Write the image ``tag`` to the file ``target``, as docker save does.

    Raises BuildError or EngineMissingError for the engine, OSError for the file.
    """
    with partial(target) as path, path.open("wb") as file:
        for chunk in _saved(client, tag):
            file.write(chunk)


def _saved(client: DockerClient, tag: str) -> Iterator[bytes]:
    with plain_errors(f"to give out '{tag}'"):
        yield from client.images.get(tag).save(named=tag)


def tag_of(image: Mapping[str, Any]) -> str:
    """Return the name that an image.json tells."""
    return str(image["tags"][0])
