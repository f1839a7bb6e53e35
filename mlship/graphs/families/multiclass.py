"""Many classes from binary estimators: OneVsRestClassifier, OneVsOneClassifier and OutputCodeClassifier."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.base import is_classifier, is_regressor

from mlship.graphs.blocks import numbers, select
from mlship.graphs.builder import Answers, Block, Graph, Result
from mlship.graphs.dispatch import answer
from mlship.graphs.families.meta import added, asked, column, line, side_by_side
from mlship.graphs.labels import flat, largest, pick, two_columns, upright


def one_vs_rest(g: Graph, model: Any, block: Block) -> Answers:
    """OneVsRestClassifier: for one label a row, and for several."""
    members = [_answer(g, member, block) for member in model.estimators_]
    confidence = [_confidence(g, member, item) for member, item in zip(model.estimators_, members, strict=True)]
    kind = model.label_binarizer_.y_type_
    answers = {"prediction": _labels(g, model, kind, confidence)}
    if hasattr(model, "predict_proba"):
        chances = [column(g, item["probabilities"].name, 1) for item in members if "probabilities" in item]
        answers |= _shares(g, model, chances) if len(chances) == len(members) else {}
    if all("scores" in item for item in members):
        lines = [flat(g, item["scores"].name) for item in members]
        answers["scores"] = Result(lines[0]) if len(lines) == 1 else Result(side_by_side(g, lines), width=len(lines))
    return answers


def one_vs_one(g: Graph, model: Any, block: Block) -> Answers:
    """OneVsOneClassifier: the votes of all pairs, and their confidence, which decides where votes are equal."""
    places = model.pairwise_indices_ or [None] * len(model.estimators_)
    predictions, confidence = [], []
    for member, columns in zip(model.estimators_, places, strict=True):
        item = _answer(g, member, block if columns is None else select(g, block, [int(i) for i in columns]))
        predictions.append(line(g, item["prediction"]))
        confidence.append(_confidence(g, member, item))
    classes = len(model.classes_)
    scores = _tournament(g, side_by_side(g, predictions), side_by_side(g, confidence), classes)
    if classes > 2:
        return {"prediction": pick(g, largest(g, scores), model.classes_), "scores": Result(scores, width=classes)}
    score = column(g, scores, 1)
    above = g.op("Greater", score, np.array(_threshold(model)))
    return {
        "prediction": pick(g, g.op("Cast", above, to=TensorProto.INT64), model.classes_),
        "scores": Result(score),
    }


def output_code(g: Graph, model: Any, block: Block) -> Answers:
    """OutputCodeClassifier: the class whose code is nearest to what the estimators say.

    Squared distances as scikit-learn expands them: |x|^2 - 2 x.c + |c|^2, none below zero.
    """
    lines = [_confidence(g, member, _answer(g, member, block)) for member in model.estimators_]
    x, codes = side_by_side(g, lines), np.asarray(model.code_book_, dtype=np.float64)
    axis = np.array([1], dtype=np.int64)
    squares = g.op("ReduceSum", g.op("Mul", x, x), axis, keepdims=1)
    middle = g.op("MatMul", x, np.ascontiguousarray(-2.0 * codes.T))
    distance = g.op("Add", g.op("Add", squares, middle), (codes**2).sum(axis=1).reshape(1, -1))
    nearest = g.op("ArgMin", g.op("Max", distance, np.array(0.0)), axis=1, keepdims=0)
    return {"prediction": pick(g, nearest, model.classes_)}


def _answer(g: Graph, member: Any, block: Block) -> Answers:
    """Return the answers of a binary estimator; one that saw a single class always answers alike."""
    if type(member).__name__ != "_ConstantPredictor":
        return answer(g, member, block)
    value = float(member.y_[0])
    rows = g.op("Shape", numbers(g, block).name, end=1)
    constant = Result(g.op("Expand", np.array([value]), rows))
    chances = g.op("Expand", np.array([[1 - value, value]]), g.op("Concat", rows, np.array([2]), axis=0))
    return {"prediction": constant, "scores": constant, "probabilities": Result(chances, width=2)}


def _confidence(g: Graph, member: Any, answers: Answers) -> str:
    """Return the score of a binary estimator, (rows,); where it has none the probability of its second class."""
    if is_regressor(member):
        return line(g, answers["prediction"])
    if hasattr(member, "decision_function"):
        return flat(g, asked(answers, member, "decision_function").name)
    return column(g, asked(answers, member, "predict_proba").name, 1)


def _threshold(model: Any) -> float:
    first = model.estimators_[0]
    return 0.0 if hasattr(first, "decision_function") and is_classifier(first) else 0.5


def _labels(g: Graph, model: Any, kind: str, confidence: Sequence[str]) -> Result:
    """Return the class with the largest confidence, or each one above the threshold (rows, classes)."""
    if kind == "multiclass":
        return pick(g, largest(g, side_by_side(g, confidence)), model.classes_)
    above = [g.op("Greater", name, np.array(_threshold(model))) for name in confidence]
    chosen = [g.op("Cast", name, to=TensorProto.INT64) for name in above]
    if kind == "binary":
        classes = model.classes_ if len(model.classes_) > 1 else np.repeat(model.classes_, 2)
        return pick(g, chosen[0], classes)
    return Result(side_by_side(g, chosen), TensorProto.INT64, len(chosen))


def _shares(g: Graph, model: Any, chances: Sequence[str]) -> dict[str, Result]:
    """Return the probabilities: each class's own for several labels a row, else divided by their sum."""
    name = side_by_side(g, chances) if len(chances) > 1 else two_columns(g, upright(g, chances[0]))
    width = max(len(chances), 2) if len(chances) == 1 else len(chances)
    if not model.multilabel_:
        total = g.op("ReduceSum", name, np.array([1], dtype=np.int64), keepdims=1)
        none = g.op("Equal", total, np.array(0.0))
        name = g.op("Div", name, g.op("Where", none, np.array(1.0), total))
    return {"probabilities": Result(name, width=width)}


def _tournament(g: Graph, predictions: str, confidence: str, classes: int) -> str:
    """Return votes + c / (3 (|c| + 1)), with c the sum of a class's confidences in the order of the pairs."""
    pair = {(i, j): k for k, (i, j) in enumerate((i, j) for i in range(classes) for j in range(i + 1, classes))}
    won = np.zeros((len(pair), classes))
    for (i, j), k in pair.items():
        won[k, i], won[k, j] = -1.0, 1.0
    sides = []  # votes for the first and for the second of each pair; integers, so exact in any order
    for value in (0.0, 1.0):
        chosen = g.op("Cast", g.op("Equal", predictions, np.array(value)), to=TensorProto.DOUBLE)
        sides.append(g.op("MatMul", chosen, np.maximum(won if value else -won, 0.0)))
    terms = []
    for turn in range(classes - 1):  # every class has its pairs in the same order
        others = [turn if turn < number else turn + 1 for number in range(classes)]
        pairs = [pair[min(number, other), max(number, other)] for number, other in enumerate(others)]
        signs = np.array([[1.0 if other < number else -1.0 for number, other in enumerate(others)]])
        terms.append(g.op("Mul", g.op("Gather", confidence, np.array(pairs, dtype=np.int64), axis=1), signs))
    total = added(g, terms)
    divisor = g.op("Mul", np.array(3.0), g.op("Add", g.op("Abs", total), np.array(1.0)))
    return g.op("Add", g.op("Add", *sides), g.op("Div", total, divisor))
