"""What scikit-learn's vectorizers make of a text: words or characters, and n-grams of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic.characters import END, members
from mlship.graphs.arithmetic.strings import equals, glued, matching, normal, number_of_ends, one_string, parts, slice_
from mlship.graphs.arithmetic.token_patterns import TokenPattern, token_pattern
from mlship.graphs.builder import ML, Graph, tensor


@dataclass(frozen=True)
class Words:
    """The terms of all texts, in order: ``terms`` and their ``rows``, (terms,), and the number of texts, (1,)."""

    terms: str
    rows: str
    count: str


def analysed(g: Graph, model: Any, texts: str, *, whole_batch: bool = False) -> Words:
    """Take ``texts`` (rows,) apart as ``model``, a fitted vectorizer, does.

    Among the terms are some with ``END`` in them, which no vocabulary has; with ``whole_batch`` they are left out.
    Raises UnsupportedModelError where it calls a Python function, or has a token pattern that is not covered.
    """
    _refuse_functions(model)
    text = normal(g, one_string(g, texts), lower=_lowers(model), accents=model.strip_accents or None)
    low, high = model.ngram_range
    match model.analyzer:
        case "word":
            sequence, rows = _tokens(g, model, text)
            terms, places = _ngrams(g, sequence, rows, low, high, " ", whole_batch=whole_batch)
        case "char":
            space = f"[{members(_SPACE)}]{{2,}}"
            found = parts(g, text, f"(?s){space}|.")
            sequence = g.op("Where", matching(g, found, space), np.array([" "], dtype=object), found)
            rows = number_of_ends(g, equals(g, sequence, END))
            terms, places = _ngrams(g, sequence, rows, low, high, "", whole_batch=whole_batch)
        case _:
            terms, places = _within_words(g, text, low, high, whole_batch=whole_batch)
    return Words(terms, places, g.op("Shape", texts))


_SPACE = r"\s"


def _tokens(g: Graph, model: Any, text: str) -> tuple[str, str]:
    """Return tokens without stop words, ``END`` after each text, and their rows."""
    pattern = _pattern(model)
    tokens = parts(g, text, f"(?s){pattern.find}|{END}")
    if pattern.keep is not None:
        tokens = g.op("Compress", tokens, matching(g, tokens, f"(?:{pattern.keep})|{END}"))
    stop_words = model.get_stop_words()
    if stop_words:
        kept = g.op(
            "LabelEncoder",
            tokens,
            domain=ML,
            keys_tensor=tensor(np.array(sorted(map(str, stop_words)), dtype=object)),
            values_tensor=tensor(np.zeros(len(stop_words), dtype=np.int64)),
            default_tensor=tensor(np.array([1], dtype=np.int64)),
        )
        tokens = g.op("Compress", tokens, g.op("Cast", kept, to=TensorProto.BOOL))
    return tokens, number_of_ends(g, equals(g, tokens, END))


def _within_words(g: Graph, text: str, low: int, high: int, *, whole_batch: bool) -> tuple[str, str]:
    """Return n-grams of characters within words, each word between two spaces (char_wb).

    A word that is shorter than the shortest n-gram counts once, as a whole.
    """
    one, space = np.array([" "], dtype=object), members(_SPACE)
    words = parts(g, text, f"(?s)[^{space}{END}]+|{END}")
    ends = equals(g, words, END)
    rows = number_of_ends(g, ends)
    spaced = g.op("StringConcat", g.op("StringConcat", one, words), one)
    closed = g.op("StringConcat", spaced, np.array([END], dtype=object))
    characters = parts(g, glued(g, g.op("Where", ends, words, closed)), "(?s).")
    word = number_of_ends(g, equals(g, characters, END))
    terms, places = _ngrams(g, characters, word, low, high, "", whole_batch=whole_batch)
    places = g.op("Gather", rows, places)
    if low < 4:  # a word between two spaces has three characters
        return terms, places
    short = g.op("And", matching(g, words, f".{{1,{low - 3}}}"), g.op("Not", ends))
    return (
        g.op("Concat", terms, g.op("Compress", spaced, short), axis=0),
        g.op("Concat", places, g.op("Compress", rows, short), axis=0),
    )


def _ngrams(
    g: Graph, sequence: str, rows: str, low: int, high: int, between: str, *, whole_batch: bool
) -> tuple[str, str]:
    """Return all n-grams of ``sequence`` and the row of each; ``rows`` counts the ends before each place."""
    grams, terms, places = sequence, [], []
    glue = np.array([between], dtype=object)
    after = g.op("Concat", rows, g.op("Add", slice_(g, rows, -1, None), np.array([1], dtype=np.int64)), axis=0)
    for size in range(1, high + 1):
        starts = rows if size == 1 else slice_(g, rows, 0, 1 - size)
        if size > 1:
            left = slice_(g, grams, 0, -1)
            left = g.op("StringConcat", left, glue) if between else left
            grams = g.op("StringConcat", left, slice_(g, sequence, size - 1, None))
        if size < low:
            continue
        if whole_batch:
            inside = g.op("Equal", starts, slice_(g, after, size, None))
            terms.append(g.op("Compress", grams, inside))
            places.append(g.op("Compress", starts, inside))
        else:
            terms.append(grams)
            places.append(starts)
    if len(terms) == 1:
        return terms[0], places[0]
    return g.op("Concat", *terms, axis=0), g.op("Concat", *places, axis=0)


def _pattern(model: Any) -> TokenPattern:
    return token_pattern(r"\S+" if model.tokenizer is str.split else model.token_pattern)


def _lowers(model: Any) -> bool:
    return model.preprocessor is str.lower or (model.preprocessor is None and bool(model.lowercase))


def _refuse_functions(model: Any) -> None:
    """Raise UnsupportedModelError where Python functions of the user's take part, or the input is not the text."""
    kind = type(model).__name__
    for name, known in (("preprocessor", str.lower), ("tokenizer", str.split), ("analyzer", None)):
        function = getattr(model, name)
        if callable(function) and function is not known:
            called = getattr(function, "__name__", type(function).__name__)
            raise UnsupportedModelError(
                f"{kind} calls the Python function '{called}' as its {name}, which no graph can do",
                f"train with {name}={'word' if name == 'analyzer' else None}, or a token_pattern",
            )
    if callable(model.strip_accents):
        raise UnsupportedModelError(
            f"{kind} calls a Python function to strip accents", "train with strip_accents='unicode'"
        )
    if model.input != "content":
        raise UnsupportedModelError(f"{kind} reads files (input='{model.input}')", "train with input='content'")
