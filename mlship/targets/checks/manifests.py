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
#: The one group of a project of its own that is called like those of Kubernetes.
_GATEWAY = "gateway.networking.k8s.io"


def check(files: Mapping[str, Path]) -> Checked:
    """Validate every object in ``files`` (path by the name that it is told by), for the newest versions there are.

    Objects of other projects (HTTPRoute, ServiceMonitor) are named, because their schemas are not published with
    Kubernetes. Whatever else has no schema is a finding.
    """
    # each is listed twice: its strict schemas have a folder of their own
    versions = list(dict.fromkeys(utils.all_versions()))[-_VERSIONS:]
    found: list[str] = []
    others: set[str] = set()
    count = 0
    for name, manifest in _documents(files):
        count += 1
        kind, api = _told(manifest)
        if not kind or not api:
            found.append(f"{name}: a document without apiVersion or kind")
        elif _is_of_another_project(api):
            others.add(kind)
        else:
            found += [f"{name}: {said}" for version in versions for said in _errors(manifest, version)]
    said = f"{count} objects, strictly, for Kubernetes {', '.join(_short(version) for version in versions)}"
    if others:
        said += f"; not {', '.join(sorted(others))}, of other projects"
    return Checked(_NAME, not found, "\n".join(found) if found else said)


def _errors(manifest: dict[str, Any], version: str) -> Iterator[str]:
    try:
        utils.validate(manifest, version, strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.absolute_path))
        yield f"{manifest['kind']} in Kubernetes {_short(version)}: {where}: {error.message}"
    except SchemaNotFoundError:
        yield f"Kubernetes {_short(version)} has no {manifest['kind']} of {manifest['apiVersion']}"


def _documents(files: Mapping[str, Path]) -> Iterator[tuple[str, Any]]:
    """Yield what is in ``files`` with its name, without what kubectl reads itself and sends to no cluster."""
    for name, path in files.items():
        for manifest in yaml.safe_load_all(path.read_bytes()):
            if manifest is not None and not _told(manifest)[1].startswith("kustomize.config.k8s.io/"):
                yield name, manifest


def _told(manifest: Any) -> tuple[str, str]:
    """Return kind and apiVersion, each "" where there is none."""
    told = manifest if isinstance(manifest, dict) else {}
    kind, api = told.get("kind"), told.get("apiVersion")
    return kind if isinstance(kind, str) else "", api if isinstance(api, str) else ""


def _is_of_another_project(api: str) -> bool:
    group = api.rpartition("/")[0]
    return group == _GATEWAY or ("." in group and not group.endswith(".k8s.io"))


def _short(version: str) -> str:
    return ".".join(version.split(".")[:2])
