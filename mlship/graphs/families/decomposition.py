"""Decompositions that are a product with a matrix: PCA and its kin, factor analysis, independent components."""

from typing import Any

import numpy as np

from mlship.graphs.blocks import numbers, product
from mlship.graphs.builder import Block, Graph, Matrix


def principal(g: Graph, model: Any, block: Block) -> Block:
    """PCA and IncrementalPCA: the products with the components, less that of the mean, and whitened if asked for."""
    components = _doubles(model.components_)
    name = product(g, block, _doubles(components.T))
    name = g.op("Sub", name, _doubles(model.mean_).reshape(1, -1) @ components.T)
    if model.whiten:
        scale = np.sqrt(_doubles(model.explained_variance_))
        name = g.op("Div", name, np.maximum(scale, np.finfo(np.float64).eps))
    return [Matrix(name, "number", len(components))]


def plain(g: Graph, model: Any, block: Block) -> Block:
    """TruncatedSVD and NeighborhoodComponentsAnalysis: the products with the components."""
    components = _doubles(model.components_)
    return [Matrix(product(g, block, _doubles(components.T)), "number", len(components))]


def factors(g: Graph, model: Any, block: Block) -> Block:
    """FactorAnalysis: the expected factors (Bishop, Pattern Recognition and Machine Learning, equation 12.66)."""
    components = _doubles(model.components_)
    weighted = components / model.noise_variance_
    covariance = np.linalg.inv(np.eye(len(components)) + weighted @ components.T)
    name = g.op("MatMul", _centred(g, model, block), _doubles(weighted.T))
    return [Matrix(g.op("MatMul", name, _doubles(covariance)), "number", len(components))]


def independent(g: Graph, model: Any, block: Block) -> Block:
    """FastICA: the mean is taken off where it whitens."""
    components = _doubles(model.components_)
    name = _centred(g, model, block) if model.whiten else numbers(g, block).name
    return [Matrix(g.op("MatMul", name, _doubles(components.T)), "number", len(components))]


def sparse_principal(g: Graph, model: Any, block: Block) -> Block:
    """SparsePCA and MiniBatchSparsePCA: ridge regression on the components, which is a product with one matrix."""
    components = _doubles(model.components_)
    gram = components @ components.T + model.ridge_alpha * np.eye(len(components))
    solution = np.linalg.solve(gram, components)
    return [Matrix(g.op("MatMul", _centred(g, model, block), _doubles(solution.T)), "number", len(components))]


def _centred(g: Graph, model: Any, block: Block) -> str:
    return g.op("Sub", numbers(g, block).name, _doubles(model.mean_).reshape(1, -1))


def _doubles(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.float64)
