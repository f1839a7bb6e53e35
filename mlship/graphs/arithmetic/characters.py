"""Sets of characters as Python sees them, written out, so that an answer does not hang on another Unicode version."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Accents = Literal["unicode", "ascii"]

#: Ends each text where several are one string; a noncharacter, so that no text carries it by right.
END = "\U0010ffff"
#: Stands in for ``END`` within a text.
NOT_END = "\U0010fffe"


def members(one: str) -> str:
    """Return the characters that match ``one``, a regular expression of Python for one character, for RE2's [].

    ``END`` is left out.
    """
    return listed(matching(one))


@cache
def matching(one: str) -> str:
    """Return the characters that match ``one``, in ascending order and without ``END``."""
    return "".join(re.findall(f"(?:{one})+", _every()))


def listed(characters: Iterable[str]) -> str:
    """Return the given characters for RE2's [], whatever their order."""
    return _ranges(np.unique(_codes("".join(characters))))


@cache
def replacements(*, lower: bool, accents: Accents | None) -> dict[str, str]:
    """Return what each non-ASCII character becomes in lower case and without accents, where it becomes another.

    Left out are those that "ascii" removes. What a sigma becomes depends on its neighbours, see ``cased`` and
    ``ignorable``; all others stand alone.
    """
    changed = {}
    for character in _every()[128:]:
        becomes = _stripped(character.lower() if lower else character, accents)
        if becomes != character and (becomes or accents != "ascii"):
            changed[character] = becomes
    return changed


@cache
def cased() -> str:
    """Return the characters with a case, for RE2's []: those that keep a sigma before them from ending a word."""
    codes, ends = _sigmas("AΣ{} ")
    return _ranges(codes[~ends]) + listed("İ")


@cache
def ignorable() -> str:
    """Return the characters that are looked through where a word's end is searched, for RE2's []."""
    codes, ends_before = _sigmas("AΣ{} ")
    _, ends_after = _sigmas("A{}Σ ")
    return _ranges(codes[ends_before & ends_after])


def _sigmas(pattern: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Put every character into ``pattern``; return them, and whether the sigma there becomes one that ends a word.

    All but İ, which is the only one that gets longer in lower case (and has a case).
    """
    every = _every().replace("İ", "")
    before, after = pattern.split("{}")
    text = _codes((before + (after + before).join(every) + after).lower())
    return _codes(every), text[pattern.replace("{}", "x").index("Σ") :: len(pattern) - 1] == ord("ς")


@cache
def _every() -> str:
    return "".join(map(chr, [*range(0xD800), *range(0xE000, ord(END))]))


def _codes(text: str) -> NDArray[Any]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)


def _ranges(codes: NDArray[Any]) -> str:
    """Write ascending code points as ranges."""
    breaks = np.flatnonzero(np.diff(codes) != 1) + 1
    runs = zip(codes[[0, *breaks]].tolist(), codes[[*(breaks - 1), -1]].tolist(), strict=True)
    return "".join(f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in runs)


def _stripped(text: str, accents: Accents | None) -> str:
    if accents is None:
        return text
    apart = unicodedata.normalize("NFKD", text)
    if accents == "ascii":
        return apart.encode("ascii", "ignore").decode("ascii")
    return "".join(one for one in apart if not unicodedata.combining(one))
