"""What is required: by a service, as its user wrote it, and by a library, as its metadata tell."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from mlship.errors import UsageError

_OPTIONS = re.compile(r"\s--?[a-z].*|\s+#.*")
_HASH = re.compile(r"--hash[= ](\S+)")
_PLACE = re.compile(r"(-i|-f|--index-url|--extra-index-url|--find-links|--no-index)[= ]?\s*(.*)")
_EXTRAS = re.compile(r"\[[\w.,\s-]*\]$")
_LEADING_NAME = re.compile(r"[\w.-]+")
_INCLUDED = re.compile(r"(?:-r|--requirement)[= ]?\s*(\S+)")


@dataclass(frozen=True)
class Wanted:
    """A requirement in its user's words, and the ``hashes`` that the library must have one of, where there are any."""

    words: str
    hashes: frozenset[str]


def read(path: Path) -> dict[str, Wanted]:
    """Return what a requirements file asks for, by the normal name of the distribution.

    Files that it includes count; a wheel that is named by its path or URL alone tells its name there. Lines of other
    kinds (options, folders, source distributions without a name) are left to uv.
    Raises UsageError where a file cannot be read. Format: "Requirements File Format" in pip's documentation.
    """
    found: dict[str, Wanted] = {}
    for line in _lines(path, frozenset()):
        words = _OPTIONS.sub("", line)
        name = _name(words)
        if not name:
            continue
        before = found[name].hashes if name in found else frozenset()
        found[name] = Wanted(words, before | frozenset(_HASH.findall(line)))
    return found


def required(distribution: Distribution) -> Iterator[Requirement]:
    """Yield what the metadata of ``distribution`` ask for, for extras too.

    Of a requirement that packaging refuses, though uv reads it (such as "six (>=1.0.*)"), the versions are left out.
    """
    for line in distribution.requires or ():
        try:
            yield Requirement(line)
        except InvalidRequirement:
            before, _, marker = line.partition(";")
            name = _LEADING_NAME.match(before)
            for less in (f"{name[0]};{marker}", name[0]) if name else ():
                with suppress(InvalidRequirement):
                    yield Requirement(less)
                    break


def places(path: Path) -> tuple[str, ...]:
    """Return the lines of a requirements file that say where wheels are; folders among them are absolute."""
    found = []
    for line in _lines(path, frozenset()):
        if option := _PLACE.fullmatch(line):
            where = option[2]
            local = "://" not in where and (path.parent / where).exists()
            found.append(f"{option[1]} {(path.parent / where).resolve() if local else where}")
    return tuple(found)


def _name(words: str) -> str:
    """Return the normal name of the distribution that a line asks for, "" where it does not tell."""
    with suppress(InvalidRequirement):
        name = Requirement(words).name
        if not name.endswith(".whl"):  # a wheel beside the file
            return canonicalize_name(name)
    place = _EXTRAS.sub("", words.partition(" ;")[0].strip())
    with suppress(ValueError):  # not the name of a wheel, or no URL
        return parse_wheel_filename(unquote(urlsplit(place).path).rpartition("/")[2])[0]
    return ""


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
