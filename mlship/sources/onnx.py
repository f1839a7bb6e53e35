"""ONNX files that users have: checked, never executed while they are looked at."""

from collections.abc import Collection
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import checker

from mlship.errors import ModelError
from mlship.inspection import Inspection


class OnnxSource:
    """Reads ONNX files; a file beside them with external data is read too."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is a file of this kind, by its suffix."""
        return path.suffix.lower() == ".onnx"

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file: who wrote it, versions, columns; it imports nothing. Raises ModelError."""
        model = _read(path, with_data=False)
        versions = ", ".join(f"{item.domain or 'ai.onnx'} {item.version}" for item in model.opset_import)
        constants = {item.name for item in model.graph.initializer}
        inputs = [item for item in model.graph.input if item.name not in constants]
        shapes = [[dim.dim_value for dim in item.type.tensor_type.shape.dim] for item in inputs]
        width = shapes[0][1] if len(shapes) == 1 and len(shapes[0]) == 2 else 0
        return Inspection(
            path=path,
            format=f"ONNX, IR {model.ir_version}, {versions}",
            size=path.stat().st_size,
            model=f"graph of {len(model.graph.node)} nodes",
            globals=(),
            trained_with={},
            feature_names=tuple(item.name for item in inputs) if len(inputs) > 1 else None,
            n_features=width or None,
        )

    def load(self, path: Path) -> onnx.ModelProto:
        """Read and check the file; raises ModelError when it is no valid model."""
        model = _read(path, with_data=True)
        try:
            checker.check_model(model)
        except checker.ValidationError as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"'{path.name}' is not a valid ONNX model: {reason}", "export it again") from error
        return model


def _read(path: Path, *, with_data: bool) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=with_data)
    except DecodeError as error:
        raise ModelError(f"'{path.name}' is not an ONNX file, or is damaged", "export it again") from error
    except (OSError, checker.ValidationError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        hint = "put the file with its external data beside it" if with_data else ""
        raise ModelError(f"'{path.name}' cannot be read: {reason}", hint) from error
    if not model.graph.node:
        raise ModelError(f"'{path.name}' has no graph in it", "export it again")
    return model
