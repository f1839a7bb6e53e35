"""Keras 3 models (.keras): the configuration is read first, then loaded in safe mode with PyTorch as backend."""

import json
import os
import re
import warnings
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mlship.errors import ModelError
from mlship.inspection import Inspection
from mlship.sources.files import library, start_of

_MODULES = re.compile(r"keras|keras\.[\w.]+|builtins")
#: Layers that run what the file brings: Python byte code, pickled modules, saved models of other libraries.
_RUNS_CODE = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"}
#: Classes of Python that Keras writes into a configuration.
_PLAIN = {"list", "dict", "tuple", "set", "str", "int", "float", "bool", "slice"}


class KerasSource:
    """Reads what model.save('model.keras') writes."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is a file of this kind, by its suffix and its first bytes."""
        return path.suffix.lower() == ".keras" and start_of(path, 4) == b"PK\x03\x04"

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without Keras; ``globals`` are the classes that it names.

        A class that is not Keras' own, and a layer that runs code of the file, is untrusted; Keras' safe mode refuses
        the latter even then. Raises ModelError when the file is damaged.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                config = json.loads(archive.read("config.json"))
                version = str(json.loads(archive.read("metadata.json"))["keras_version"])
            names = sorted(set(_names(config)))
            root = f"{config.get('module') or 'keras'}.{config['class_name']}"
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, LookupError, TypeError, RecursionError) as error:
            message = f"'{path.name}' cannot be read: it is no Keras 3 model, or is damaged"
            raise ModelError(message, "save it again: model.save('model.keras')") from error
        return Inspection(
            path=path,
            format="Keras",
            size=path.stat().st_size,
            model=root,
            globals=tuple(names),
            untrusted=tuple(name for name in names if not _is_known(name) and name not in trust),
            trained_with={"keras": version},
        )

    def load(self, path: Path) -> object:
        """Load the model without its optimizer; call it behind ``inspection.require_trusted`` only.

        Raises MissingDependencyError without keras or torch, ModelError when Keras refuses the file.
        """
        os.environ["KERAS_BACKEND"] = "torch"  # read when Keras is imported
        library("torch", path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            keras = library("keras", path)
            try:
                return keras.saving.load_model(path, compile=False, safe_mode=True)
            except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, OSError, ImportError) as error:
                reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                message = f"'{path.name}' cannot be loaded: {reason.partition('. ')[0]}"
                raise ModelError(message, "build it of Keras' own layers, and save it again") from error


def _names(value: Any) -> Iterator[str]:
    """Yield the classes and functions in a configuration: "keras.layers.Dense", or a name that was registered."""
    if isinstance(value, dict):
        kind = value.get("class_name")
        if isinstance(kind, str) and not kind.startswith("__"):
            # without a module: the old way to write built-in objects, or one that was registered
            module = value.get("module") or ("registered" if value.get("registered_name") else "keras")
            inner = value.get("config")
            name = f"{kind} {inner}" if kind == "function" and isinstance(inner, str) else kind
            yield f"{module}.{name}"
        elif kind == "__lambda__":
            yield "keras.layers.Lambda"
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _is_known(name: str) -> bool:
    module, _, kind = name.rpartition(".")
    if module == "builtins":
        return kind in _PLAIN
    return bool(_MODULES.fullmatch(module)) and kind not in _RUNS_CODE and " " not in kind
