"""Texts to numbers: CountVectorizer, TfidfVectorizer, HashingVectorizer and TfidfTransformer."""

from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic.characters import END, NOT_END
from mlship.graphs.arithmetic.strings import MICROSOFT
from mlship.graphs.blocks import numbers, width
from mlship.graphs.builder import ML, Block, Graph, Matrix, NotOurs, Terms, tensor
from mlship.graphs.families.analyzers import analysed
from mlship.graphs.families.scalers import normalizer
from mlship.graphs.terms import counted, mapped, matrix, row_sums


def count(g: Graph, model: Any, block: Block) -> Block:
    """CountVectorizer: how often each term of the vocabulary occurs, or whether it does."""
    return [matrix(g, _counted(g, model, block))]


def tfidf(g: Graph, model: Any, block: Block) -> Block:
    """TfidfVectorizer: counts, weighted as TfidfTransformer does."""
    return [matrix(g, _weighted(g, model, _counted(g, model, block)))]


def transformer(g: Graph, model: Any, block: Block) -> Block:
    """TfidfTransformer: logarithm where asked for, times idf, divided by the row's norm."""
    x = numbers(g, block)
    if x.name in g.terms:
        return [matrix(g, _weighted(g, model, g.terms[x.name]))]
    name = x.name
    if model.sublinear_tf:
        logarithm = g.op("Add", g.op("Log", name), np.array(1.0))
        name = g.op("Where", g.op("Equal", name, np.array(0.0)), np.array(0.0), logarithm)
    if model.use_idf:
        name = g.op("Mul", name, np.asarray(model.idf_, dtype=np.float64).reshape(1, -1))
    weighted = [Matrix(name, "number", x.width, sparse=True)]
    return weighted if model.norm is None else normalizer(g, model, weighted)


def hashing(g: Graph, model: Any, block: Block) -> Block:
    """HashingVectorizer: terms counted by their MurmurHash3, with its sign where asked for."""
    _same_precision(g, model)
    words = analysed(g, model, _texts(g, model, block), whole_batch=True)
    # The source of the formula is scikit-learn's _hashing_fast.pyx.
    hashed = g.op("Cast", g.op("MurmurHash3", words.terms, domain=MICROSOFT, positive=0), to=TensorProto.INT64)
    columns = g.op("Mod", g.op("Abs", hashed), np.array(model.n_features, dtype=np.int64))
    weights = None
    if model.alternate_sign:
        positive = g.op("GreaterOrEqual", hashed, np.array(0, dtype=np.int64))
        weights = g.op("Where", positive, np.array(1.0), np.array(-1.0))
    terms = counted(g, words.count, words.rows, columns, model.n_features, weights)
    return [matrix(g, _normalised(g, model.norm, _binary(g, terms) if model.binary else terms))]


def _counted(g: Graph, model: Any, block: Block) -> Terms:
    vocabulary = model.vocabulary_
    if any(END in term or NOT_END in term for term in vocabulary):
        raise UnsupportedModelError("the vocabulary has a term with U+10FFFE or U+10FFFF, which are no characters")
    words = analysed(g, model, _texts(g, model, block))
    columns = g.op(
        "LabelEncoder",
        words.terms,
        domain=ML,
        keys_tensor=tensor(np.array([str(term) for term in vocabulary], dtype=object)),
        values_tensor=tensor(np.array([int(column) for column in vocabulary.values()], dtype=np.int64)),
        default_tensor=tensor(np.array([-1], dtype=np.int64)),
    )
    known = g.op("GreaterOrEqual", columns, np.array(0, dtype=np.int64))
    columns, rows = g.op("Compress", columns, known), g.op("Compress", words.rows, known)
    terms = counted(g, words.count, rows, columns, len(vocabulary))
    return _binary(g, terms) if model.binary else terms


def _weighted(g: Graph, model: Any, terms: Terms) -> Terms:
    """Weight counts as TfidfTransformer.transform does, in its order."""
    _same_precision(g, model)
    if model.sublinear_tf:
        terms = mapped(terms, lambda values: g.op("Add", g.op("Log", values), np.array(1.0)))
    if model.use_idf:
        idf = g.op("Gather", np.asarray(model.idf_, dtype=np.float64), terms.columns)
        terms = mapped(terms, lambda values: g.op("Mul", values, idf))
    return _normalised(g, model.norm, terms)


def _normalised(g: Graph, norm: str | None, terms: Terms) -> Terms:
    match norm:
        case None:
            return terms
        case "l1":
            total = row_sums(g, terms, g.op("Abs", terms.values))
        case "l2":
            total = g.op("Sqrt", row_sums(g, terms, g.op("Mul", terms.values, terms.values)))
        case other:
            raise NotOurs(f"norm={other!r}")
    total = g.op("Where", g.op("Equal", total, np.array(0.0)), np.array(1.0), total)
    return mapped(terms, lambda values: g.op("Div", values, total))


def _binary(g: Graph, terms: Terms) -> Terms:
    """Make every value 1, as the original does: also where signs have cancelled out."""
    return mapped(terms, lambda values: g.op("Expand", np.array(1.0), g.op("Shape", values)))


def _texts(g: Graph, model: Any, block: Block) -> str:
    """Return the texts, (rows,)."""
    if width(block) != 1 or block[0].kind != "string":
        kind = type(model).__name__
        message = f"{kind} takes one column of text, and is given {width(block)} columns of the sample"
        raise UnsupportedModelError(message, f"give it a column: ColumnTransformer([('text', {kind}(), 'column')])")
    return g.op("Reshape", block[0].name, np.array([-1], dtype=np.int64))


def _same_precision(g: Graph, model: Any) -> None:
    """Note where the original keeps its weights in float32; TfidfTransformer has no dtype and follows its input."""
    if np.dtype(getattr(model, "dtype", np.float64)) == np.float32:
        g.precision = "float32"
