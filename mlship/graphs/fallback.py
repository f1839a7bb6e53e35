"""Steps that we have no function for: skl2onnx converts each, as one piece of our graph."""

import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, inliner
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

from mlship.errors import UnsupportedModelError
from mlship.graphs.blocks import each, joined
from mlship.graphs.builder import ML, OPSET, Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import flat
from mlship.graphs.outputs import outputs_of

#: ai.onnx.ml 4 is its default, but some of its own converters refuse that.
_TARGET = {"": OPSET, ML: 3}
#: Predictors whose last output is what their transform gives.
_DISTANCES = {"KMeans", "MiniBatchKMeans"}
#: It has no base class for its errors, and lets those of Python and numpy through.
_ERRORS = (RuntimeError, NameError, TypeError, ValueError, AttributeError, LookupError, AssertionError, ArithmeticError)


def transform(g: Graph, estimator: Any, block: Block) -> Block:
    """Convert a transformer; raises UnsupportedModelError when skl2onnx cannot."""
    results = _step(g, estimator, block)
    if hasattr(estimator, "predict") and type(estimator).__name__ not in _DISTANCES:
        raise UnsupportedModelError(
            f"skl2onnx knows {type(estimator).__name__} as a predictor only, not as a transformer"
        )
    result = results[-1]
    width = result.width or len(estimator.get_feature_names_out())
    if result.type == TensorProto.STRING:
        return [Matrix(result.name, "string", width)]
    return [Matrix(_cast(g, result, TensorProto.DOUBLE), "number", width)]


def answer(g: Graph, estimator: Any, block: Block) -> Answers:
    """Convert a predictor; raises UnsupportedModelError when skl2onnx cannot."""
    results = dict(zip(outputs_of(estimator), _step(g, estimator, block), strict=False))
    answers = {"prediction": _prediction(g, estimator, results["prediction"])}
    if "probabilities" in results:
        result = results["probabilities"]
        answers["probabilities"] = Result(_cast(g, result, TensorProto.DOUBLE), width=result.width)
    if "scores" in results:
        answers["scores"] = _scores(g, estimator, results["scores"])
    return answers


def _step(g: Graph, estimator: Any, block: Block) -> list[Result]:
    """Add the step and return its outputs as they come."""
    pieces = list(each(g, block)) if _is_mixed(estimator, block) else [joined(g, block)]
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    if len(names) != len(pieces):
        names = [f"x{number}" for number in range(len(pieces))]
    single = g.dtype == "float32"
    g.precision = g.dtype if single else g.precision
    number = FloatTensorType if single else DoubleTensorType
    types = [
        (name, (StringTensorType if piece.kind == "string" else number)([None, piece.width]))
        for name, piece in zip(names, pieces, strict=True)
    ]
    model = _converted(estimator, types)
    feeds = [
        g.op("Cast", piece.name, to=TensorProto.FLOAT) if single and piece.kind == "number" else piece.name
        for piece in pieces
    ]
    inner = g.adopt(model, feeds)
    return [_result(name, output) for name, output in zip(inner, model.graph.output, strict=True)]


def _converted(estimator: Any, types: Sequence[tuple[str, Any]]) -> onnx.ModelProto:
    kind = type(estimator).__name__
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = to_onnx(estimator, initial_types=types, options=options, target_opset=_TARGET)
            model = inliner.inline_local_functions(model) if model.functions else model
    except _ERRORS as error:
        reason = textwrap.shorten(str(error), 200, placeholder=" ...") or type(error).__name__
        message = f"nobody converts this {kind} to ONNX: mlship has no converter for it, and skl2onnx says: {reason}"
        raise UnsupportedModelError(
            message, "replace this step, or see `mlship inspect` for the ones that convert"
        ) from error
    for node in model.graph.node:
        if node.op_type == "StringNormalizer":  # it asks for en_US.UTF-8, which slim containers do not have
            others = [item for item in node.attribute if item.name != "locale"]
            del node.attribute[:]
            node.attribute.extend([*others, helper.make_attribute("locale", "C.UTF-8")])
    return model


def _is_mixed(estimator: Any, block: Block) -> bool:
    """Say whether the step must see its columns one by one: it chooses among them, or they are of both kinds."""
    parts = [estimator, *estimator.get_params(deep=True).values()]
    chooses = any(type(part).__name__ == "ColumnTransformer" for part in parts)
    return chooses or len({piece.kind for piece in block}) > 1


def _result(name: str, output: onnx.ValueInfoProto) -> Result:
    tensor = output.type.tensor_type
    dims = [dim.dim_value for dim in tensor.shape.dim]
    return Result(name, tensor.elem_type, dims[1] if len(dims) == 2 else None)


def _prediction(g: Graph, estimator: Any, result: Result) -> Result:
    """Give predictions the type and shape that predict gives them; skl2onnx answers (rows, 1) for (rows,)."""
    kind = result.type
    if kind != TensorProto.STRING:
        labels = np.asarray(estimator.classes_).dtype.kind if hasattr(estimator, "classes_") else ""
        whole = labels in "biu" if labels else kind in (TensorProto.INT64, TensorProto.INT32)
        kind = TensorProto.INT64 if whole else TensorProto.DOUBLE
    name = _cast(g, result, kind)
    if result.width is not None and result.width > 1:
        return Result(name, kind, result.width)
    return Result(flat(g, name), kind)


def _scores(g: Graph, estimator: Any, result: Result) -> Result:
    """Give scores the shape of decision_function: (rows,) for two classes.

    There SVC and its kin come out as (d, -d), although the columns are said to be the two classes.
    """
    name, width = _cast(g, result, TensorProto.DOUBLE), result.width
    if width == 2 and len(getattr(estimator, "classes_", ())) == 2:
        name, width = g.op("Gather", name, np.array([0], dtype=np.int64), axis=1), 1
    return Result(flat(g, name)) if width == 1 else Result(name, width=width)


def _cast(g: Graph, result: Result, kind: int) -> str:
    return result.name if result.type == kind else g.op("Cast", result.name, to=kind)
