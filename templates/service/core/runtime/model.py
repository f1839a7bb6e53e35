"""The model folder: the model, run by ONNX Runtime or by its own library, and the signature that describes it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import DTypeLike, NDArray

from core.runtime.signature import Signature, read

#: What a model folder holds decides who runs it, and only that library is imported.
_RUNTIMES = {"native.json": ("core.runtime.native", "Native"), "model.onnx": ("core.runtime.session", "Session")}


class ModelFolderError(ValueError):
    """The model folder is not there, or its files do not fit together."""


class Runtime(Protocol):
    """Who runs a model: ``file`` is what it loaded, ``dtypes`` are those of the tensors that it takes.

    ``threads`` answer one run (0: the library decides); ``libraries`` are the distributions that do the work.
    """

    file: Path
    dtypes: Mapping[str, DTypeLike]
    threads: int
    libraries: Sequence[str]

    def run(self, feed: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Answer for ``feed`` by output name; raises InvalidRequestError where the model refuses the values."""


@dataclass(frozen=True)
class Model:
    """A loaded model; the digests are sha256 in hex."""

    signature: Signature
    runtime: Runtime
    model_digest: str
    signature_digest: str

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in the order of the signature."""
        return tuple(output.name for output in self.signature.outputs)


def load(folder: Path) -> Model:
    """Load the model in ``folder``: signature.json, and model.onnx or native.json with the file that this names.

    Raises ModelFolderError when a file is missing, damaged, or does not fit the others.
    """
    try:
        signature = read(folder / "signature.json")
        _check(signature)
        runtime = _runtime(folder, signature)
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (runtime.file, folder / "signature.json")]
    except (OSError, ValueError, TypeError, AttributeError, KeyError, ImportError) as error:
        raise ModelFolderError(f"the model folder '{folder}' cannot be read: {error}") from error
    return Model(signature, runtime, *digests)


def _check(signature: Signature) -> None:
    for tensor in signature.tensors:
        filled = sorted(column.index for column in signature.columns if column.tensor == tensor.name)
        if filled != list(range(tensor.width)):
            raise ValueError(f"signature.json does not fill the input '{tensor.name}' of width {tensor.width}")


def _runtime(folder: Path, signature: Signature) -> Runtime:
    file = next((name for name in _RUNTIMES if (folder / name).exists()), None)
    if file is None:
        raise FileNotFoundError(f"there is neither {' nor '.join(_RUNTIMES)}")
    module, name = _RUNTIMES[file]
    runtime: Runtime = getattr(import_module(module), name)(folder, signature)
    return runtime
