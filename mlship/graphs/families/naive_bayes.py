"""Naive Bayes: the joint log-likelihood of each class, then the largest and the shares."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.graphs.arithmetic.logarithms import shares
from mlship.graphs.arithmetic.sums import pairwise
from mlship.graphs.blocks import numbers, product
from mlship.graphs.builder import Answers, Block, Graph, Matrix, Result
from mlship.graphs.labels import largest, pick


def gaussian(g: Graph, model: Any, block: Block) -> Answers:
    """GaussianNB: the squared distances to the class means, each divided by its variance."""
    x = numbers(g, block)
    means, variances = _doubles(model.theta_), _doubles(model.var_)
    gaps = g.op("Sub", g.op("Unsqueeze", x.name, np.array([1])), means)
    terms = g.op("Div", g.op("Mul", gaps, gaps), variances)
    total = pairwise(g, terms, 0, x.width)
    with np.errstate(divide="ignore"):
        priors = np.log(model.class_prior_)
    constant = -0.5 * np.sum(np.log(2.0 * np.pi * variances), axis=1)
    exponent = g.op("Sub", constant, g.op("Mul", total, np.array(0.5)))
    return _classes(g, model, g.op("Add", exponent, priors))


def multinomial(g: Graph, model: Any, block: Block) -> Answers:
    """MultinomialNB: counts times the logarithms of the feature probabilities."""
    return _linear(g, model, block, _doubles(model.feature_log_prob_), model.class_log_prior_)


def complement(g: Graph, model: Any, block: Block) -> Answers:
    """ComplementNB: counts times the weights of the complements; the prior only counts where there is one class."""
    prior = model.class_log_prior_ if len(model.classes_) == 1 else None
    return _linear(g, model, block, _doubles(model.feature_log_prob_), prior)


def bernoulli(g: Graph, model: Any, block: Block) -> Answers:
    """BernoulliNB: the log probabilities of the features that are there, and of those that are not."""
    if model.binarize is not None:
        x = numbers(g, block)
        above = g.op("Greater", x.name, np.array(float(model.binarize)))
        block = [Matrix(g.op("Cast", above, to=TensorProto.DOUBLE), "number", x.width)]
    there = _doubles(model.feature_log_prob_)
    absent = np.log(1 - np.exp(there))
    return _linear(g, model, block, there - absent, model.class_log_prior_ + absent.sum(axis=1))


def categorical(g: Graph, model: Any, block: Block) -> Answers:
    """CategoricalNB: the log probability of each category, looked up in one table.

    A number that is no category leads beyond the table, which ONNX Runtime refuses as scikit-learn does.
    """
    logs = [np.asarray(table, dtype=np.float64).T for table in model.feature_log_prob_]
    counts = np.array([len(table) for table in logs], dtype=np.int64)
    values = g.op("Cast", numbers(g, block).name, to=TensorProto.INT64)
    is_category = g.op("And", g.op("GreaterOrEqual", values, np.array(0)), g.op("Less", values, counts))
    places = g.op("Add", values, np.cumsum(counts) - counts)
    places = g.op("Where", is_category, places, np.array(counts.sum()))
    found = g.op("Gather", np.concatenate(logs), places, axis=0)
    total = g.op("ReduceSum", found, np.array([1]), keepdims=0)
    return _classes(g, model, g.op("Add", total, _doubles(model.class_log_prior_)))


def _linear(g: Graph, model: Any, block: Block, weights: Any, constant: Any) -> Answers:
    joint = product(g, block, np.ascontiguousarray(weights.T))
    return _classes(g, model, joint if constant is None else g.op("Add", joint, _doubles(constant)))


def _classes(g: Graph, model: Any, joint: str) -> Answers:
    classes = model.classes_
    return {
        "prediction": pick(g, largest(g, joint), classes),
        "probabilities": Result(shares(g, joint), width=len(classes)),
    }


def _doubles(values: Any) -> Any:
    return np.asarray(values, dtype=np.float64)
