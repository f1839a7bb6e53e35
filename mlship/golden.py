"""The golden set: input rows, plain and stressed, with the original model's own outputs.

Kept as one deterministic ``golden.npz``. Strings are stored as UTF-8 bytes and offsets, so nothing is ever pickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mlship.errors import DamagedWorkspaceError

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Golden:
    """Rows that every later stage is judged against.

    ``inputs``: by ONNX input name, (rows, width), float64 or object (str; missing is ``signature.MISSING_STRING``).
    ``outputs``: by output name, (rows,) or (rows, width), in the dtype of the original; strings as object arrays.
    ``origins``: for each row "sample", "synthetic", or "stress: <what was done>".
    ``target``: the true answers of the sample, where the user named them; rows that have none are left out of it.
    """

    inputs: dict[str, NDArray[Any]]
    outputs: dict[str, NDArray[Any]]
    origins: tuple[str, ...]
    target: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.origins)

    def take(self, rows: Any) -> "Golden":
        """Return the golden set of the given row numbers (an index array, slice or mask)."""
        return Golden(
            {name: values[rows] for name, values in self.inputs.items()},
            {name: values[rows] for name, values in self.outputs.items()},
            tuple(np.array(self.origins, dtype=object)[rows]),
        )

    def plain(self) -> "Golden":
        """Return the rows that come from the sample (or were synthesised), without the stress rows."""
        return self.take(np.array([not origin.startswith("stress") for origin in self.origins], dtype=bool))


def write(golden: Golden, path: Path) -> None:
    """Write ``golden`` to ``path`` (.npz)."""
    parts: dict[str, NDArray[Any]] = {}
    for prefix, group in (("input", golden.inputs), ("output", golden.outputs)):
        for name, values in group.items():
            _put(parts, f"{prefix}:{name}", values)
    _put(parts, "origins", np.array(golden.origins, dtype=object))
    if golden.target is not None:
        _put(parts, "target", golden.target)
    with path.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **parts)


def read(path: Path) -> Golden:
    """Read a golden set; raises DamagedWorkspaceError when the file is not one."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            parts = {name: archive[name] for name in archive.files}
        names = [name.removesuffix("#shape") for name in parts if not name.endswith(("#bytes", "#ends"))]
        values = {name: _get(parts, name) for name in names}
        return Golden(
            {name.removeprefix("input:"): array for name, array in values.items() if name.startswith("input:")},
            {name.removeprefix("output:"): array for name, array in values.items() if name.startswith("output:")},
            tuple(values["origins"]),
            values.get("target"),
        )
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        raise DamagedWorkspaceError(f"'{path}' is not a golden set: {error}", "mlship convert --force") from error


def _put(parts: dict[str, NDArray[Any]], name: str, values: NDArray[Any]) -> None:
    if values.dtype.kind not in "OU":
        parts[name] = values
        return
    encoded = [str(value).encode("utf-8", "surrogatepass") for value in values.ravel()]
    parts[f"{name}#shape"] = np.array(values.shape, dtype=np.int64)
    parts[f"{name}#bytes"] = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    parts[f"{name}#ends"] = np.cumsum([len(item) for item in encoded], dtype=np.int64)


def _get(parts: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name in parts:
        return parts[name]
    content, ends = parts[f"{name}#bytes"].tobytes(), parts[f"{name}#ends"].tolist()
    starts = [0, *ends[:-1]]
    texts = [content[start:end].decode("utf-8", "surrogatepass") for start, end in zip(starts, ends, strict=True)]
    flat = np.empty(len(texts), dtype=object)
    flat[:] = texts
    return flat.reshape(parts[f"{name}#shape"])
