"""ONNX files that users have: answered by the file itself, as ONNX Runtime runs it."""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import checker, version_converter

from mlship import runtime
from mlship.errors import ModelError, UnsupportedModelError
from mlship.graphs.builder import IR_VERSION, OPSET
from mlship.graphs.families.networks import Feed, Reply
from mlship.originals.adapters import ports
from mlship.originals.adapters.batches import in_batches, matrix_of, probes, tensors_of


class OnnxFile:
    """A file without probabilities.

    ``feeds`` and ``replies`` say what its inputs and outputs are; ``exported()`` is its graph for any number of rows.
    """

    def __init__(self, model: onnx.ModelProto, file: "_File", replies: dict[str, Reply]) -> None:
        self.title = f"ONNX file of {model.producer_name}" if model.producer_name else "ONNX file"
        self.feeds, self.replies = file.feeds, replies
        names = ports.columns_of(file.feeds)
        self.feature_names_in_ = None if names is None else np.array(names, dtype=object)
        self.n_features_in_ = sum(feed.width for feed in file.feeds)
        self._estimator_type = "regressor" if replies["prediction"].type in ports.FLOATING else "classifier"
        used = {reply.number for reply in replies.values()}
        unused = [name for number, name in enumerate(file.session.outputs) if number not in used]
        self.notes = (f"outputs of the file that are not served: {', '.join(unused)}",) if unused else ()
        self._file, self._model = file, model

    def exported(self) -> onnx.ModelProto:
        """Return the graph, which takes the ``feeds`` in order."""
        return ports.freed(self._model)

    def predict(self, rows: Any) -> NDArray[Any]:
        """Return the file's labels or numbers, (rows,) or (rows, numbers); raises ValueError where the file fails."""
        return self._answer(rows, "prediction")

    def _answer(self, rows: Any, name: str) -> NDArray[Any]:
        reply = self.replies[name]
        values = self._file.ask(matrix_of(rows))[reply.number]
        return values.reshape(-1) if reply.width is None else values.reshape(-1, reply.width)


class OnnxClassifier(OnnxFile):
    """A file with labels and probabilities."""

    def __init__(self, model: onnx.ModelProto, file: "_File", replies: dict[str, Reply]) -> None:
        super().__init__(model, file, replies)
        labels = ports.labels_of(model)
        self.classes_ = np.array(labels) if labels and len(labels) == replies["probabilities"].width else None

    def predict_proba(self, rows: Any) -> NDArray[Any]:
        """Return the file's probabilities, (rows, classes); raises ValueError where the file fails."""
        return self._answer(rows, "probabilities")


def file_model(model: onnx.ModelProto) -> OnnxFile:
    """Return the adapter for a file.

    Raises UnsupportedModelError when its inputs are no columns or it takes only a fixed number of rows, ModelError
    when ONNX Runtime does not run it.
    """
    model = _accepted(model)
    feeds, rows = ports.feeds_of(model)
    file = _File(model, feeds, rows)
    asked = probes(feeds)
    try:
        answers = file.ask(asked)
    except ValueError as error:
        raise ModelError(f"the ONNX file does not answer: {error}") from error
    if rows is not None:
        _require_free(model, file, rows, answers, asked)
    replies = ports.replies_of(file.session.outputs, answers, len(asked))
    return (OnnxClassifier if "probabilities" in replies else OnnxFile)(model, file, replies)


class _File:
    """A file in ONNX Runtime; ``rows`` is the number of rows that it takes at once, None for any."""

    def __init__(self, model: onnx.ModelProto, feeds: tuple[Feed, ...], rows: int | None) -> None:
        self.session = runtime.Session(model.SerializeToString())
        self.feeds, self._rows, self._labels = feeds, rows, ports.labels_of(model)

    def ask(self, matrix: NDArray[Any]) -> list[NDArray[Any]]:
        """Return all outputs for (rows, columns), also those that are no rows; raises ValueError where it fails."""
        return in_batches(self._run, matrix, self._rows)

    def _run(self, matrix: NDArray[Any]) -> list[NDArray[Any]]:
        feed = tensors_of(matrix, self.feeds)
        try:
            with runtime.complaints("refuses the rows"):
                found = self.session.run(feed)
        except ModelError as error:
            raise ValueError(error.message) from error
        return [np.atleast_1d(ports.as_matrix(values, self._labels)) for values in found.values()]


def _accepted(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model as it is where ONNX Runtime takes it, else in versions that it takes."""
    try:
        runtime.Session(model.SerializeToString())
    except ModelError as refusal:
        try:
            older = version_converter.convert_version(model, OPSET)
        except (RuntimeError, ValueError, checker.ValidationError):
            raise refusal from None
        older.ir_version = min(older.ir_version, IR_VERSION)
        runtime.Session(older.SerializeToString())
        return older
    return model


def _require_free(
    model: onnx.ModelProto, file: _File, rows: int, answers: list[NDArray[Any]], asked: NDArray[Any]
) -> None:
    """Raise UnsupportedModelError where the graph made for any number of rows answers otherwise than the file."""
    try:
        found = _File(ports.freed(model), file.feeds, None).ask(asked)
        same = all(
            a.shape == b.shape and (a.dtype == object or np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True))
            for a, b in zip(answers, found, strict=True)
        )
    except (ModelError, ValueError):
        same = False
    if not same:
        message = f"the ONNX file takes {rows} row{'s' * (rows > 1)} at once, and its graph cannot take another number"
        raise UnsupportedModelError(message, "export it again with a dynamic first dimension")
