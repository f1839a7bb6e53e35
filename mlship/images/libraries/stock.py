"""Libraries as layers, kept from one build to the next: they take nearly all of its time."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from mlship import __version__
from mlship.artifacts import digest as sha256
from mlship.errors import BuildError
from mlship.images import parts
from mlship.images.base import Base
from mlship.images.files import layers
from mlship.images.files.blobs import READ_ONLY, Blob, cache, cache_errors
from mlship.images.files.manifests import GZIP
from mlship.images.libraries import bytecode, wheels
from mlship.images.plan import LIBRARIES, Layer, LeftOut
from mlship.images.planning import Unpacked

#: As many sets of libraries are kept; each takes about 40 MB.
_MOST = 8
_TEMPORARY = ".new-"
_ABOUT, _LAYER, _METADATA = "about.json", "layer.tar.gz", parts.DEPENDENCIES


@dataclass(frozen=True)
class Stocked:
    """Libraries and the ``layer`` made of them: ``size`` bytes when unpacked.

    ``unpacked.folder`` has their metadata alone. ``compiled`` is the Python that made their byte code, "" where none
    of that version is on this machine.
    """

    unpacked: Unpacked
    layer: Blob
    size: int
    compiled: str


def libraries(
    lock: tuple[str, ...], wanted: str, base: Base, created: int, unpack: Callable[[Path], tuple[LeftOut, ...]]
) -> Stocked:
    """Return the layer of what ``lock`` names, for ``base``.

    Where it is not kept yet, ``unpack`` puts the libraries into a folder and returns what it left out, which depends on
    the requirements that are ``wanted`` too. Files in the folder are not changed.
    """
    python = bytecode.find(base.python)
    fitting = wheels.python_platform(base), base.python, python.version if python else ""
    known = [__version__, lock, wanted, fitting, created]
    kept = cache().parent / "libraries" / hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]
    with cache_errors(kept.parent):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(kept.parent / ".lock"):  # so that what is beside it and unfinished is of a killed build
            found = _read(kept, lock)
            if found is None:
                _clear(kept)
                with tempfile.TemporaryDirectory(dir=kept.parent, prefix=_TEMPORARY) as folder:
                    _make(Path(folder), base, created, python, unpack)
                    (Path(folder) / "made").rename(kept)
                found = _read(kept, lock)
    if found is None:
        raise BuildError(
            f"the libraries kept in '{kept}' cannot be read again", "XDG_CACHE_HOME=FOLDER names another cache"
        )
    return found


def _make(
    folder: Path,
    base: Base,
    created: int,
    python: bytecode.Interpreter | None,
    unpack: Callable[[Path], tuple[LeftOut, ...]],
) -> None:
    made, unpacked = folder / "made", folder / parts.DEPENDENCIES
    made.mkdir()
    left_out = unpack(unpacked)
    compiled = bytecode.compile_folder(unpacked, LIBRARIES, python) if python else ""
    layer = layers.pack(Layer(parts.DEPENDENCIES, unpacked, LIBRARIES), created, made / _LAYER)
    for metadata in sorted(unpacked.glob("*.dist-info")):
        shutil.copytree(metadata, made / _METADATA / metadata.name)
    about = {
        "digest": layer.digest,
        "packed": layer.size,
        "diff_id": layer.diff_id,
        "size": layers.unpacked_size(unpacked),
        "compiled": compiled,
        "left_out": [asdict(each) for each in left_out],
    }
    layer.path.chmod(READ_ONLY)
    (made / _ABOUT).write_text(json.dumps(about), "utf-8")


def _read(kept: Path, lock: tuple[str, ...]) -> Stocked | None:
    """Return what is kept there; None where nothing is, or not all of it."""
    try:
        about = json.loads((kept / _ABOUT).read_bytes())
        if f"sha256:{sha256(kept / _LAYER)}" != about["digest"]:
            return None
        os.utime(kept)
    except (OSError, ValueError, KeyError):
        return None
    left_out = tuple(LeftOut(**each) for each in about["left_out"])
    layer = Blob(kept / _LAYER, about["digest"], about["packed"], GZIP, about["diff_id"])
    return Stocked(Unpacked(kept / _METADATA, lock, left_out), layer, about["size"], about["compiled"])


def _clear(kept: Path) -> None:
    """Make room for ``kept``: remove what is damaged of it, what killed builds left, what was used longest ago."""
    beside = [path for path in kept.parent.iterdir() if path.is_dir() and path != kept]
    left = [path for path in beside if path.name.startswith(_TEMPORARY)]
    used = sorted((path for path in beside if path not in left), key=lambda path: path.stat().st_mtime)
    for path in (kept, *left, *used[: max(0, len(used) + 1 - _MOST)]):
        shutil.rmtree(path, ignore_errors=True)
