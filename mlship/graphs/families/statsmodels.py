"""Results of statsmodels: the design (a formula's terms, or the columns and a constant), x . params, inverse link.

Proved on statsmodels 0.15 with patsy 1.0.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic import special
from mlship.graphs.blocks import numbers, select
from mlship.graphs.builder import ML, Answers, Block, Graph, Result, tensor
from mlship.graphs.families import formulas
from mlship.graphs.labels import flat

#: class of the fitted model -> what makes its mean from x . params; "link": what its family says.
MEANS = {
    "BetaModel": "link",
    "GEE": "link",
    "GLM": "link",
    "GLS": "identity",
    "GLSAR": "identity",
    "GeneralizedPoisson": "exp",
    "Logit": "logit",
    "MNLogit": "softmax",
    "NegativeBinomial": "exp",
    "NegativeBinomialP": "exp",
    "OLS": "identity",
    "Poisson": "exp",
    "Probit": "probit",
    "QuantReg": "identity",
    "RLM": "identity",
    "WLS": "identity",
}


def results(g: Graph, model: Any, block: Block) -> Answers:
    """Fitted results behind their adapter: the mean, as ``results.predict`` gives it; MNLogit: (rows, classes).

    A category that the formula has not seen, where the original stops, gives a missing value.
    """
    fitted = model.results.model
    design = _design_of(g, model, block)
    params = np.asarray(model.results.params, dtype=np.float64)[: model.width]
    mean = MEANS[type(fitted).__name__]
    if mean == "softmax":
        return {"prediction": _multinomial(g, g.op("MatMul", design, params), params.shape[1] + 1)}
    predictor = flat(g, g.op("MatMul", design, params.reshape(-1, 1)))
    return {"prediction": Result(_mean(g, mean, fitted, predictor))}


def _design_of(g: Graph, model: Any, block: Block) -> str:
    """Return the design matrix that the params belong to."""
    if model.design is not None:
        pieces = list(_terms(g, model.design, list(model.feature_names_in_), block))
        return g.op("Concat", *pieces, axis=1)
    x = numbers(g, block)
    if model.constant is None:
        return x.name
    before, after = np.arange(model.constant), np.arange(model.constant, x.width)
    left, right = (g.op("Gather", x.name, part, axis=1) for part in (before, after))
    return g.op("Concat", left, _ones(g, x.name), right, axis=1)


def _terms(g: Graph, design: Any, names: list[str], block: Block) -> Iterator[str]:
    """Yield the columns of a formula's design in order; plain columns side by side as one piece."""
    plain: list[int] = []
    for subterm in (subterm for subterms in design.term_codings.values() for subterm in subterms):
        name = _plain_column(design, subterm)
        if name is not None:
            plain.append(names.index(name))
            continue
        yield from (piece.name for piece in select(g, block, plain))
        plain = []
        yield _subterm(g, design, subterm, names, block)
    yield from (piece.name for piece in select(g, block, plain))


def _plain_column(design: Any, subterm: Any) -> str | None:
    if len(subterm.factors) != 1 or design.factor_infos[subterm.factors[0]].type == "categorical":
        return None
    return formulas.column(subterm.factors[0].code)


def _subterm(g: Graph, design: Any, subterm: Any, names: list[str], block: Block) -> str:
    """Return the product of the factors' columns, those of the first factor running fastest."""
    product = _ones(g, block[0].name)
    for factor in subterm.factors:
        if factor in subterm.contrast_matrices:
            contrast = np.asarray(subterm.contrast_matrices[factor].matrix, dtype=np.float64)
            columns = _coded(g, factor.code, design.factor_infos[factor].categories, contrast, names, block)
        else:
            if design.factor_infos[factor].num_columns != 1:
                formulas.refuse(factor.code)
            columns = formulas.numeric(g, factor.code, _values(g, factor.code, names, block))
        slow, fast = (g.op("Unsqueeze", part, np.array([axis])) for part, axis in ((columns, 2), (product, 1)))
        product = g.op("Flatten", g.op("Mul", fast, slow), axis=1)
    return product


def _coded(g: Graph, code: str, categories: Any, contrast: Any, names: list[str], block: Block) -> str:
    """Return each category's row of ``contrast``; a row of NaN for an unseen or missing one."""
    inner = formulas.categorical(code)
    name = formulas.column(inner)
    matrix = None if name is None else select(g, block, [names.index(name)])[0]
    value = formulas.numeric(g, inner, _values(g, inner, names, block)) if matrix is None else matrix.name
    texts = matrix is not None and matrix.kind == "string"
    keys = np.array([str(item) if texts else float(item) for item in categories], dtype=object if texts else np.float64)
    number = g.op(
        "LabelEncoder",
        value,
        domain=ML,
        keys_tensor=tensor(keys),
        values_tensor=tensor(np.arange(len(keys), dtype=np.int64)),
        default_tensor=tensor(np.array([len(keys)], dtype=np.int64)),
    )
    rows = np.vstack([contrast, np.full((1, contrast.shape[1]), np.nan)])
    return g.op("Gather", rows, flat(g, number), axis=0)


def _values(g: Graph, code: str, names: list[str], block: Block) -> dict[str, str]:
    """Return the columns that a factor reads, each (rows, 1), by name."""
    found = {name: select(g, block, [names.index(name)])[0] for name in formulas.columns_of(code)}
    texts = [name for name, matrix in found.items() if matrix.kind == "string"]
    if texts:
        raise UnsupportedModelError(f"the formula computes '{code}' with text in column '{texts[0]}'")
    return {name: matrix.name for name, matrix in found.items()}


def _ones(g: Graph, x: str) -> str:
    """Return (rows, 1) of 1.0, as many rows as ``x`` has."""
    rows = g.op("Shape", x, start=0, end=1)
    return g.op("Expand", np.array([[1.0]]), g.op("Concat", rows, np.array([1]), axis=0))


def _multinomial(g: Graph, predictors: str, classes: int) -> Result:
    """Return exp over the sum of exp, the first class with exponent 0, in statsmodels' order."""
    powers = g.op("Exp", predictors)
    shares = g.op("Pad", powers, np.array([0, 1, 0, 0], dtype=np.int64), np.array(1.0))
    total = g.op("ReduceSum", shares, np.array([1], dtype=np.int64), keepdims=1)
    return Result(g.op("Div", shares, total), width=classes)


def _mean(g: Graph, mean: str, fitted: Any, z: str) -> str:
    match mean:
        case "identity":
            return z
        case "exp":
            return g.op("Exp", z)
        case "logit":
            return _logit(g, None, z)
        case "probit":
            return special.normal_cdf(g, z)
    link = fitted.link if hasattr(fitted, "link") else fitted.family.link
    for kind in type(link).__mro__:
        if kind.__name__ in _LINKS:
            return _LINKS[kind.__name__](g, link, z)
    raise UnsupportedModelError(f"nobody converts the link {type(link).__name__} of this {type(fitted).__name__}")


def _one_minus(g: Graph, x: str) -> str:
    return g.op("Sub", np.array(1.0), x)


def _negative_exp(g: Graph, z: str) -> str:
    return g.op("Exp", g.op("Neg", z))


def _logit(g: Graph, link: Any, z: str) -> str:
    return g.op("Div", np.array(1.0), g.op("Add", np.array(1.0), _negative_exp(g, z)))


def _power(g: Graph, link: Any, z: str) -> str:
    return z if link.power == 1 else g.op("Pow", z, np.array(1.0 / link.power))


def _distribution(g: Graph, link: Any, z: str) -> str:
    name = str(getattr(link.dbn, "name", ""))
    if name not in ("norm", "cauchy"):
        raise UnsupportedModelError(f"nobody converts a link with the distribution '{name}'")
    return special.normal_cdf(g, z) if name == "norm" else special.cauchy_cdf(g, z)


def _negative_binomial(g: Graph, link: Any, z: str) -> str:
    below = g.op("Mul", np.array(float(link.alpha)), _one_minus(g, _negative_exp(g, z)))
    return g.op("Div", np.array(-1.0), below)


#: Inverse links, by the class in statsmodels.genmod.families.links.
_LINKS: dict[str, Callable[[Graph, Any, str], str]] = {
    "CDFLink": _distribution,
    "CLogLog": lambda g, link, z: _one_minus(g, g.op("Exp", g.op("Neg", g.op("Exp", z)))),
    "Log": lambda g, link, z: g.op("Exp", z),
    "LogC": lambda g, link, z: _one_minus(g, g.op("Exp", z)),
    "LogLog": lambda g, link, z: _negative_exp(g, _negative_exp(g, z)),
    "Logit": _logit,
    "NegativeBinomial": _negative_binomial,
    "Power": _power,
}
