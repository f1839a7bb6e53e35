"""Kubernetes manifests held against the published schemas of Kubernetes, strictly: no field that is not known."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes_validate import SchemaNotFoundError, ValidationError, utils

from mlship.stages import Checked

#: How many versions of Kubernetes: those that its maintainers support at a time.
_VERSIONS = 3
_NAME = "kubernetes-validate"


def check(files: Mapping[str, Path]) -> Checked:
    """Validate every object in ``files`` (path by the name that it is told by), for the newest versions there are.

    Objects of other projects (HTTPRoute, ServiceMonitor) are named, because their schemas are not published with
    Kubernetes.
    """
    # each is listed twice: its strict schemas have a folder of their own
    versions = list(dict.fromkeys(utils.all_versions()))[-_VERSIONS:]
    found: list[str] = []
    others: set[str] = set()
    count = 0
    for name, manifest in _objects(files):
        count += 1
        for version in versions:
            try:
                utils.validate(manifest, version, strict=True)
            except ValidationError as error:
                where = ".".join(map(str, error.absolute_path))
                found.append(f"{name}: {manifest['kind']} in Kubernetes {version}: {where}: {error.message}")
            except SchemaNotFoundError:
                others.add(manifest["kind"])
    said = f"{count} objects, strictly, for Kubernetes {', '.join(_short(version) for version in versions)}"
    if others:
        said += f"; not {', '.join(sorted(others))}, of other projects"
    return Checked(_NAME, not found, "\n".join(found) if found else said)


def _objects(files: Mapping[str, Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, path in files.items():
        for manifest in yaml.safe_load_all(path.read_bytes()):
            if manifest and manifest["kind"] != "Kustomization":
                yield name, manifest


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])
