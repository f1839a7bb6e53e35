"""Names of images: refuse what no registry takes before any work is done, and make one up where none is given.

The grammar is that of the distribution project's reference package.
"""

import re

from mlship.errors import UsageError

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_LONGEST_NAME = 255


def check_tag(tag: str) -> str:
    """Return ``tag`` with ":latest" where it names no version; raises UsageError when no image can be called that."""
    match = _match(tag)
    if match is None or match["digest"]:
        message = f"'{tag}' is not a name for an image: name:version, the name in small letters"
        raise UsageError(message, f"-t {_near(tag)}")
    return tag if match["tag"] else f"{tag}:latest"


def is_path(base: str) -> bool:
    """Say whether a base is a file or folder, not the name of an image."""
    return base.startswith(("/", "./", "../", "~")) or base.endswith(".tar")


def check_base(base: str) -> str:
    """Return ``base``; raises UsageError when it can be neither the name of an image nor a path."""
    if not is_path(base) and _match(base) is None:
        raise UsageError(f"'{base}' is not the name of a base image", "--set base=python:3.12-slim")
    return base


def split(reference: str) -> tuple[str, str]:
    """Split a checked reference into its last path component and its version ("" where it has none)."""
    match = _match(reference)
    assert match is not None, reference
    return match["name"].rpartition("/")[2], match["tag"] or ""


def default_tag(model: str, sha256: str) -> str:
    """Name the image of a model after its class and its digest: mlship/randomforestclassifier:3fa94c1d2b07."""
    return f"mlship/{_slug(model) or 'model'}:{sha256[:12]}"


def _match(reference: str) -> re.Match[str] | None:
    match = _REFERENCE.fullmatch(reference)
    return match if match and len(match["name"]) <= _LONGEST_NAME else None


def _near(tag: str) -> str:
    """Return the closest name that is valid."""
    name, colon, version = tag.rpartition(":") if ":" in tag.rpartition("/")[2] else (tag, "", "")
    path = "/".join(filter(None, map(_slug, name.split("/")))) or "model"
    version = re.sub(r"[^A-Za-z0-9_.-]+", "-", version).lstrip(".-")[:128]
    return f"{path[:200]}:{version}" if colon and version else f"{path[:200]}:1"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
