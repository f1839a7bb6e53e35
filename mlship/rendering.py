"""Rendering: find the templates, fill those that end in .j2, copy the others as they are."""

import json
import re
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mlship.errors import ConfigError, MlshipError

_SUFFIX = ".j2"
_NOT_TEMPLATES = {".nox", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
# What YAML 1.2 (section 5.1) calls printable, less the characters that YAML 1.1 readers take for line breaks.
_NOT_PRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def render(name: str, values: Mapping[str, object]) -> str:
    """Fill the template ``name`` (relative to the templates folder, with its .j2) with ``values``.

    A value that the template needs and does not get raises jinja2.UndefinedError. Only ``*.html.j2`` are escaped by
    themselves; elsewhere the filters ``dockerfile``, ``yaml``, ``shell`` and ``json`` quote a value for their language.
    """
    if not (templates() / name).is_file():
        raise _missing(name)
    return _environment(templates()).get_template(name).render(dict(values))


def render_tree(name: str, out: Path, values: Mapping[str, object], *, without: Collection[str] = ()) -> list[str]:
    """Write the template folder ``name`` to ``out`` and return the names of the files written, sorted.

    The folders and files in ``without`` are left out. ``*.j2`` are filled with ``values`` and lose that suffix; every
    other file is copied byte for byte.
    """
    source = templates() / name
    if not source.is_dir():
        raise _missing(name)
    written = []
    for found in _files(source):
        relative = found.relative_to(source).as_posix()
        if any(f"{relative}/".startswith(f"{each}/") for each in without):
            continue
        target = out / relative.removesuffix(_SUFFIX)
        target.parent.mkdir(parents=True, exist_ok=True)
        filled = relative.endswith(_SUFFIX)
        target.write_bytes(render(f"{name}/{relative}", values).encode() if filled else found.read_bytes())
        written.append(target.relative_to(out).as_posix())
    return sorted(written)


def templates() -> Path:
    """Return the templates folder: the one in the installed package, else the one of the checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    raise _missing("templates")


def quote_dockerfile(value: object) -> str:
    """Quote for LABEL, ENV and ARG of a Dockerfile, where a double-quoted word knows no escape for a line break.

    Raises ConfigError for a value with one. Source: Dockerfile reference, "Environment replacement" and "escape".
    """
    text = str(value)
    if re.search(r"[\r\n\0]", text):
        raise ConfigError(f"{text!r} cannot stand in a Dockerfile: it has a line break", "write it in one line")
    return '"' + re.sub(r'([\\"$])', r"\\\1", text) + '"'


def quote_yaml(value: Any) -> str:
    """Write a JSON value as YAML in one line: every string double-quoted, so that none is read as another type."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def quote_shell(value: object) -> str:
    """Quote one word for a POSIX shell."""
    return shlex.quote(str(value))


def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
    )
    environment.filters |= {
        "dockerfile": quote_dockerfile,
        "yaml": quote_yaml,
        "shell": quote_shell,
        "json": lambda value: json.dumps(value, ensure_ascii=False, allow_nan=False),
    }
    return environment


def _files(source: Path) -> list[Path]:
    found = (path for path in source.rglob("*") if path.is_file())
    return sorted(path for path in found if not _NOT_TEMPLATES & set(path.relative_to(source).parts))


def _missing(name: str) -> MlshipError:
    return MlshipError(f"no template named '{name}' in this installation", "pip install --force-reinstall mlship")
