"""Linear models: x . coefficients + intercept, then the link that the original uses."""

from typing import Any

import numpy as np

from mlship.graphs.blocks import product
from mlship.graphs.builder import Answers, Block, Graph, NotOurs, Result
from mlship.graphs.labels import above_zero, flat, largest, pick, shared_out, two_columns


def regressor(g: Graph, model: Any, block: Block) -> Answers:
    """Whatever predicts x . coef_ + intercept_: (rows,), or (rows, targets) where coef_ has two dimensions."""
    coefficients = np.asarray(model.coef_, dtype=np.float64)
    name = _scores(g, np.atleast_2d(coefficients), model.intercept_, block)
    if coefficients.ndim == 1:
        return {"prediction": Result(flat(g, name))}
    return {"prediction": Result(name, width=len(coefficients))}


def generalized(g: Graph, model: Any, block: Block) -> Answers:
    """Poisson-, Gamma- and TweedieRegressor: exp of the linear predictor, or the predictor itself."""
    name = flat(g, _scores(g, np.atleast_2d(model.coef_), model.intercept_, block))
    link = getattr(model, "link", "log")
    if link == "auto":
        link = "identity" if model.power <= 0 else "log"
    return {"prediction": Result(g.op("Exp", name) if link == "log" else name)}


def scorer(g: Graph, model: Any, block: Block) -> Answers:
    """Classifiers that only have a decision function: above zero, or the largest score."""
    if getattr(getattr(model, "_label_binarizer", None), "y_type_", "").startswith("multilabel"):
        raise NotOurs("it answers with several labels a row")
    return _decide(g, model, _class_scores(g, model, block))


def one_vs_rest(g: Graph, model: Any, block: Block) -> Answers:
    """Classifiers whose probabilities are a sigmoid a class, divided by their sum."""
    scores = _class_scores(g, model, block)
    return {**_decide(g, model, scores), "probabilities": _sigmoids(g, model, scores)}


def logistic(g: Graph, model: Any, block: Block) -> Answers:
    """LogisticRegression and its CV variant: sigmoid for two classes, softmax for more.

    Before scikit-learn 1.8 the parameter ``multi_class`` could ask for softmax over two or one-vs-rest over more.
    """
    scores = _class_scores(g, model, block)
    binary = len(model.classes_) == 2
    asked = model.get_params(deep=False).get("multi_class", "auto")
    rest = asked == "ovr" or (asked in ("auto", "deprecated") and (binary or _old_liblinear(model)))
    if rest:
        return {**_decide(g, model, scores), "probabilities": _sigmoids(g, model, scores)}
    both = g.op("Concat", g.op("Neg", scores), scores, axis=1) if binary else scores
    chances = Result(g.op("Softmax", both, axis=1), width=len(model.classes_))
    return {**_decide(g, model, scores), "probabilities": chances}


def stochastic(g: Graph, model: Any, block: Block) -> Answers:
    """SGDClassifier: probabilities for log_loss and modified_huber, else scores."""
    match model.loss:
        case "log_loss":
            return one_vs_rest(g, model, block)
        case "modified_huber":
            scores = _class_scores(g, model, block)
            clipped = g.op("Clip", scores, np.array(-1.0), np.array(1.0))
            shares = g.op("Div", g.op("Add", clipped, np.array(1.0)), np.array(2.0))
            return {**_decide(g, model, scores), "probabilities": _shared(g, model, shares)}
        case _:
            return scorer(g, model, block)


def _scores(g: Graph, coefficients: Any, intercept: Any, block: Block) -> str:
    """Return x . coefficients + intercept, (rows, len(coefficients))."""
    weighted = product(g, block, np.ascontiguousarray(np.asarray(coefficients, dtype=np.float64).T))
    return g.op("Add", weighted, np.asarray(intercept, dtype=np.float64).reshape(1, -1))


def _class_scores(g: Graph, model: Any, block: Block) -> str:
    classes = model.classes_
    coefficients = np.atleast_2d(model.coef_)
    if len(coefficients) != (1 if len(classes) == 2 else len(classes)):
        raise NotOurs(f"{len(coefficients)} rows of coefficients for {len(classes)} classes")
    return _scores(g, coefficients, model.intercept_, block)


def _decide(g: Graph, model: Any, scores: str) -> dict[str, Result]:
    classes = len(model.classes_)
    if classes == 2:
        line = flat(g, scores)
        return {"prediction": pick(g, above_zero(g, line), model.classes_), "scores": Result(line)}
    return {"prediction": pick(g, largest(g, scores), model.classes_), "scores": Result(scores, width=classes)}


def _sigmoids(g: Graph, model: Any, scores: str) -> Result:
    """Return a sigmoid of each score; written out for sums, as ONNX Runtime's own is 0 below -37."""
    if len(model.classes_) == 2:
        return _shared(g, model, g.op("Sigmoid", scores))
    one = np.array(1.0)
    return _shared(g, model, g.op("Div", one, g.op("Add", g.op("Exp", g.op("Neg", scores)), one)))


def _shared(g: Graph, model: Any, shares: str) -> Result:
    classes = len(model.classes_)
    name = two_columns(g, shares) if classes == 2 else shared_out(g, shares, classes)
    return Result(name, width=classes)


def _old_liblinear(model: Any) -> bool:
    return "multi_class" in model.get_params(deep=False) and model.solver == "liblinear"
