"""PyTorch models: asked in float32 (or what the program takes), and exported through torch.onnx."""

import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper

from mlship.errors import MissingDependencyError, UnsupportedModelError
from mlship.graphs.families.networks import MOST_COLUMNS, Feed
from mlship.originals.adapters import ports
from mlship.originals.adapters.batches import in_batches, matrix_of, probes, require_finite, tensors_of

_EXPORT = "export it: torch.export.export(model, (rows,), dynamic_shapes=({0: Dim.AUTO},)), with torch.export.save"


class TorchModel:
    """An exported program, a TorchScript module, or a module.

    ``predict`` gives the raw output (of several: the first), (rows,) or (rows, numbers). ``feeds`` and ``replies`` say
    what inputs and outputs are; ``exported()`` is the graph for any number of rows.
    Raises UnsupportedModelError when its inputs are no columns.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        is_program = isinstance(model, torch.export.ExportedProgram)
        self.title = "PyTorch program" if is_program else str(getattr(model, "original_name", type(model).__name__))
        self._call = model.module() if is_program else model
        self.feeds, self._rows = _described(model) if is_program else (_tried(model), None)
        names = ports.columns_of(self.feeds)
        self.feature_names_in_ = None if names is None else np.array(names, dtype=object)
        self.n_features_in_ = sum(feed.width for feed in self.feeds)
        asked = probes(self.feeds)
        answers = self._ask(asked)
        self.replies = {"prediction": ports.reply(0, answers[0])}
        if len(answers[0]) != len(asked):
            raise UnsupportedModelError(f"the output of the network has shape {answers[0].shape} for 3 rows", _EXPORT)
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
        if isinstance(self._model, torch.jit.ScriptModule):  # which torch.export does not take
            return _scripted(self._model, torch.zeros(2, *self.feeds[0].shape))
        given = tuple(torch.from_numpy(values) for values in tensors_of(probes(self.feeds), self.feeds).values())
        return dynamic_export(self._model, given)

    def _ask(self, matrix: NDArray[Any]) -> list[NDArray[Any]]:
        return in_batches(self._run, matrix, self._rows)

    def _run(self, matrix: NDArray[Any]) -> list[NDArray[Any]]:
        given = [torch.from_numpy(values) for values in tensors_of(matrix, self.feeds).values()]
        try:
            with torch.no_grad():
                found = self._call(*given)
        except RuntimeError as error:
            raise ValueError(str(error).strip().splitlines()[-1]) from error
        return [np.atleast_1d(part.detach().numpy()) for part in tensors_in(found)]


def tensors_in(found: Any) -> list[Any]:
    """Return the tensors of an output, which may be in lists, tuples and dicts, in order."""
    if isinstance(found, torch.Tensor):
        return [found]
    parts = found.values() if isinstance(found, dict) else found
    return [tensor for part in parts for tensor in tensors_in(part)]


def _described(program: Any) -> tuple[tuple[Feed, ...], int | None]:
    """Read the inputs of an exported program: types and shapes, and the number of rows where that is fixed."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    values = [(name, nodes[name].meta["val"]) for name in program.graph_signature.user_inputs]
    fixed = {value.shape[0] for _, value in values if value.ndim and isinstance(value.shape[0], int)}
    feeds = []
    for name, value in values:
        shape = tuple(value.shape[1:])
        if value.ndim == 0 or not all(isinstance(size, int) for size in shape) or len(fixed) > 1:
            message = f"input '{name}' of the PyTorch program is no table: its shape is {tuple(value.shape)}"
            raise UnsupportedModelError(message, "fix all dimensions but the first when you export it")
        kind = helper.np_dtype_to_tensor_dtype(torch.empty(0, dtype=value.dtype).numpy().dtype)
        feeds.append(Feed(name, int(kind), shape))
    ports.require_narrow(feeds)
    return tuple(feeds), next(iter(fixed), None)


def _tried(module: Any) -> tuple[Feed, ...]:
    """Find out how many columns a module takes, which it does not say: a size among those of its first parameters."""
    sizes = [size for parameter in list(module.parameters())[:4] for size in reversed(parameter.shape[-2:])]
    for width in dict.fromkeys(size for size in sizes if size <= MOST_COLUMNS):
        try:
            with torch.no_grad():
                module(torch.zeros(2, width))
        except (RuntimeError, ValueError, TypeError, IndexError):
            continue
        return (Feed("rows", onnx.TensorProto.FLOAT, (width,)),)
    raise UnsupportedModelError("the PyTorch module does not take rows of numbers (rows, columns)", _EXPORT)


def dynamic_export(module: Any, given: tuple[Any, ...]) -> onnx.ModelProto:
    """Export a module for any number of rows, with the parameters in the model; raises UnsupportedModelError."""
    with _exporting():
        if not isinstance(module, torch.export.ExportedProgram):
            many = tuple({0: torch.export.Dim.DYNAMIC} for _ in given)
            module = torch.export.export(module, given, dynamic_shapes=(many,) if _is_variadic(module) else many)
        return ports.freed(torch.onnx.export(module, dynamo=True, verbose=False).model_proto)


def _is_variadic(module: Any) -> bool:
    kinds = [parameter.kind for parameter in inspect.signature(module.forward).parameters.values()]
    return kinds == [inspect.Parameter.VAR_POSITIONAL]


def _scripted(model: Any, rows: Any) -> onnx.ModelProto:
    content = io.BytesIO()
    with _exporting():
        torch.onnx.export(model, (rows,), content, dynamo=False, input_names=["rows"], dynamic_axes={"rows": {0: "N"}})
    return ports.freed(onnx.load_from_string(content.getvalue()))


@contextmanager
def _exporting() -> Iterator[None]:
    """Silence the exporter, which talks to people who debug it, and make UnsupportedModelError of what it raises."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ImportError as error:
        message = f"exporting a network needs the package '{error.name}', which is not installed"
        raise MissingDependencyError(message, 'pip install "mlship[torch]"') from error
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedModelError(f"torch.onnx does not export this network: {reason}") from error
    finally:
        logging.disable(before)
