"""What is read of an image: its digest where a registry has it, the memory that it needs, its version."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.targets import known
from tests.unit.targets.conftest import IMAGE

OF_OCI = {"builder": "oci", "id": "sha256:" + "1" * 64, "digest": "sha256:" + "2" * 64}
OTHER = "registry.example/team/iris@sha256:" + "3" * 64


def read(inputs: dict[str, Path], image: str | None = None, **told: Any) -> known.Known:
    inputs["image"].write_text(json.dumps({**IMAGE, **told}))
    return known.read(inputs, image)


@pytest.mark.parametrize(
    ("told", "image", "digest"),
    [
        (OF_OCI, None, OF_OCI["digest"]),
        (OF_OCI, "registry.example/team/iris:1.2", OF_OCI["digest"]),
        (OF_OCI, "registry.example/team/iris:1.3", ""),
        (OF_OCI, OTHER, "sha256:" + "3" * 64),
        ({**OF_OCI, "tags": ["iris:1.2"]}, None, ""),
        ({}, None, ""),
    ],
    ids=["the one built", "its name", "another", "a digest in the name", "in no registry", "of an engine"],
)
def test_a_digest_is_known_where_a_registry_gives_it(
    told: dict[str, Any], image: str | None, digest: str, known_inputs: dict[str, Path]
) -> None:
    assert read(known_inputs, image, **told).digest == digest


@pytest.mark.parametrize(("peak", "limit"), [(0, 192), (400 * 2**20, 448)], ids=["of use", "of the peak"])
def test_the_limit_of_memory_is_above_what_was_seen(peak: int, limit: int, known_inputs: dict[str, Path]) -> None:
    found = read(known_inputs, peak_bytes=peak)
    assert (found.memory_limit, found.is_short) == (limit, False)


def test_an_image_that_was_killed_for_its_memory_is_known_for_it(known_inputs: dict[str, Path]) -> None:
    assert read(known_inputs, peak_bytes=2**29, at_the_limit={"oom_killed": True}).is_short


@pytest.mark.parametrize(
    ("image", "version"), [("iris:2", "2"), ("host:5000/iris", "latest"), ("iris:1@sha256:" + "a" * 64, "1")]
)
def test_the_version_is_the_tag(image: str, version: str, known_inputs: dict[str, Path]) -> None:
    assert read(known_inputs, image).version == version


def test_without_an_image_there_is_nothing_to_deploy(known_inputs: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="no image") as caught:
        read(known_inputs, built=False)
    assert caught.value.hint == "mlship build -t NAME:1"
