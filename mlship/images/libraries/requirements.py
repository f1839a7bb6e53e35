"""The requirements of a service, as its user wrote them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from mlship.errors import UsageError

_OPTIONS = re.compile(r"\s--?[a-z].*|\s+#.*")
_HASH = re.compile(r"--hash[= ](\S+)")
_INCLUDED = re.compile(r"(?:-r|--requirement)[= ]?\s*(\S+)")


@dataclass(frozen=True)
class Wanted:
    """A requirement in its user's words, and the ``hashes`` that the library must have one of, where there are any."""

    words: str
    hashes: frozenset[str]


def read(path: Path) -> dict[str, Wanted]:
    """Return what a requirements file asks for, by the normal name of the distribution.

    Files that it includes count. Lines of other kinds (options, URLs without a name) are left to uv.
    Raises UsageError where a file cannot be read. Format: "Requirements File Format" in pip's documentation.
    """
    found: dict[str, Wanted] = {}
    for line in _lines(path, frozenset()):
        words = _OPTIONS.sub("", line)
        try:
            name = canonicalize_name(Requirement(words).name)
        except InvalidRequirement:
            continue
        before = found[name].hashes if name in found else frozenset()
        found[name] = Wanted(words, before | frozenset(_HASH.findall(line)))
    return found


def _lines(path: Path, above: frozenset[Path]) -> Iterator[str]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"'{path}' cannot be read: {error}", "write requirements.txt of the service anew") from error
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        included = _INCLUDED.fullmatch(line.partition(" #")[0].strip())
        if included is None:
            yield line.strip()
        elif (other := (path.parent / included[1]).resolve()) not in above:
            yield from _lines(other, above | {path.resolve()})
