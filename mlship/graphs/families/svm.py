"""Support vector machines of libsvm, and the linear one-class machine."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic import coupling, distances, pairs
from mlship.graphs.arithmetic.distances import Points
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.families import kernels
from mlship.graphs.labels import above_zero, flat, largest, pick

#: Weights of all pairs of classes are one matrix up to this many numbers; most of them are 0.
_WEIGHTS = 1 << 20
#: Support vectors times columns from which distances come from products, where these are near enough.
_MANY = 1 << 17
#: Largest exponent that an error of some units in the last place of a squared distance may be multiplied with.
_STEEPEST = 1e3


def classifier(g: Graph, model: Any, block: Block) -> Answers:
    """SVC and NuSVC: a vote a pair of classes; probabilities where the model was trained with probability=True."""
    count = len(model.classes_)
    line = _decisions(g, model, numbers(g, block))
    answers = _binary(g, model, line) if count == 2 else _votes(g, model, line)
    if _is_probable(model):
        toward_first = g.op("Neg", line) if count == 2 else line
        chances = coupling.probabilities(g, toward_first, model._probA, model._probB, count)
        answers["probabilities"] = Result(chances, width=count)
    return answers


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """SVR and NuSVR: kernel . dual coefficients + intercept."""
    return {"prediction": Result(flat(g, _decisions(g, model, numbers(g, block))))}


def one_class(g: Graph, model: Any, block: Block) -> Answers:
    """OneClassSVM: 1 above 0, else -1."""
    line = flat(g, _decisions(g, model, numbers(g, block)))
    return {"prediction": _side(g, above_zero(g, line)), "scores": Result(line)}


def linear_one_class(g: Graph, model: Any, block: Block) -> Answers:
    """SGDOneClassSVM: x . coefficients - offset; 1 from 0 on, else -1."""
    product = g.op("MatMul", numbers(g, block).name, distances.transposed(np.atleast_2d(model.coef_)))
    line = flat(g, g.op("Sub", product, np.asarray(model.offset_, dtype=np.float64)))
    return {"prediction": _side(g, above_zero(g, line, or_equal=True)), "scores": Result(line)}


def _binary(g: Graph, model: Any, line: str) -> dict[str, Result]:
    line = flat(g, line)
    chosen = pick(g, above_zero(g, line, or_equal=True), model.classes_)  # libsvm's own sign is the other one
    return {"prediction": chosen, "scores": Result(line)}


def _votes(g: Graph, model: Any, line: str) -> dict[str, Result]:
    count, zero = len(model.classes_), np.array(0.0)
    votes = pairs.votes(g, g.op("Not", g.op("Greater", line, zero)), count)
    if model.decision_function_shape == "ovo":
        chosen = largest(g, votes)
        return {"prediction": pick(g, chosen, model.classes_), "scores": Result(line, width=count * (count - 1) // 2)}
    scores = pairs.scores(g, g.op("Less", line, zero), g.op("Neg", line), count)
    chosen = largest(g, scores if model.break_ties else votes)
    return {"prediction": pick(g, chosen, model.classes_), "scores": Result(scores, width=count)}


def _decisions(g: Graph, model: Any, x: Matrix) -> str:
    """Return kernel . weights + intercept, (rows, pairs of classes) or (rows, 1)."""
    kernels.refuse(model.kernel)
    dual, vectors = kernels.dense(model.dual_coef_), kernels.dense(model.support_vectors_)
    intercept = np.asarray(model.intercept_, dtype=np.float64)[None, :]
    if not len(vectors):
        return g.op("Add", distances.filled(g, x.name, intercept.shape[1], 0.0), intercept)
    if model.kernel == "linear":
        return g.op("Add", g.op("MatMul", x.name, distances.transposed(kernels.dense(model.coef_))), intercept)
    kernel = _kernel(g, model, x.name, vectors)
    if len(dual) == 1:
        return g.op("Add", g.op("MatMul", kernel, distances.transposed(dual)), intercept)
    sizes = np.asarray(model.n_support_, dtype=np.int64)
    if intercept.size * len(vectors) <= _WEIGHTS:
        return g.op("Add", g.op("MatMul", kernel, _weights_of_pairs(dual, sizes)), intercept)
    return g.op("Add", _by_class(g, kernel, dual, sizes), intercept)


def _kernel(g: Graph, model: Any, x: str, vectors: Points) -> str:
    """Return the kernel between rows and support vectors, in libsvm's formulas."""
    gamma = float(model._gamma)
    if model.kernel != "rbf":
        given = {"gamma": gamma, "degree": model.degree, "coef0": model.coef0}
        return kernels.pairwise(g, x, vectors, model.kernel, given)
    centre = vectors.mean(axis=0)
    reach = gamma * float(((vectors - centre) ** 2).sum(axis=1).max())
    if vectors.size > _MANY and reach < _STEEPEST:
        square = distances.expanded(g, g.op("Sub", x, centre[None, :]), vectors - centre)
    else:
        square = distances.squared(g, x, vectors)
    return g.op("Exp", g.op("Mul", square, np.array(-gamma)))


def _weights_of_pairs(dual: Points, sizes: NDArray[np.int64]) -> Points:
    """Return the weight of each support vector for each pair, (vectors, pairs).

    Row j - 1 of ``dual`` holds those of class i against a later class j, row i those of class j against class i.
    """
    count, ends = len(sizes), np.cumsum(sizes)
    weights = np.zeros((dual.shape[1], count * (count - 1) // 2))
    for number, (i, j) in enumerate(pairs.pairs(count)):
        weights[ends[i] - sizes[i] : ends[i], number] = dual[j - 1, ends[i] - sizes[i] : ends[i]]
        weights[ends[j] - sizes[j] : ends[j], number] = dual[i, ends[j] - sizes[j] : ends[j]]
    return weights


def _by_class(g: Graph, kernel: str, dual: Points, sizes: NDArray[np.int64]) -> str:
    """Return the sums of all pairs without the zeros: what each class adds, put together by pair."""
    count, ends = len(sizes), np.cumsum(sizes)
    blocks = g.ops("Split", count, kernel, sizes, axis=1)
    sums = [
        g.op("MatMul", block, distances.transposed(dual[:, end - size : end]))
        for block, end, size in zip(blocks, ends, sizes, strict=True)
    ]
    joined = g.op("Concat", *sums, axis=1)
    first, second = pairs.pairs(count).T
    own = g.op("Gather", joined, first * (count - 1) + second - 1, axis=1)
    return g.op("Add", own, g.op("Gather", joined, second * (count - 1) + first, axis=1))


def _is_probable(model: Any) -> bool:
    return hasattr(model, "predict_proba") and len(model._probA) > 0


def _side(g: Graph, inside: str) -> Result:
    return Result(g.op("Gather", np.array([-1, 1], dtype=np.int64), inside), TensorProto.INT64)
