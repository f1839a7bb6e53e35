import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from mlship import signature as signatures
from mlship.images.base import Base
from mlship.images.plan import LIBRARIES, MODEL, Health, Layer, LeftOut, Plan, Platform
from mlship.images.sbom import bill
from mlship.signature import Signature

DIGEST, MODEL_SHA256 = "sha256:" + "b" * 64, "c" * 64
CREATED = 1_795_437_000
METADATA: Mapping[str, list[str]] = {
    "Flask_Like": [
        "Version: 3.1",
        "License-Expression: BSD-3-Clause",
        "Requires-Dist: numbers.lib (>=1.0.*)",
        "Requires-Dist: not-there",
        "Requires-Dist: extra-lib; extra == 'more'",
        "Requires-Dist: windows-lib; sys_platform == 'win32'",
        "Requires-Dist: old-lib; python_version < '3.12'",
        "Requires-Dist: arm-lib; platform_machine == 'aarch64'",
    ],
    "numbers.lib": ["Version: 2.0+local", "License: MIT", "Summary: Numbers, größer als 1"],
    "extra-lib": ["Version: 1", "License: Copyright 1999\n        Redistribution ...", "Classifier: Topic :: Software"],
    "windows-lib": ["Version: 1", "Classifier: License :: OSI Approved", "License: UNKNOWN"],
    "old-lib": ["Version: 1", "Classifier: License :: OSI Approved :: MIT License"],
    "arm-lib": ["Version: 1", "License-Expression: Apache-2.0 AND (MIT OR BSD-2-Clause)"],
}
LOCK = (
    f"flask-like==3.1 --hash=sha256:{'1' * 64}",
    f"numbers-lib==2.0+local \\\n    --hash=sha256:{'2' * 64} \\\n    --hash=sha256:{'3' * 64}",
    f"gone==1 --hash=sha256:{'4' * 64}",
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    model = tmp_path / "model"
    model.mkdir()
    made = Signature(model="Ridge", task="regressor", named=False, columns=(), tensors=(), outputs=())
    signatures.write(made, model / "signature.json")
    for name, lines in METADATA.items():
        told = tmp_path / "lib" / f"{name.replace('-', '_')}-1.dist-info"
        told.mkdir(parents=True)
        (told / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", *lines, ""]), "utf-8")
    return Plan(
        tag="registry.example:5000/team/iris:1",
        base=Base("python:3.12-slim", "3.12", "python3", "x86_64", (2, 36), digest=DIGEST),
        platform=Platform("amd64"),
        layers=(Layer("dependencies", tmp_path / "lib", LIBRARIES), Layer("model", model, MODEL)),
        environment={},
        entrypoint=("python3", "serve.py"),
        command=("serve",),
        health=Health(("true",)),
        labels={},
        port=8000,
        lock=LOCK,
    )


def written(plan: Plan, created: int = CREATED) -> dict[str, Any]:
    found = json.loads(bill(plan, plan.layers[0].source, MODEL_SHA256, created))
    assert isinstance(found, dict)
    return found


def components(plan: Plan) -> dict[str, dict[str, Any]]:
    return {it["name"]: it for it in written(plan)["components"]}


def properties(component: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(it["name"], it["value"]) for it in component.get("properties", ())]


@pytest.mark.parametrize("created", [0, CREATED])
def test_the_strict_validator_finds_nothing(plan: Plan, created: int) -> None:
    content = bill(plan, plan.layers[0].source, MODEL_SHA256, created).decode()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content) is None


def test_the_image_is_what_the_bill_is_of(plan: Plan) -> None:
    image = written(plan)["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == ("container", "iris", "1")
    assert properties(image) == [("mlship:platform", "linux/amd64"), ("mlship:python", "3.12")]


def test_every_library_in_the_folder_is_listed_and_no_other(plan: Plan) -> None:
    libraries = [it for it in written(plan)["components"] if it["type"] == "library"]
    assert sorted(it["name"] for it in libraries) == [
        "arm-lib", "extra-lib", "flask-like", "numbers-lib", "old-lib", "windows-lib",
    ]  # fmt: skip


def test_a_library_has_its_version_its_url_and_what_it_is(plan: Plan) -> None:
    found = components(plan)["numbers-lib"]
    assert found["version"] == "2.0+local"
    assert found["purl"] == "pkg:pypi/numbers-lib@2.0%2Blocal"
    assert found["description"] == "Numbers, größer als 1"


def test_a_library_has_the_hash_of_its_wheel(plan: Plan) -> None:
    found = components(plan)
    assert found["flask-like"]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert "hashes" not in found["extra-lib"]


def test_where_several_wheels_are_locked_none_is_taken_for_the_one(plan: Plan) -> None:
    found = components(plan)["numbers-lib"]
    assert "hashes" not in found
    [where] = found["externalReferences"]
    assert where["type"] == "distribution"
    assert [it["content"] for it in where["hashes"]] == ["2" * 64, "3" * 64]


@pytest.mark.parametrize(
    ("name", "licences"),
    [
        ("flask-like", [{"license": {"id": "BSD-3-Clause"}}]),
        ("arm-lib", [{"expression": "Apache-2.0 AND (MIT OR BSD-2-Clause)"}]),
        ("numbers-lib", [{"license": {"id": "MIT"}}]),
        ("old-lib", [{"license": {"name": "MIT License"}}]),
        ("extra-lib", None),
        ("windows-lib", None),
    ],
)
def test_the_licence_is_what_the_metadata_say(plan: Plan, name: str, licences: list[dict[str, Any]] | None) -> None:
    assert components(plan)[name].get("licenses") == licences


def test_what_was_left_out_of_a_library_is_told(plan: Plan) -> None:
    left = LeftOut("Numbers_Lib", "numbers/tests/**", "tests", 12)
    assert properties(components(replace(plan, left_out=(left,)))["numbers-lib"]) == [
        ("mlship:left_out", "numbers/tests/**: tests")
    ]


@pytest.mark.parametrize(
    ("name", "repository", "tag"),
    [
        ("python:3.12-slim", "docker.io/library/python", {"tag": "3.12-slim"}),
        (f"team/base:7@{DIGEST}", "docker.io/team/base", {"tag": "7"}),
        ("registry.example:5000/base", "registry.example:5000/base", {}),
        ("localhost/base:1", "localhost/base", {"tag": "1"}),
    ],
)
def test_the_base_is_named_with_its_digest_and_repository(
    plan: Plan, name: str, repository: str, tag: dict[str, str]
) -> None:
    found = components(replace(plan, base=replace(plan.base, name=name)))[repository.rpartition("/")[2]]
    url = PackageURL.from_string(found["purl"])
    assert (url.type, url.name, url.version) == ("oci", found["name"], DIGEST)
    assert url.qualifiers == {"arch": "amd64", "repository_url": repository, **tag}
    assert found["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]


def test_a_base_that_is_a_file_has_no_repository(plan: Plan) -> None:
    found = components(replace(plan, base=replace(plan.base, name="/srv/Base.tar")))["Base.tar"]
    url = PackageURL.from_string(found["purl"])
    assert (url.name, url.version, url.qualifiers) == ("base.tar", DIGEST, {"arch": "amd64"})


def test_a_base_without_a_digest_is_listed_all_the_same(plan: Plan) -> None:
    found = components(replace(plan, base=replace(plan.base, digest="")))["python"]
    assert found["purl"].startswith("pkg:oci/python?")
    assert "hashes" not in found


def test_the_model_is_listed_with_its_hash_class_and_task(plan: Plan) -> None:
    model = components(plan)["Ridge"]
    assert model["type"] == "machine-learning-model"
    assert model["hashes"] == [{"alg": "SHA-256", "content": MODEL_SHA256}]
    assert properties(model) == [("mlship:class", "Ridge"), ("mlship:task", "regressor")]


@pytest.mark.parametrize(
    ("architecture", "python", "needed"),
    [
        ("amd64", "3.12", ["numbers-lib"]),
        ("amd64", "3.11", ["numbers-lib", "old-lib"]),
        ("arm64", "3.12", ["arm-lib", "numbers-lib"]),
    ],
)
def test_a_library_depends_on_what_it_asks_for_on_that_platform(
    plan: Plan, architecture: str, python: str, needed: list[str]
) -> None:
    other = replace(plan, platform=Platform(architecture), base=replace(plan.base, python=python))
    graph = {it["ref"]: it.get("dependsOn", []) for it in written(other)["dependencies"]}
    assert [ref.split("/")[1].split("@")[0] for ref in graph["pkg:pypi/flask-like@3.1"]] == needed


def test_the_image_depends_on_its_base_its_model_and_what_nothing_else_asks_for(plan: Plan) -> None:
    graph = {it["ref"]: it.get("dependsOn", []) for it in written(plan)["dependencies"]}
    assert {"base", "model", "pkg:pypi/flask-like@3.1"} <= {*graph["image"]}
    assert "pkg:pypi/numbers-lib@2.0%2Blocal" not in graph["image"]


def test_equal_inputs_give_equal_bytes(plan: Plan) -> None:
    folder = plan.layers[0].source
    assert bill(plan, folder, MODEL_SHA256, 0) == bill(plan, folder, MODEL_SHA256, 0)


def test_other_contents_have_another_serial_number(plan: Plan) -> None:
    other = replace(plan, tag="iris:2")
    assert written(plan)["serialNumber"] == written(plan)["serialNumber"]
    assert written(plan)["serialNumber"] != written(other)["serialNumber"]


def test_the_time_is_the_one_that_was_given(plan: Plan) -> None:
    assert datetime.fromisoformat(written(plan)["metadata"]["timestamp"]) == datetime.fromtimestamp(CREATED, UTC)
    assert "timestamp" not in written(plan, 0)["metadata"]


def test_it_is_told_what_wrote_the_bill(plan: Plan) -> None:
    assert [it["name"] for it in written(plan)["metadata"]["tools"]["components"]] == ["mlship"]
