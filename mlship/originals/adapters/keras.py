"""Keras 3 models on the backend PyTorch: asked as they are, and exported through torch.onnx."""

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper

from mlship.errors import UnsupportedModelError
from mlship.graphs.families.networks import Feed
from mlship.originals.adapters import ports
from mlship.originals.adapters.batches import matrix_of, probes, require_finite, tensors_of
from mlship.originals.adapters.torch import dynamic_export, tensors_in

_TYPES = {"float32", "float64", "int32", "int64", "uint8", "bool"}


class KerasModel:
    """A model with named inputs of a fixed number of columns each.

    ``predict`` gives the raw output (of several: the first), (rows,) or (rows, numbers); ``feeds``, ``replies`` and
    ``exported()`` are as those of ``TorchModel``. Raises UnsupportedModelError when its inputs are no columns.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self.title = f"Keras {type(model).__name__}"
        self.feeds = tuple(_feed(item) for item in model.inputs)
        ports.require_narrow(self.feeds)
        names = ports.columns_of(self.feeds)
        self.feature_names_in_ = None if names is None else np.array(names, dtype=object)
        self.n_features_in_ = sum(feed.width for feed in self.feeds)
        answers = self._ask(probes(self.feeds))
        self.replies = {"prediction": ports.reply(0, answers[0])}
        more = f"; {len(answers) - 1} more outputs are not served" if len(answers) > 1 else ""
        self.notes = (f"prediction holds the raw output of the network{more}",)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the raw output for each row; raises ValueError where the network fails."""
        reply = self.replies["prediction"]
        matrix = matrix_of(rows)
        require_finite(matrix)
        values = self._ask(matrix)[0]
        return values.reshape(-1) if reply.width is None else values.reshape(-1, reply.width)

    def exported(self) -> onnx.ModelProto:
        """Return the ONNX graph, which takes the ``feeds`` in order; raises UnsupportedModelError."""
        return dynamic_export(_Called(self._model).eval(), self._given(probes(self.feeds)))

    def _given(self, matrix: NDArray[Any]) -> tuple[Any, ...]:
        return tuple(torch.from_numpy(values) for values in tensors_of(matrix, self.feeds).values())

    def _ask(self, matrix: NDArray[Any]) -> list[NDArray[Any]]:
        try:
            with torch.no_grad():
                found = _Called(self._model)(*self._given(matrix))
        except (RuntimeError, IndexError) as error:
            raise ValueError(str(error).strip().splitlines()[-1]) from error
        return [part.detach().cpu().numpy() for part in tensors_in(found)]


class _Called(torch.nn.Module):  # type: ignore[misc]  # torch is not type-checked
    """The model called for inference with its inputs one by one, as torch.export wants it."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = model

    def forward(self, *inputs: Any) -> Any:
        return self._model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)


def _feed(item: Any) -> Feed:
    shape = tuple(item.shape[1:])
    if item.dtype not in _TYPES or not shape or None in shape or item.shape[0] is not None:
        message = f"input '{item.name}' of the Keras model is no table of numbers: {item.dtype} of shape {item.shape}"
        raise UnsupportedModelError(message, "give it inputs of a fixed number of columns")
    return Feed(item.name, int(helper.np_dtype_to_tensor_dtype(np.dtype(item.dtype))), shape)
