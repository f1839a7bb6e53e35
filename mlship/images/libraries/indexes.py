"""Where packages come from: what pip is set up for, told to uv where uv itself is not."""

import configparser
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: Options of pip that name an index, and the variables of uv for them.
_INDEXES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
}
#: And options that say how it is reached.
_WAYS = {
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
}
#: What names an index in the settings of uv, as variables and in its files.
_OWN_VARIABLES = (*_INDEXES.values(), "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_OWN_KEYS = {"index", "index-url", "extra-index-url", "find-links", "no-index"}


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set for uv beside ``environment``, so that it finds what pip would find.

    The indexes of pip's configuration are passed on where uv has none of its own (in variables, uv.toml or
    pyproject.toml); how they are reached, option by option. pip looks for the best version on all of its indexes, uv on
    the first that has the package: where pip has several, uv is told to do as pip does (with one it is not, because uv
    0.13 then says nothing of a login that is missing). They are variables and not arguments, because URLs may hold
    passwords, and all users of a machine can read arguments.
    """
    pip = _pip(environment)
    told = {ours: pip[option] for option, ours in _WAYS.items() if option in pip and ours not in environment}
    indexes = {ours: pip[option] for option, ours in _INDEXES.items() if option in pip}
    if "UV_FIND_LINKS" in indexes:
        # uv wants commas, and stops at a folder that is not there, where pip goes on
        places = [place for place in indexes["UV_FIND_LINKS"].split() if "://" in place or Path(place).exists()]
        indexes["UV_FIND_LINKS"] = ",".join(places)
    if not _is_set_up(environment):
        told |= indexes
        if "UV_INDEX" in indexes:
            told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return told


def _pip(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the options of pip for downloads: of its files, the more general first, then its variables.

    Format and places: "Configuration" in pip's user guide.
    """
    options: dict[str, str] = {}
    for path in _pip_files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, "utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip says what is wrong with its own file
        for section in ("global", "download", "install"):
            if parser.has_section(section):
                options |= {key.replace("_", "-"): " ".join(value.split()) for key, value in parser.items(section)}
    prefix = "PIP_"
    own = {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}
    options |= {key.lower().replace("_", "-"): value.strip() for key, value in own.items()}
    return {key: value for key, value in options.items() if value}


def _pip_files(environment: Mapping[str, str]) -> Iterator[Path]:
    chosen = environment.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home = _home()
    if sys.platform == "win32":
        yield Path(environment.get("APPDATA", home)) / "pip" / "pip.ini"
        yield Path(sys.prefix) / "pip.ini"
    else:
        yield from (Path(folder) / "pip" / "pip.conf" for folder in ("/etc/xdg", "/Library/Application Support"))
        yield Path("/etc/pip.conf")
        yield home / ".pip" / "pip.conf"
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
        yield Path(sys.prefix) / "pip.conf"
    if chosen:
        yield Path(chosen)


def _is_set_up(environment: Mapping[str, str]) -> bool:
    """Say whether uv has an index of its own: "Configuration files" in uv's documentation tells where it looks."""
    if any(environment.get(name) for name in _OWN_VARIABLES):
        return True
    here = Path.cwd()
    home = Path(environment.get("XDG_CONFIG_HOME") or _home() / ".config")
    files = [
        home / "uv" / "uv.toml",
        Path("/etc/uv/uv.toml"),
        *(folder / "uv.toml" for folder in [here, *here.parents]),
    ]
    if chosen := environment.get("UV_CONFIG_FILE"):
        files = [Path(chosen)]
    if any(_names_index(_toml(path)) for path in files):
        return True
    projects = (_toml(folder / "pyproject.toml") for folder in [here, *here.parents])
    return any(_names_index(project.get("tool", {}).get("uv", {})) for project in projects)


def _home() -> Path:
    """Return the home of the user; of one without any, as containers have, a folder that is not there."""
    return Path(os.path.expanduser("~"))


def _names_index(settings: Mapping[str, Any]) -> bool:
    return bool(_OWN_KEYS & (settings.keys() | settings.get("pip", {}).keys()))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # not there, or uv says what is wrong with its own file
