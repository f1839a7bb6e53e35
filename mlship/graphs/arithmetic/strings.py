"""Texts in a graph: joined into one string, taken apart by patterns, in lower case, without accents.

All texts of a batch become one string, in which ``END`` ends each. That costs no padding, so that one long text
among many short ones is no harm, and one pattern works on all of them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from mlship.graphs.arithmetic.characters import END, NOT_END, Accents, cased, ignorable, listed, replacements
from mlship.graphs.builder import ML, Graph, tensor

MICROSOFT = "com.microsoft"

_NOWHERE = "\uffff"
_FALSE, _TRUE = np.zeros((), dtype=bool), np.ones((), dtype=bool)
#: Inputs of a loop's body: the number of the turn, and whether there is one.
_LOOP = [(int(TensorProto.INT64), 0), (int(TensorProto.BOOL), 0)]


def one_string(g: Graph, texts: str) -> str:
    """Join ``texts`` (rows,) into one string (1,), each followed by ``END``."""
    everywhere = g.op("Cast", _full_match(g, texts, f"(?s)[^{END}]*"), to=TensorProto.INT64)
    clean = g.op("ReduceMin", everywhere, keepdims=0)
    texts = _unless(g, g.op("Cast", clean, to=TensorProto.BOOL), texts, lambda: _without_end(g, texts))
    return glued(g, g.op("StringConcat", texts, _text(END)))


def parts(g: Graph, text: str, pattern: str) -> str:
    """Return all matches of ``pattern`` (RE2) in ``text`` (1,) as (matches,)."""
    found = g.op("Tokenizer", text, domain=MICROSOFT, mark=0, mincharnum=1, pad_value="", tokenexp=pattern)
    # the checker of ONNX does not know the operator, and falls over texts of unknown type
    return g.op("Reshape", g.op("Cast", found, to=TensorProto.STRING), np.array([-1], dtype=np.int64))


def glued(g: Graph, pieces: str) -> str:
    """Join ``pieces`` (at least one) into one string (1,): neighbours in pairs, until one is left."""

    def halved(_: str, __: str, pieces: str) -> list[str]:
        odd = g.op("Mod", _size(g, pieces), np.array([2], dtype=np.int64))
        even = g.op("Concat", pieces, g.op("Expand", _text(""), odd), axis=0)
        left, right = (slice_(g, even, start, None, step=2) for start in (0, 1))
        pairs = g.op("StringConcat", left, right)
        return [_many(g, pairs), pairs]

    body = g.body([*_LOOP, (TensorProto.STRING, 1)], halved, [TensorProto.BOOL, TensorProto.STRING])
    return g.op("Loop", "", _many(g, pieces), pieces, body=body)


def normal(g: Graph, text: str, *, lower: bool, accents: Accents | None) -> str:
    """Return ``text`` (1,) as str.lower and scikit-learn's strip_accents leave it.

    Only ASCII letters are left to ONNX Runtime's own lower case: for all others that depends on the machine.
    """
    if lower:
        before = text
        text = _unless(g, _full_match(g, before, "(?s)[^Σ]*"), before, lambda: _with_last_sigmas(g, before))
        # before the accents: without them, a letter may become a capital, which the original keeps
        text = g.op("StringNormalizer", text, case_change_action="LOWER", is_case_sensitive=1, locale="C")
    table = replacements(lower=lower, accents=accents)
    if accents == "ascii":
        text = _replaced(g, text, table, kept=f"\\x00-\\x7f{END}")
    elif table:
        changing = listed(table)
        text = _replaced(g, text, table, kept=f"^{changing}")
    return text


def equals(g: Graph, pieces: str, text: str) -> str:
    """Return where ``pieces`` are ``text``."""
    return g.op("Equal", pieces, _text(text))


def matching(g: Graph, pieces: str, pattern: str) -> str:
    """Return where ``pieces`` match ``pattern`` (RE2) as a whole."""
    return _full_match(g, pieces, f"(?s){pattern}")


def slice_(g: Graph, pieces: str, start: int, stop: int | None, *, step: int = 1) -> str:
    """Return ``pieces[start:stop:step]`` of (pieces,)."""
    bounds = [np.array([bound], dtype=np.int64) for bound in (start, 2**62 if stop is None else stop, 0, step)]
    return g.op("Slice", pieces, *bounds)


def number_of_ends(g: Graph, ends: str) -> str:
    """Return how many are True before each place of ``ends``."""
    return g.op("CumSum", g.op("Cast", ends, to=TensorProto.INT64), np.array(0, dtype=np.int64), exclusive=1)


def _without_end(g: Graph, texts: str) -> str:
    """Return ``texts`` (rows,) with ``NOT_END`` for each ``END`` that somebody wrote into them."""

    def cleaned(number: str, condition: str) -> list[str]:
        text = g.op("Gather", texts, g.op("Unsqueeze", number, np.array([0], dtype=np.int64)))
        pieces = parts(g, g.op("StringConcat", text, _text(END)), f"(?s)[^{END}]+|{END}")
        end = equals(g, pieces, END)
        whole = slice_(g, g.op("Where", end, _text(NOT_END), pieces), 0, -1)
        return [g.op("Identity", condition), glued(g, g.op("Concat", whole, _text(""), axis=0))]

    body = g.body(_LOOP, cleaned, [TensorProto.BOOL, TensorProto.STRING])
    count = g.op("Squeeze", _size(g, texts))
    joined = g.op("Loop", count, _TRUE, body=body)
    return g.op("Reshape", joined, np.array([-1], dtype=np.int64))


def _replaced(g: Graph, text: str, table: dict[str, str], kept: str) -> str:
    """Replace characters by ``table`` and remove those that are neither in it nor in the set ``kept``."""

    def mapped() -> str:
        pieces = parts(g, text, f"(?s)[{kept}]+|[{listed(table)}]")
        known = g.op(
            "LabelEncoder",
            pieces,
            domain=ML,
            keys_tensor=tensor(np.array(list(table), dtype=object)),
            values_tensor=tensor(np.array(list(table.values()), dtype=object)),
            default_tensor=tensor(np.array([_NOWHERE], dtype=object)),
        )
        return glued(g, g.op("Where", equals(g, known, _NOWHERE), pieces, known))

    return _unless(g, _full_match(g, text, f"(?s)[{kept}]*"), text, mapped)


def _with_last_sigmas(g: Graph, text: str) -> str:
    """Return ``text`` with ς for each Σ that ends a word (Unicode's Final_Sigma, as str.lower has it)."""
    characters = parts(g, text, "(?s).")
    counts = g.op("Not", _full_match(g, characters, f"[{ignorable()}]"))
    places = g.op("Compress", g.op("Range", _integer(0), g.op("Size", characters), _integer(1)), counts)
    sign = g.op("Compress", characters, counts)
    has_case = g.op("Cast", _full_match(g, sign, f"[{cased()}]"), to=TensorProto.INT64)
    no = np.array([0], dtype=np.int64)
    before = g.op("Concat", no, slice_(g, has_case, 0, -1), axis=0)
    after = g.op("Concat", slice_(g, has_case, 1, None), no, axis=0)
    last = g.op("And", equals(g, sign, "Σ"), g.op("Greater", before, after))
    chosen = g.op("Unsqueeze", g.op("Compress", places, last), np.array([1], dtype=np.int64))
    nowhere = g.op("Expand", _FALSE, g.op("Shape", characters))
    updates = g.op("Expand", _TRUE, g.op("Slice", g.op("Shape", chosen), *_first()))
    return glued(g, g.op("Where", g.op("ScatterND", nowhere, chosen, updates), _text("ς"), characters))


def _unless(g: Graph, condition: str, value: str, write: Callable[[], str]) -> str:
    """Return ``value`` where ``condition`` (one boolean) holds, else what ``write`` makes."""
    kinds = [TensorProto.STRING]
    kept = g.body([], lambda: [g.op("Identity", value)], kinds)
    other = g.body([], lambda: [g.op("Identity", write())], kinds)
    return g.op("If", condition, then_branch=kept, else_branch=other)


def _full_match(g: Graph, texts: str, pattern: str) -> str:
    return g.op("RegexFullMatch", texts, pattern=pattern)


def _many(g: Graph, pieces: str) -> str:
    return g.op("Greater", g.op("Size", pieces), _integer(1))


def _size(g: Graph, pieces: str) -> str:
    return g.op("Shape", pieces)


def _integer(value: int) -> NDArray[np.int64]:
    return np.array(value, dtype=np.int64)


def _first() -> list[NDArray[np.int64]]:
    return [np.array([0], dtype=np.int64), np.array([1], dtype=np.int64)]


def _text(value: str) -> NDArray[np.object_]:
    return np.array([value], dtype=object)
