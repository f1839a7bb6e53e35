"""One check for all families: convert, run, and hold the answers against the original's."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlship import graphs, runtime
from mlship.golden import Golden
from mlship.graphs.blocks import joined
from mlship.graphs.builder import Graph, Matrix, Result
from mlship.graphs.dispatch import answer, transform
from mlship.parity import DOUBLE, Tolerance
from mlship.signature import MISSING_STRING, Column, Tensor

#: What a predictor answers with, and by which method.
METHODS = (("prediction", "predict"), ("probabilities", "predict_proba"), ("scores", "decision_function"))


@dataclass(frozen=True)
class Checked:
    """A conversion that agrees with its original."""

    conversion: graphs.Conversion
    golden: Golden


class Agrees:
    """Call it with a fitted model and rows (array or frame) to convert the model and compare its answers."""

    def __call__(self, model: Any, rows: Any, tolerance: Tolerance = DOUBLE, **options: Any) -> Checked:
        methods = graphs.outputs_of(model)
        outputs = {name: _dense(getattr(model, method)(rows)) for name, method in methods.items()}
        golden = Golden(_inputs(rows)[2], outputs, ("sample",) * len(rows))
        conversion = self.converted(model, rows, **options)
        onnx.checker.check_model(conversion.model, full_check=True)
        domains = [item.domain for item in conversion.model.opset_import]
        assert len(domains) == len(set(domains))
        verdict = runtime.parity(conversion.content, golden, tolerance)
        assert verdict.passed, f"{verdict.sentence()} {verdict.first}"
        return Checked(conversion, golden)

    def inside(self, model: Any, rows: NDArray[np.float64], tolerance: Tolerance = DOUBLE) -> None:
        """Check all that other estimators read of a model: every answer, and its columns where it transforms."""
        g = Graph()
        block = [g.input(Matrix("features", "number", rows.shape[1]))]
        answers: dict[str, Result] = {}
        outputs: dict[str, Any] = {}
        if hasattr(model, "predict"):
            answers.update(answer(g, model, block))
            outputs.update((name, getattr(model, method)(rows)) for name, method in METHODS if hasattr(model, method))
        if hasattr(model, "transform"):
            matrix = joined(g, transform(g, model, block))
            answers["transformed"] = Result(matrix.name, width=matrix.width)
            outputs["transformed"] = model.transform(rows)
        assert not any("skl2onnx" in step for step in g.route)
        dense = {name: _dense(values) for name, values in outputs.items()}
        verdict = runtime.parity(
            g.model({name: answers[name] for name in outputs}).SerializeToString(),
            Golden({"features": rows}, dense, ("sample",) * len(rows)),
            tolerance,
        )
        assert verdict.passed, f"{verdict.sentence()} {verdict.first}"

    def converted(self, model: Any, rows: Any, **options: Any) -> graphs.Conversion:
        tensors, columns, _ = _inputs(rows)
        return graphs.convert(model, tensors, columns, outputs=tuple(graphs.outputs_of(model)), **options)

    def answers(self, conversion: graphs.Conversion, rows: Any) -> dict[str, NDArray[Any]]:
        session = runtime.Session(conversion.content)
        return session.run(session.feed(_inputs(rows)[2]))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Ask originals on one thread, as mlship does: beyond, scikit-learn breaks ties among neighbours otherwise."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def agrees() -> Agrees:
    return Agrees()


@pytest.fixture(scope="session")
def hard_rows() -> Callable[..., NDArray[np.float64]]:
    return _hard_rows


def _inputs(rows: Any) -> tuple[list[Tensor], list[Column], dict[str, NDArray[Any]]]:
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=None)
    names = [str(name) for name in frame.columns]
    if all(_is_number(frame[name]) for name in frame.columns):
        columns = [Column(name=name, type="number", tensor="features", index=i) for i, name in enumerate(names)]
        values = frame.to_numpy(dtype=np.float64)
        return [Tensor(name="features", kind="number", width=len(names))], columns, {"features": values}
    tensors, columns, inputs = [], [], {}
    for name, label in zip(names, frame.columns, strict=True):
        series, is_number = frame[label], _is_number(frame[label])
        null = "none" if any(value is None for value in series) else "nan"
        kind = "number" if is_number else "string"
        tensors.append(Tensor(name=name, kind=kind, width=1))
        columns.append(Column(name=name, type=kind, tensor=name, index=0, null=null))
        inputs[name] = series.to_numpy(dtype=np.float64)[:, None] if is_number else _texts(series)
    return tensors, columns, inputs


def _is_number(series: Any) -> bool:
    return pd.api.types.is_numeric_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)


def _texts(series: Any) -> NDArray[Any]:
    texts = [MISSING_STRING if pd.isna(value) else str(value) for value in series]
    return np.array(texts, dtype=object).reshape(-1, 1)


def _dense(values: Any) -> NDArray[Any]:
    array = np.asarray(values.todense() if hasattr(values, "todense") else values)
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    return array.astype(object) if array.dtype.kind == "U" else array


def _hard_rows(plain: NDArray[np.float64], thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows with values on ``thresholds`` and one step beside them, in double and in float32."""
    on = np.resize(thresholds, plain.shape)
    single = on.astype(np.float32)
    return np.concatenate(
        [
            plain,
            on,
            np.nextafter(on, -np.inf),
            np.nextafter(on, np.inf),
            single.astype(np.float64),
            np.nextafter(single, np.float32(np.inf)).astype(np.float64),
        ]
    )
