"""skops files: the types that they name are held against the same allow-list as pickles."""

import zipfile
from collections.abc import Collection, Iterator
from json import JSONDecodeError, loads
from pathlib import Path
from typing import Any

from mlship.errors import ModelError
from mlship.inspection import Inspection
from mlship.sources.allowed import untrusted
from mlship.sources.files import library, start_of
from mlship.sources.machine import Walk
from mlship.sources.nodes import Global


class SkopsSource:
    """Reads what skops.io.dump writes."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is a file of this kind, by its suffix and its first bytes."""
        return path.suffix.lower() == ".skops" and start_of(path, 4) == b"PK\x03\x04"

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file, without loading it; ``globals`` are the types and functions that it names.

        Raises MissingDependencyError without skops, ModelError when the file is damaged.
        """
        schema = _schema(path)
        names = sorted(set(_names(schema)))
        asked = set(_asked(path))  # what skops itself does not trust: it vouches for the rest
        return Inspection(
            path=path,
            format=f"skops, protocol {schema.get('protocol')}",
            size=path.stat().st_size,
            model=_name(schema) or "?",
            globals=tuple(names),
            untrusted=untrusted(_walk(sorted(asked)), trust),
            trained_with={"skops": str(schema["_skops_version"])} if "_skops_version" in schema else {},
        )

    def load(self, path: Path) -> object:
        """Load the model; call it behind ``inspection.require_trusted`` only.

        Raises MissingDependencyError without skops, ModelError when it cannot be loaded.
        """
        try:
            return library("skops.io", path).load(path, trusted=_asked(path))
        except (ValueError, TypeError, LookupError, AttributeError, ImportError, OSError, zipfile.BadZipFile) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"'{path.name}' cannot be loaded: {reason}") from error


def _schema(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            return loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, OSError, EOFError, KeyError, JSONDecodeError, UnicodeDecodeError) as error:
        message = f"'{path.name}' cannot be read: it is no skops file, or is damaged"
        raise ModelError(message, "save it again: skops.io.dump(model, 'model.skops')") from error


def _asked(path: Path) -> list[str]:
    try:
        return list(library("skops.io", path).get_untrusted_types(file=path))
    except (ValueError, TypeError, LookupError, AttributeError, OSError) as error:
        raise ModelError(f"'{path.name}' is not as skops writes it", "save it again with skops.io.dump") from error


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        name = _name(value)
        if name:
            yield name
        for item in value.values():
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _name(node: Any) -> str | None:
    module, kind = node.get("__module__"), node.get("__class__")
    return f"{module}.{kind}" if isinstance(module, str) and isinstance(kind, str) else None


def _walk(names: list[str]) -> Walk:
    """Return the names as if a pickle imported them."""
    pairs = [tuple(name.rpartition(".")[::2]) for name in names]
    return Walk(globals={(module, name): Global(module, name) for module, name in pairs})
