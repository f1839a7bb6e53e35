"""What the tests of targets for Kubernetes share: write the files of a target, and read them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlship import config
from mlship.stages import Target
from mlship.testing import quiet


def configured(name: str, options: Mapping[str, Any]) -> Target:
    stage = config.configure("targets", name, options)
    assert isinstance(stage, Target)
    return stage


def written(name: str, inputs: Mapping[str, Path], out: Path, /, **options: Any) -> Path:
    """Return the folder with the files of the target ``name``."""
    out.mkdir(parents=True, exist_ok=True)
    configured(name, options).run(inputs, out, quiet)
    return out / "manifests"


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_bytes())
    return found


def container(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the only container of a Deployment."""
    (found,) = manifest["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found
