import json
from typing import Any

import pytest

from mlship.errors import BuildError
from mlship.images.files import manifests
from mlship.images.plan import Platform
from tests.unit.images.image_support import AMD64, ARM64


def told(number: int, **platform: str) -> dict[str, Any]:
    return {"digest": f"sha256:{number:064d}", "platform": {"os": "linux", **platform}}


def test_the_one_image_of_the_platform_is_chosen() -> None:
    index = {"manifests": [told(1, architecture="amd64"), told(2, architecture="arm64", variant="v8")]}
    assert manifests.choose(index, ARM64, "base")["digest"] == told(2)["digest"]


@pytest.mark.parametrize(
    "other",
    [
        told(1, architecture="arm", variant="v7"),
        told(1, architecture="arm64", variant="v9"),
        told(1, architecture="arm64", os="windows"),
        told(1, architecture="unknown", os="unknown"),
    ],
)
def test_an_image_for_something_else_is_not_taken(other: dict[str, Any]) -> None:
    with pytest.raises(BuildError, match="'base' is not there for linux/arm64"):
        manifests.choose({"manifests": [other]}, ARM64, "base")


def test_the_platforms_that_are_there_are_named_and_one_is_offered() -> None:
    index = {
        "manifests": [
            told(1, architecture="s390x"),
            told(2, architecture="arm", variant="v7"),
            told(3, architecture="unknown", os="unknown"),
        ]
    }
    with pytest.raises(BuildError, match="only for linux/arm/v7, linux/s390x") as caught:
        manifests.choose(index, AMD64, "base")
    assert caught.value.hint == "--platform linux/arm/v7"


def test_a_platform_that_is_null_is_none() -> None:
    index = {"manifests": [{**told(1), "platform": None}, told(2, architecture="amd64")]}
    assert manifests.choose(index, AMD64, "base")["digest"] == told(2)["digest"]


@pytest.mark.parametrize(
    "content", [b"<html>", b"[]", b'{"schemaVersion": 1, "fsLayers": []}', b"null"], ids=["html", "list", "v1", "null"]
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(BuildError, match="'base'"):
        manifests.parse(content, "base")


def test_an_index_lists_images_in_the_same_order_whatever_order_they_come_in() -> None:
    images: list[tuple[Platform, bytes]] = [(ARM64, b'{"layers":[]}'), (AMD64, b'{"layers":[]}')]
    index = manifests.index(images)
    assert index == manifests.index(images[::-1])
    assert [one["platform"]["architecture"] for one in json.loads(index)["manifests"]] == ["amd64", "arm64"]


def test_layers_of_docker_are_called_by_their_oci_names() -> None:
    assert manifests.layer_type({"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"}) == manifests.GZIP
