"""LabelEncoder, the operator that looks values up: what one says, and how to write one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from mlship.surgery.graph import ML, Graph, attributes

#: The version of ai.onnx.ml with which tables may be tensors, and so of doubles.
_TENSORS = 4

_LISTS = {"strings": object, "int64s": np.int64, "floats": np.float32}
_DEFAULTS: dict[str, Any] = {"strings": "_Unused", "int64s": -1, "floats": -0.0}


@dataclass(frozen=True)
class Encoder:
    """``values`` by ``keys``, both (entries,), and ``default`` (1,) for all that is no key."""

    keys: NDArray[Any]
    values: NDArray[Any]
    default: NDArray[Any]

    def of(self, key: Any) -> Any:
        """Return what stands for ``key``, the first entry where there are several; NaN is a key like others."""
        same = np.array([item == key or (item != item and key != key) for item in self.keys], dtype=bool)  # noqa: PLR0124
        return self.values[same.argmax()] if same.any() else self.default[0]


def encoder_of(node: onnx.NodeProto | None) -> Encoder | None:
    """Return the table of a LabelEncoder of ai.onnx.ml 2 or later; None for any other node."""
    if node is None or node.op_type != "LabelEncoder" or node.domain != ML:
        return None
    about = attributes(node)
    keys, values = (_table(about, side) for side in ("keys", "values"))
    if keys is None or values is None:
        return None
    if "default_tensor" in about:
        return Encoder(keys, values, about["default_tensor"].reshape(-1))
    kind = next(kind for kind, dtype in _LISTS.items() if values.dtype == dtype)
    default = about.get(f"default_{kind.removesuffix('s')}", _DEFAULTS[kind])
    return Encoder(keys, values, np.array([default], dtype=values.dtype))


def written(graph: Graph, source: str, encoder: Encoder) -> onnx.NodeProto | None:
    """Return a node that looks ``source`` up; None where ONNX Runtime, or the model's operators, have none such."""
    keys, values = encoder.keys.dtype, encoder.values.dtype
    if keys.kind == values.kind == "f" and keys != values:
        return None
    if graph.versions.get(ML, 0) >= _TENSORS:
        parts = {"keys": encoder.keys, "values": encoder.values, "default": encoder.default}
        tensors = {f"{name}_tensor": numpy_helper.from_array(array) for name, array in parts.items()}
        return graph.node("LabelEncoder", [source], domain=ML, **tensors)
    names = {np.dtype(dtype): name for name, dtype in _LISTS.items()}
    if keys not in names or values not in names:
        return None
    lists = {f"keys_{names[keys]}": encoder.keys.tolist(), f"values_{names[values]}": encoder.values.tolist()}
    default = {f"default_{names[values].removesuffix('s')}": encoder.default.tolist()[0]}
    return graph.node("LabelEncoder", [source], domain=ML, **lists, **default)


def _table(about: dict[str, Any], side: str) -> NDArray[Any] | None:
    if f"{side}_tensor" in about:
        return np.asarray(about[f"{side}_tensor"]).reshape(-1)
    for kind, dtype in _LISTS.items():
        if f"{side}_{kind}" in about:
            found = about[f"{side}_{kind}"]
            return np.array([item.decode() for item in found] if dtype is object else found, dtype=dtype)
    return None
