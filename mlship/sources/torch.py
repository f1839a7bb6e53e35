"""PyTorch models: exported programs (.pt2), TorchScript, and weights for a module that a function of the user makes."""

import importlib
import io
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from mlship.errors import ModelError, UnsupportedModelError
from mlship.inspection import Inspection
from mlship.sources import torch_archive
from mlship.sources.files import library, start_of

_SUFFIXES = {".pt2", ".pt", ".pth", ".ts"}
_EXPORT = "torch.export.save(torch.export.export(model.eval(), (rows,), dynamic_shapes=({0: Dim.AUTO},)), 'model.pt2')"


class TorchSource:
    """Reads what torch.export.save, torch.jit.save and torch.save (weights only) write.

    ``build`` is "module:function", which returns the module that weights belong to.
    """

    def __init__(self, build: str | None = None) -> None:
        self.build = build

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is a file of this kind, by its suffix and its first bytes."""
        return path.suffix.lower() in _SUFFIXES and start_of(path, 4) == b"PK\x03\x04"

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without PyTorch: ``globals`` are the operators that it calls.

        Raises ModelError for a pickled module, which only its own Python code could load, and for a damaged file;
        UntrustedModelError for what loading would run unseen.
        """
        found = torch_archive.read(path)
        if found.kind == "pickled module":
            message = f"'{path.name}' is a pickled module: loading it would run the code that it was made with"
            raise ModelError(message, _EXPORT)
        return Inspection(
            path=path,
            format=f"PyTorch, {found.kind}",
            size=path.stat().st_size,
            model=f"torch {found.kind}",
            globals=found.names,
            untrusted=tuple(name for name in found.untrusted if name not in trust),
        )

    def load(self, path: Path) -> object:
        """Load the model for the CPU; call it behind ``inspection.require_trusted`` only.

        Raises MissingDependencyError without torch, UnsupportedModelError for weights without ``build``.
        """
        torch = library("torch", path)
        found = torch_archive.read(path)
        try:
            match found.kind:
                case "exported program":
                    return torch.export.load(io.BytesIO(found.content))
                case "TorchScript":
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", DeprecationWarning)  # of TorchScript itself
                        return torch.jit.load(str(path), map_location="cpu").eval()
                case "weights":
                    return self._filled(torch.load(path, map_location="cpu", weights_only=True), path)
        except (RuntimeError, ValueError, AssertionError, KeyError, TypeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"'{path.name}' cannot be loaded: {reason}", "save the model again") from error
        raise ModelError(f"'{path.name}' is a pickled module", _EXPORT)

    def _filled(self, weights: Any, path: Path) -> Any:
        if self.build is None:
            message = f"'{path.name}' holds weights only, and not the module that they belong to"
            raise UnsupportedModelError(message, _EXPORT)
        module, _, function = self.build.partition(":")
        try:
            made = getattr(importlib.import_module(module), function)()
        except (ImportError, AttributeError) as error:
            raise ModelError(f"'{self.build}' cannot be called: {error}", "name it as module:function") from error
        made.load_state_dict(weights)
        return made.eval()
