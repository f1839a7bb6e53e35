"""The loading gate: which source reads a file, what it would import, and whether that is trusted."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from mlship import plugins
from mlship.errors import DataError, ModelError
from mlship.inspection import Inspection, require_trusted, version_differences

__all__ = ["inspect", "require_trusted", "version_differences"]


def inspect(model: Path, trust: Collection[str] = ()) -> Inspection:
    """Say what is in ``model``, without executing any of it.

    Raises DataError when there is no such file, ModelError when no source knows it or it is damaged.
    """
    if (model / "saved_model.pb").is_file():
        hint = f"make it an ONNX file: python -m tf2onnx.convert --saved-model {model} --output model.onnx"
        raise DataError(f"'{model}' is a SavedModel of TensorFlow, which mlship does not read itself", hint)
    if not model.is_file():
        what = "is a folder, not a model file" if model.is_dir() else "is not there"
        raise DataError(f"'{model}' {what}", "give the file that joblib.dump or pickle.dump wrote")
    inspection = source_of(model)[1].inspect(model, trust)
    assert isinstance(inspection, Inspection)
    return inspection


def source_of(model: Path) -> tuple[str, Any]:
    """Return the source plugin that reads ``model``, by name and made."""
    for name in plugins.names("sources"):
        source = plugins.load("sources", name)()
        if source.matches(model):
            return name, source
    raise ModelError(f"'{model.name}' is neither a joblib nor a pickle file", "save the model with joblib.dump")
