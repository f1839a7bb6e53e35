r"""Token patterns: from Python's regular expressions to those of RE2, with Python's own sets of characters.

RE2's \w and \b know ASCII only, and it looks neither ahead nor behind. So words are found as whole runs of a set of
characters, and where a pattern says more about them, the runs are held against it.
"""

import re
from dataclasses import dataclass

from mlship.errors import UnsupportedModelError
from mlship.graphs.arithmetic.characters import matching, members

_ATOM = re.compile(r"(\\[wWdDsS]|\[(?:[^\]\\]|\\.)+\]|[A-Za-z0-9_])(\+|\*|\?|\{\d+(?:,\d*)?\})?")
_WORD = r"\w"


@dataclass(frozen=True)
class TokenPattern:
    """What to find (RE2), and what of it to keep: all, or what ``keep`` (RE2) matches as a whole."""

    find: str
    keep: str | None = None


def token_pattern(pattern: str) -> TokenPattern:
    r"""Translate a ``token_pattern`` of scikit-learn's vectorizers.

    Covered: sets of characters with + or {n,}, and between \b also sequences of sets within \w with any numbers.
    Raises UnsupportedModelError for any other.
    """
    body, bounded = _unwrapped(pattern)
    atoms = [(match[1], match[2] or "") for match in _ATOM.finditer(body)]
    if "".join(one + times for one, times in atoms) != body or not any(map(_needed, atoms)):
        raise _unknown(pattern)
    if bounded and all(_within_word(one) for one, _ in atoms):
        exact = "".join(f"[{members(one)}]{times}" for one, times in atoms)
        same = {one for one, _ in atoms} == {_WORD}
        if same and (least := _at_least([times for _, times in atoms])) is not None:
            return TokenPattern(_run(_WORD, least))
        return TokenPattern(_run(_WORD, 1), exact)
    least = _at_least([times for _, times in atoms])
    if len({one for one, _ in atoms}) == 1 and least and (not bounded or atoms[0][0] == _WORD):
        return TokenPattern(_run(atoms[0][0], least))
    raise _unknown(pattern)


def _unwrapped(pattern: str) -> tuple[str, bool]:
    r"""Take off the flag (?u), \b on both sides, and one group around it all."""
    body = pattern.removeprefix("(?u)")
    bounded = False
    for _ in range(3):
        if body.startswith(r"\b") and body.endswith(r"\b") and len(body) > 4:
            body, bounded = body[2:-2], True
        elif body.startswith("(") and body.endswith(")") and body.count("(") == 1:
            body = body.removeprefix("(").removeprefix("?:").removesuffix(")")
    return body, bounded


def _at_least(times: list[str]) -> int | None:
    """Return the smallest number of characters; None where there is a largest one as well."""
    least, unlimited = 0, False
    for one in times:
        low, comma, high = one.strip("{}").partition(",") if one.startswith("{") else ("", "", "")
        least += int(low) if low else 0 if one in ("*", "?") else 1
        unlimited |= one in ("+", "*") or (comma == "," and not high)
        if one == "?" or high:
            return None
    return least if unlimited else None


def _needed(atom: tuple[str, str]) -> bool:
    return not (atom[1] in ("*", "?") or atom[1].startswith("{0"))


def _within_word(one: str) -> bool:
    r"""Say whether all characters of the set ``one`` are in \w."""
    return set(matching(one)) <= set(matching(_WORD))


def _run(one: str, least: int) -> str:
    return f"[{members(one)}]" + ("+" if least <= 1 else f"{{{least},}}")


def _unknown(pattern: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f"the token pattern {pattern!r} cannot be converted exactly",
        r"train with the default, or with one set of characters such as r'(?u)\b\w+\b', r'[a-z]{3,}' or r'\S+'",
    )
