"""mlship doctor."""

import platform
import shutil
from importlib import metadata
from typing import Any

from mlship import plugins, versions
from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.config import STAGES
from mlship.environments import find_uv
from mlship.errors import MissingDependencyError, PluginError
from mlship.workspace import Workspace

_LIBRARIES = ("numpy", "pandas", "scikit-learn", "onnx", "onnxruntime", "skl2onnx", "protobuf", "docker", "fastapi")


@as_command
def command(screen: Screen, workspace: Workspace) -> Answer:
    """Check what this machine has for mlship."""
    checks = [*_libraries(), *_combinations(), *_plugins(), _uv(), _engine(), _disk(workspace)]
    lines = [f"{'ok ' if check['ok'] else 'no '} {check['what']}: {check['found']}" for check in checks]
    return Answer({"checks": checks}, "\n".join(lines))


def _libraries() -> list[dict[str, Any]]:
    found = [_check("python", platform.python_version(), ok=True)]
    for name in _LIBRARIES:
        try:
            found.append(_check(name, metadata.version(name), ok=True))
        except metadata.PackageNotFoundError:
            found.append(_check(name, f"not installed; pip install {name}", ok=False))
    return found


def _combinations() -> list[dict[str, Any]]:
    """Name the versions that are known not to go together."""
    bad = versions.here()
    return [_check("versions", f"{versions.sentence(known)}; {known.remedy}", ok=False) for known in bad]


def _uv() -> dict[str, Any]:
    uv = find_uv()
    return _check("uv", uv or "not installed; --python-env auto needs it: pip install uv", ok=uv is not None)


def _plugins() -> list[dict[str, Any]]:
    found = []
    groups = {stage: group for stage, (group, _) in STAGES.items()} | {"deploy": "targets"}
    for stage, group in groups.items():
        for name in plugins.names(group):
            try:
                plugins.load(group, name)
                found.append(_check(f"{stage} plugin {name}", "loads", ok=True))
            except (MissingDependencyError, PluginError) as error:
                found.append(_check(f"{stage} plugin {name}", f"{error.message}; {error.hint}", ok=False))
    return found


def _engine() -> dict[str, Any]:
    found = plugins.load("images", "docker").engine()
    return _check("container engine", found or "none answers; images are built by oci, and not started", ok=bool(found))


def _disk(workspace: Workspace) -> dict[str, Any]:
    free = shutil.disk_usage(workspace.root if workspace.root.exists() else ".").free
    return _check("free disk", f"{free / 1e9:.1f} GB", ok=free > 1e9)


def _check(what: str, found: str, *, ok: bool) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok}
