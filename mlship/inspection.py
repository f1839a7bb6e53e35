"""What a model file holds, read without executing it, and whether loading it is safe."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from mlship.errors import UntrustedModelError

_MOST_NAMES = 4
#: Packages that models come with: where they are not installed, their code is not the user's either.
_LIBRARIES = {"catboost", "cloudpickle", "dill", "imblearn", "keras", "lightgbm", "tensorflow", "torch", "xgboost"}


@dataclass(frozen=True)
class Step:
    """A named part of a composed model: its class ("sklearn.preprocessing._data.StandardScaler", or a word such as
    "passthrough") and its own parts.
    """

    name: str
    model: str
    steps: tuple["Step", ...] = ()


@dataclass(frozen=True)
class Inspection:
    """What a model file says about itself.

    ``format`` is for people ("joblib, zlib", "pickle protocol 4"), ``size`` in bytes. ``globals`` are all names that
    loading would import, sorted, "module.name"; ``untrusted`` are those of them that nobody vouches for.
    ``trained_with`` maps distributions to versions. ``feature_names`` and ``n_features`` are None where not recorded.
    """

    path: Path
    format: str
    size: int
    model: str
    globals: tuple[str, ...]
    untrusted: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    trained_with: Mapping[str, str] = field(default_factory=dict)
    feature_names: tuple[str, ...] | None = None
    n_features: int | None = None


def require_trusted(inspection: Inspection) -> None:
    """Pass when loading imports nothing but trusted names; raises UntrustedModelError with the names otherwise."""
    if inspection.untrusted:
        names = ", ".join(inspection.untrusted)
        raise UntrustedModelError(
            f"'{inspection.path.name}' would import names that are not known to be safe: {names}",
            f"if you trust where the file comes from: {way_to_trust(inspection.untrusted)}",
        )


def way_to_trust(names: Sequence[str]) -> str:
    """Return the options that let ``names`` through, with the user's own code where it is not installed here."""
    options = [f"--trust {name}" for name in names[:_MOST_NAMES]] + ["..."] * (len(names) > _MOST_NAMES)
    modules = {name.rpartition(".")[0] for name in names}
    if "__main__" in modules:
        options.append("--code the_script_that_saved_it.py")
    elif lost := next((module for module in sorted(modules) if not is_of_a_library(module)), None):
        options.append(f"--code {lost}.py" if "." not in lost else f"--code folder_with_{lost.partition('.')[0]}")
    return " ".join(options)


def is_of_a_library(module: str) -> bool:
    """Say whether ``module`` cannot be the user's own: it is installed, or named as libraries name their parts."""
    package = module.partition(".")[0]
    if not package.isidentifier() or package.startswith("_") or package in _LIBRARIES:
        return True  # compiled parts of libraries begin with _
    return package in sys.modules or find_spec(package) is not None


def version_differences(inspection: Inspection) -> tuple[str, ...]:
    """Say, one sentence a library, where the model was saved with another version than the one installed here."""
    found = []
    for name, trained in sorted(inspection.trained_with.items()):
        here = installed(name)
        if here != trained:
            way = ": --python-env auto loads it with its own" if name == "scikit-learn" else ""
            found.append(f"{inspection.path.name} was saved with {name} {trained}; here is {here or 'none'}{way}")
    return tuple(found)


def installed(distribution: str) -> str | None:
    """Return the installed version of ``distribution``, None when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
