from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.stages import Checked
from mlship.targets.checks import resources

DEFINITION = """
spec:
  group: example.org
  names: {kind: Thing}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            apiVersion: {type: string}
            kind: {type: string}
            metadata: {type: object}
            spec:
              type: object
              properties:
                size: {type: integer}
                port: {anyOf: [{type: integer}, {type: string}], x-kubernetes-int-or-string: true}
                labels: {type: object, additionalProperties: {type: string}}
                free: {type: object, properties: {a: {type: string}}, x-kubernetes-preserve-unknown-fields: true}
                properties: {type: array, items: {type: object, properties: {name: {type: string}}}}
"""


def checked(tmp_path: Path, spec: str, version: str = "v1") -> Checked:
    (tmp_path / "crd.yaml").write_text(DEFINITION)
    (tmp_path / "thing.yaml").write_text(
        f"apiVersion: example.org/{version}\nkind: Thing\nmetadata: {{name: a, labels: {{b: c}}}}\nspec: {spec}\n"
    )
    return resources.check("things", tmp_path / "crd.yaml", [tmp_path / "thing.yaml"])


@pytest.mark.parametrize(
    "spec",
    ["{size: 1}", "{port: 80}", "{port: http}", "{labels: {any: name}}", "{free: {b: 1}}", "{properties: [{name: a}]}"],
)
def test_what_the_definition_allows_passes(spec: str, tmp_path: Path) -> None:
    assert checked(tmp_path, spec) == Checked("things", passed=True, said="1 objects, strictly")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{size: a}", "thing.yaml: $.spec.size"),
        ("{sise: 1}", "'sise'"),
        ("{port: 1.5}", "$.spec.port"),
        ("{labels: {a: 1}}", "$.spec.labels.a"),
        ("{free: {a: 1}}", "$.spec.free.a"),
        ("{properties: [{nam: a}]}", "$.spec.properties[0]"),
    ],
)
def test_what_it_does_not_is_named(spec: str, said: str, tmp_path: Path) -> None:
    found = checked(tmp_path, spec)
    assert found.passed is False
    assert said in found.said


def test_another_version_is_not_taken_for_this_one(tmp_path: Path) -> None:
    assert "example.org/v2 Thing is not what" in checked(tmp_path, "{}", "v2").said


def test_a_document_that_is_no_object_is_named(tmp_path: Path) -> None:
    checked(tmp_path, "{}")
    (tmp_path / "list.yaml").write_text("- 1\n")
    found = resources.check("things", tmp_path / "crd.yaml", [tmp_path / "list.yaml"])
    assert (found.passed, found.said) == (False, "list.yaml: None None is not what the definition defines")


@pytest.mark.parametrize("text", ["", "a: [", "spec: 1", "spec: {group: a}"])
def test_a_file_that_is_no_definition_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "crd.yaml").write_text(text)
    with pytest.raises(UsageError, match="is not a CustomResourceDefinition"):
        resources.check("things", tmp_path / "crd.yaml", [])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        resources.check("things", tmp_path / "crd.yaml", [])
