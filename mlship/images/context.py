"""The build context: a folder that any engine builds without a network, by mlship or by hand."""

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from mlship import rendering
from mlship.artifacts import digest, files, write_atomic
from mlship.errors import BuildError
from mlship.images.base import Base
from mlship.images.names import split
from mlship.signature import Signature

#: What of a service folder does not belong into an image.
LEFT_OUT = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".venv", ".git"}
#: And of its top level; deeper down, a package of the user's may have such a name.
_LEFT_OUT_AT_TOP = {"model", "tests"}
#: Where pip, which the base need not have, lies for the first stage alone.
INSTALLER = "installer/pip.zip"
#: 1980-01-01, the earliest that a zip file can tell: the same files give the same layers on any day.
_EPOCH = 315532800


def write(service: Path, base: Base, lock: list[str], values: Mapping[str, object], context: Path) -> None:
    """Complete ``context``, whose wheels/ is there already: service/, model/, installer/, lock, Dockerfile.

    ``values``: port and labels for the template. Raises BuildError where the service lacks a file that it needs.
    """
    for needed in ("serve.py", "requirements.txt", "model/signature.json"):
        if not (service / needed).is_file():
            raise _incomplete(service, needed)
    model_file(service)
    _copy(service, context / "service", LEFT_OUT, _LEFT_OUT_AT_TOP)
    _copy(service / "model", context / "model", set(), set())
    write_atomic(context / "requirements.lock", "".join(f"{line}\n" for line in lock).encode())
    _write_installer(context / INSTALLER)
    filled = {"base": base.name, "python": base.command, "installer": INSTALLER, **values}
    rendering.render_tree("image", context, filled)
    _normalise(context)


def model_file(service: Path) -> Path:
    """Return the file that holds the model of a service: model.onnx, or the one that native.json names.

    Raises BuildError where there is neither.
    """
    model, native = service / "model" / "model.onnx", service / "model" / "native.json"
    if native.is_file():
        model = service / "model" / str(json.loads(native.read_bytes())["file"])
    if not model.is_file():
        raise _incomplete(service, f"model/{model.name}")
    return model


def labels(service: Path, signature: Signature, tag: str, base: Base, revision: str | None) -> dict[str, str]:
    """Return the labels of an image: the keys of the OCI image spec (annotations), and where the model is from."""
    title, version = split(tag)
    named = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.description": f"{signature.model} ({signature.task}) over HTTP",
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.base.name": base.name,
        "org.opencontainers.image.base.digest": base.digest,
        "io.mlship.model.class": signature.model,
        "io.mlship.model.sha256": digest(model_file(service)),
    }
    return {key: value for key, value in named.items() if value}


def _incomplete(service: Path, needed: str) -> BuildError:
    return BuildError(f"'{service}' is not a complete service: it has no {needed}", "mlship scaffold --force")


def _copy(source: Path, target: Path, left_out: set[str], at_top: set[str]) -> None:
    for name in files(source):
        parts = Path(name).parts
        if parts[0] not in at_top and not left_out & {*parts}:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, target / name)


def _write_installer(target: Path) -> None:
    """Pack the pip of this installation, which is plain Python, so that it runs from the archive."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(_sources(resources.files("pip"), "pip"), key=lambda item: item[0]):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def _sources(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _sources(item, f"{name}/{item.name}") if item.name != "__pycache__" else []
        else:
            found.append((f"{name}/{item.name}", item.read_bytes()))
    return found


def _normalise(context: Path) -> None:
    """Let any user read every file, whatever the umask, and give all of them one time."""
    for path in [context, *context.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_EPOCH, _EPOCH))
