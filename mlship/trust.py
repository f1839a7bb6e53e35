"""Remembers in mlship.toml whom the user trusts, and leaves everything else in the file as it was written."""

import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlship.artifacts import storage_error, write_atomic
from mlship.errors import ConfigError

_LIST = re.compile(r"^[ \t]*trust[ \t]*=[ \t]*\[", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[[ \t]*project[ \t]*\][ \t]*(?:#[^\r\n]*)?(?=\r?$)", re.MULTILINE)
_NEXT = re.compile(r"^[ \t]*\[", re.MULTILINE)


def remember(path: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Add ``names`` to ``trust`` of the [project] table of ``path``, and return those that were not there.

    A file that does not exist is made; comments and order stay. Raises ConfigError where the file is written in a way
    that this cannot add to.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return ()
    try:
        text = path.read_bytes().decode("utf-8") if path.exists() else ""
        before = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"'{path.name}' cannot be read: {error}") from error
    project = before.get("project", {})
    known = project.get("trust", []) if isinstance(project, dict) else []
    added = [name for name in wanted if name not in known]
    if not added:
        return ()
    after = _edited(text, added)
    if _parsed(after) != {**before, "project": {**project, "trust": [*added, *known]}}:
        listed = json.dumps([*added, *known], ensure_ascii=False)
        raise ConfigError(f"'{path.name}' cannot be added to by mlship", f"write under [project]: trust = {listed}")
    try:
        write_atomic(path, after.encode("utf-8"))
    except OSError as error:
        raise storage_error(error) from error
    return tuple(added)


def _edited(text: str, added: list[str]) -> str:
    """Put names at the front of the list, or a list at the top of the table, or a table at the end."""
    quoted = ", ".join(json.dumps(name, ensure_ascii=False) for name in added)
    line_end = "\r\n" if "\r\n" in text else "\n"
    table = _TABLE.search(text)
    if table is None:
        gap = "" if not text or text.endswith("\n") else line_end
        blank = line_end if text else ""
        return f"{text}{gap}{blank}[project]{line_end}trust = [{quoted}]{line_end}"
    following = _NEXT.search(text, table.end())
    found = _LIST.search(text, table.end())
    if found is None or (following is not None and found.start() > following.start()):
        return f"{text[: table.end()]}{line_end}trust = [{quoted}]{text[table.end() :]}"
    rest = text[found.end() :]
    separator = "" if rest.lstrip().startswith("]") else ", "
    return f"{text[: found.end()]}{quoted}{separator}{rest}"


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None
