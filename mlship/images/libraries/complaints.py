"""What uv says when it cannot lock or unpack libraries, in words that a user of mlship can act on."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlship.errors import BuildError, MlshipError
from mlship.images.base import Base

_LONGEST = 15
_HTTP = "error sending request|Failed to fetch|dns error|timed out|error decoding response body|network was disabled"
#: What to look for in the words of uv, what happened, and the hint; the first that is found counts.
_CAUSES = (
    (
        "no space left on device|os error 28|os error 122",
        "the disk is full: {last}",
        "uv cache clean, or TMPDIR=FOLDER",
    ),
    (
        "401 Unauthorized|403 Forbidden|lack of valid authentication",
        "the package index refuses this user: {hint}",
        "uv auth login INDEX, or UV_DEFAULT_INDEX=https://NAME:PASSWORD@INDEX",
    ),
    (
        "Hash mismatch",
        "a library is not the one that its hash promises:\n{words}",
        "uv cache clean, or take the wheels from a place that you trust: --set wheels=FOLDER",
    ),
    (
        _HTTP,
        "the wheels of the image cannot be downloaded: the package index does not answer ({first})",
        "--set wheels=FOLDER with the wheels, or try again online",
    ),
)
_NO_WHEEL = (
    # 'x==1 has no usable wheels', 'all versions of x have no wheels with a matching Python ABI tag (e.g., `cp315`)'
    re.compile(r"([\w.-]+)(\S*) ha(?:s|ve) no (?:usable wheels|wheels with a matching)"),
    re.compile(r"([\w.-]+)() was not found in the"),
    # 'only x<=2.5 is available and you require x>=99', but not what y depends on
    re.compile(r"only ([\w.-]+)\S* (?:is|are) available and (?:you require|[^,]+ depends? on) \1([<=>!~]\S*)"),
    re.compile(r"there (?:is|are) no versions? of ([\w.-]+)([<=>!~]\S*)"),
)


@dataclass(frozen=True)
class Missing:
    """A distribution without a fitting wheel: its ``name`` and the ``requirement`` that no wheel meets.

    ``because`` is how uv came there, where another distribution depends on it.
    """

    name: str
    requirement: str
    because: str = ""


def missing(words: str) -> Missing | None:
    """Return the distribution that uv has found no wheel of, or None where something else is wrong."""
    said = " ".join(words.split())
    if "No solution found" not in said or any(re.search(cause[0], said, re.IGNORECASE) for cause in _CAUSES):
        return None
    because = "\n" + _shown(words) if re.search(" depends? on ", said) else ""
    for pattern in _NO_WHEEL:
        if found := pattern.search(said):
            name = found[1]
            asked = re.search(rf"(?:you require|depends? on) ({re.escape(name)}(?![\w.-])\S*)", said)
            return Missing(name, (asked[1] if asked else name + found[2]).rstrip(".,"), because)
    return None


def no_wheel(wanted: Missing, base: Base, folder: Path | None, nearest: str) -> MlshipError:
    """Return the error for ``wanted``; ``nearest`` is the version next to it that has a wheel, "" where none has."""
    where = f"in '{folder}'" if folder else "on the package index"
    message = f"there is no wheel of '{wanted.requirement}' {where} for {target(base)}"
    if nearest:
        hint = f"{wanted.name}=={nearest} in requirements.txt, or another base: --set base=IMAGE"
        return BuildError(f"{message}; the nearest version that has one is {nearest}{wanted.because}", hint)
    alone = f"if it is there as source alone: pip wheel '{wanted.requirement}', and --set wheels=FOLDER"
    hint = f"pip download -d '{folder}' -r requirements.txt, on such a machine" if folder else alone
    return BuildError(f"{message}, nor of another version{wanted.because}", hint)


def explain(words: str, base: Base) -> MlshipError:
    """Return the error for whatever else uv says."""
    words = words.strip() or "uv says nothing"
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    shown = _shown(words)
    hint = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), lines[-1])
    for pattern, message, remedy in _CAUSES:
        if re.search(pattern, words, re.IGNORECASE):
            return BuildError(message.format(first=lines[0], last=lines[-1], words=shown, hint=hint), remedy)
    return BuildError(f"uv cannot get the libraries for {target(base)}:\n{shown}", "change requirements.txt")


def target(base: Base) -> str:
    """Say what wheels must fit."""
    return f"Python {base.python} on {base.machine} with glibc {base.glibc[0]}.{base.glibc[1]}"


def _shown(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return "\n".join(f"  | {line}" for line in lines[-_LONGEST:])
