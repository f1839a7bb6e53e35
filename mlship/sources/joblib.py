"""Models saved with joblib.dump or pickle.dump: looked at without executing them, then loaded."""

import re
import sys
import warnings
from collections.abc import Collection
from pathlib import Path

import joblib

from mlship.errors import MlshipError, ModelError, UntrustedModelError
from mlship.inspection import Inspection, installed, is_of_a_library
from mlship.sources import description
from mlship.sources.allowed import untrusted
from mlship.sources.machine import Walk
from mlship.sources.nodes import Call, Global, made_by
from mlship.sources.streams import DECOMPRESSION_ERRORS, DamagedError, RefusedError, compression, opened
from mlship.sources.walker import walk

_SUFFIXES = {".joblib", ".pkl", ".pickle"}
_CLOUDPICKLE = b"cloudpickle.cloudpickle"
_PICKLE_MAGIC = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
#: Packages whose classes hold data; a file with one of them at its root holds no model.
_DATA = {"builtins", "__builtin__", "collections", "datetime", "numpy", "pandas", "scipy", "_codecs"}


class JoblibSource:
    """Reads joblib files (raw, zlib, gzip, bz2, lzma, xz, lz4) and pickles of protocols 0 to 5."""

    def matches(self, path: Path) -> bool:
        """Say whether ``path`` is a file of this kind, by its suffix or its first bytes."""
        if path.suffix.lower() in _SUFFIXES:
            return True
        try:
            with path.open("rb") as file:
                start = file.read(8)
        except OSError:
            return False
        packing = compression(start)
        if packing == "zlib":  # one letter of magic: check the header as RFC 1950 does
            return int.from_bytes(start[:2], "big") % 31 == 0
        return start.startswith(_PICKLE_MAGIC) or packing not in {"", "zip"}

    def inspect(self, path: Path, trust: Collection[str] = ()) -> Inspection:
        """Say what is in the file without executing or importing anything that it names.

        ``trust`` are names ("module.name") that count as safe beside the allow-list.
        Raises ModelError when the file cannot be read or holds no model, UntrustedModelError when what it would do
        cannot be told without running it.
        """
        found, form = _walked(path)
        bad = untrusted(found, trust)
        if not bad:
            _require_model(path, found)
        return Inspection(
            path=path,
            format=form,
            size=path.stat().st_size,
            model=made_by(found.root),
            globals=tuple(sorted(".".join(pair) for pair in found.globals)),
            untrusted=bad,
            steps=description.steps(found.root),
            trained_with=description.trained_with(found),
            feature_names=description.feature_names(found.root),
            n_features=description.n_features(found.root),
        )

    def load(self, path: Path) -> object:
        """Load the model; this runs what the file says, so call it behind ``inspection.require_trusted`` only.

        Raises ModelError, naming the version of scikit-learn that the model was saved with.
        """
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Trying to unpickle estimator")  # version_differences says it
                return joblib.load(path)
        except MlshipError:  # says what is missing in the user's own code
            raise
        except Exception as error:  # unpickling calls what the libraries define, and raises whatever they do
            raise _explained(self, path, error) from error


def _walked(path: Path) -> tuple[Walk, str]:
    try:
        with opened(path) as (stream, packing):
            found = walk(stream)
    except DamagedError as error:
        raise ModelError(f"'{path.name}' cannot be read: {error}", "save the model again with joblib.dump") from error
    except RefusedError as error:
        message = f"'{path.name}' cannot be checked without running it: {error}"
        if _holds_code(path):
            message = f"'{path.name}' holds a function or a class by value (cloudpickle), which is code"
            hint = "put the function into a module of its own, use it by name, and save again with joblib.dump"
            raise UntrustedModelError(message, hint) from error
        raise UntrustedModelError(message, "save the model again with joblib.dump") from error
    except FileNotFoundError as error:
        raise ModelError(f"there is no file '{path}'") from error
    except (IsADirectoryError, PermissionError) as error:
        raise ModelError(f"'{path}' cannot be opened: {error.strerror}") from error
    except DECOMPRESSION_ERRORS as error:
        message = f"'{path.name}' cannot be read: its compressed content is damaged or cut short"
        raise ModelError(message, "copy the file again, or save the model again") from error
    base = "joblib" if packing or found.arrays else f"pickle protocol {found.protocol or '0 or 1'}"
    return found, f"{base}, {packing}" if packing else base


def _holds_code(path: Path) -> bool:
    """Say whether cloudpickle wrote the file, which puts code into it where pickle puts a name."""
    before = b""
    try:
        with opened(path) as (stream, _):
            while chunk := stream.read(1 << 20):
                if _CLOUDPICKLE in before + chunk:
                    return True
                before = chunk[-len(_CLOUDPICKLE) :]
    except (DamagedError, RefusedError, OSError, *DECOMPRESSION_ERRORS):
        pass
    return False


def _require_model(path: Path, found: Walk) -> None:
    root, name = found.root, made_by(found.root)
    if type(root) is Call and name.partition(".")[0] not in _DATA:
        return
    kind = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    if root is None or type(root) is Global:
        kind = "None" if root is None else f"the class or function {root.path}"
    raise ModelError(f"'{path.name}' holds {kind}, not a model", "save the fitted estimator itself with joblib.dump")


def _explained(source: JoblibSource, path: Path, error: Exception) -> ModelError:
    cause = f"{type(error).__name__}: {error}"
    lost = re.match(r"Can't get attribute '([^']+)' on (.*)", str(error)) if type(error) is AttributeError else None
    if lost and lost[2].startswith(repr(sys.modules["__main__"])) and lost[2].startswith("<module "):
        message = f"'{path.name}' cannot be loaded: the model needs '{lost[1]}' of the script that saved it"
        return ModelError(message, "--code path/to/that/script.py")
    if isinstance(error, ModuleNotFoundError) and error.name and not is_of_a_library(error.name):
        package = error.name.partition(".")[0]
        hint = f"--code FOLDER (the one that contains {package}), or pip install the package that brings it"
        return ModelError(f"'{path.name}' cannot be loaded: there is no module '{error.name}' here", hint)
    try:
        trained = source.inspect(path).trained_with.get("scikit-learn")
    except ModelError:
        trained = None
    here = installed("scikit-learn")
    if trained is None or trained == here:
        return ModelError(f"'{path.name}' cannot be loaded: {cause}")
    message = f"'{path.name}' was saved with scikit-learn {trained}, here is {here}: {cause}"
    return ModelError(message, "--python-env auto loads it with its own")
