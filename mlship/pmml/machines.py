"""Support vector machines: SupportVectorMachineModel, one for each pair of classes."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.graphs.builder import NotOurs
from mlship.pmml.columns import Block, numbers, plain, row, single
from mlship.pmml.models import Answers, Model, Names
from mlship.pmml.nodes import Node, Value, apply, choose, fold, number, position
from mlship.pmml.xml import digits, element, start_tag

Doubles = NDArray[np.float64]


def regressor(model: Any, block: Block) -> Answers:
    """SVR and NuSVR."""
    native = _machine(model, block, _dense(model.support_vectors_), _dense(model.dual_coef_)[0], model.intercept_[0])
    return Answers({"prediction": single(native.value())}, model=native)


def outliers(model: Any, block: Block) -> Answers:
    """OneClassSVM: 1 where the score is above zero, else -1."""
    native = _machine(model, block, _dense(model.support_vectors_), _dense(model.dual_coef_)[0], model.intercept_[0])
    score = native.value()
    prediction = choose(apply("greaterThan", score, 0.0), 1.0, -1.0)
    return Answers({"prediction": single(prediction), "scores": single(score)})


def classifier(model: Any, block: Block) -> Answers:
    """SVC and NuSVC without probabilities: each pair of classes votes (Chang and Lin, LIBSVM, section 6)."""
    if model.probability not in (False, "deprecated"):
        raise NotOurs("it has probabilities")
    classes = plain(model.classes_)
    scores = _pairs(model, block, len(classes))
    if len(classes) == 2:
        index = choose(apply("lessThan", scores[0], 0.0), 0, 1)
        return Answers({"prediction": single(index), "scores": single(scores[0])}, classes, index)
    index = position(_votes(scores, len(classes)), "max")
    shown = scores if model.decision_function_shape == "ovo" else _against_rest(scores, len(classes))
    if model.break_ties and model.decision_function_shape == "ovr":
        index = position(shown, "max")
    return Answers({"prediction": single(index), "scores": row(shown)}, classes, index)


def _pairs(model: Any, block: Block, classes: int) -> list[Value]:
    """Return the score of each pair of classes: for two classes above zero for the second, else for the first."""
    vectors, weights = _dense(model.support_vectors_), _dense(model._dual_coef_)
    owner = np.repeat(np.arange(classes), model.n_support_)
    scores: list[Value] = []
    for (first, second), bias in zip(combinations(range(classes), 2), np.ravel(model._intercept_), strict=True):
        line = np.where(owner == first, weights[second - 1], np.where(owner == second, weights[first], 0.0))
        sign = -1.0 if classes == 2 else 1.0
        used = line != 0
        scores.append(_machine(model, block, vectors[used], sign * line[used], sign * float(bias)).value())
    return scores


def _votes(scores: Sequence[Value], classes: int) -> list[Value]:
    votes: list[list[Value]] = [[] for _ in range(classes)]
    for (first, second), score in zip(combinations(range(classes), 2), scores, strict=True):
        won = apply("greaterThan", score, 0.0)
        votes[first].append(number(won))
        votes[second].append(choose(won, 0.0, 1.0))
    return [fold("sum", each) for each in votes]


def _against_rest(scores: Sequence[Value], classes: int) -> list[Value]:
    """Return votes, and within them the sum of the scores squeezed to a third."""
    votes: list[list[Value]] = [[] for _ in range(classes)]
    sums: list[list[Value]] = [[] for _ in range(classes)]
    for (first, second), score in zip(combinations(range(classes), 2), scores, strict=True):
        lost = apply("lessThan", score, 0.0)
        votes[first].append(choose(lost, 0.0, 1.0))
        votes[second].append(number(lost))
        sums[first].append(score)
        sums[second].append(apply("*", score, -1.0))
    result = []
    for line, vote in zip(sums, votes, strict=True):
        total = fold("sum", line)
        squeezed = apply("/", total, apply("*", apply("+", apply("abs", total), 1.0), 3.0))
        result.append(apply("+", fold("sum", vote), squeezed))
    return result


def _machine(model: Any, block: Block, vectors: Doubles, weights: Doubles, bias: float) -> Model:
    """Return the model that computes the sum of weighted kernels and ``bias``."""
    kernel = _kernel(model)
    inputs = [value if isinstance(value, Node) else Node("constant", (value,)) for value in numbers(block)]

    def body(names: Names) -> Iterator[str]:
        yield kernel
        yield start_tag("VectorDictionary", numberOfVectors=len(vectors))
        refs = "".join(element("FieldRef", field=name) for name in names)
        yield element("VectorFields", refs, numberOfFields=len(names))
        for i, vector in enumerate(vectors.tolist(), 1):
            values = element("Array", " ".join(map(digits, vector)), type="real", n=len(names))
            yield element("VectorInstance", values, id=i)
        yield "</VectorDictionary><SupportVectorMachine>"
        yield start_tag("SupportVectors", numberOfSupportVectors=len(vectors), numberOfAttributes=len(names))
        yield from (element("SupportVector", vectorId=i) for i in range(1, len(vectors) + 1))
        yield "</SupportVectors>"
        yield start_tag("Coefficients", numberOfCoefficients=len(weights), absoluteValue=float(bias))
        yield from (element("Coefficient", value=weight) for weight in weights.tolist())
        yield "</Coefficients></SupportVectorMachine>"

    return Model("SupportVectorMachineModel", "regression", inputs, body)


def _kernel(model: Any) -> str:
    gamma, shift = float(model._gamma), float(model.coef0)
    match model.kernel:
        case "linear":
            return element("LinearKernelType")
        case "poly":
            return element("PolynomialKernelType", gamma=gamma, coef0=shift, degree=float(model.degree))
        case "rbf":
            return element("RadialBasisKernelType", gamma=gamma)
        case "sigmoid":
            return element("SigmoidKernelType", gamma=gamma, coef0=shift)
        case other:
            raise NotOurs(f"kernel={other!r}")


def _dense(values: Any) -> Doubles:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)
