"""Libraries as layers, kept from one build to the next: they take nearly all of its time."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mlship import __version__
from mlship.images import parts
from mlship.images.base import Base
from mlship.images.files import layers
from mlship.images.files.blobs import Blob, cache
from mlship.images.files.manifests import GZIP
from mlship.images.libraries import bytecode
from mlship.images.plan import LIBRARIES, Layer, LeftOut
from mlship.images.planning import Unpacked

#: As many sets of libraries are kept; each takes about 40 MB.
_MOST = 8
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
    the requirements that are ``wanted`` too.
    """
    python = bytecode.find(base.python)
    known = [__version__, lock, wanted, base.python, base.machine, created, python.version if python else ""]
    kept = cache().parent / "libraries" / hashlib.sha256(json.dumps(known).encode()).hexdigest()[:32]
    if not (kept / _ABOUT).is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".") as folder:
            _make(Path(folder), base, created, python, unpack)
            with suppress(OSError):  # another build was faster
                (Path(folder) / "made").rename(kept)
        _forget(kept.parent)
    (kept / _ABOUT).touch()
    about = json.loads((kept / _ABOUT).read_bytes())
    left_out = tuple(LeftOut(**each) for each in about["left_out"])
    layer = Blob(kept / _LAYER, about["digest"], about["packed"], GZIP, about["diff_id"])
    return Stocked(Unpacked(kept / _METADATA, lock, left_out), layer, about["size"], about["compiled"])


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
    (made / _ABOUT).write_text(json.dumps(about), "utf-8")


def _forget(folder: Path) -> None:
    """Remove what was used longest ago."""
    used = sorted(folder.glob(f"*/{_ABOUT}"), key=lambda about: about.stat().st_mtime)
    for about in _oldest(used):
        shutil.rmtree(about.parent, ignore_errors=True)


def _oldest(used: Sequence[Path]) -> Sequence[Path]:
    return used[: max(0, len(used) - _MOST)]
