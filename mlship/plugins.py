"""Plugins: a table of built-ins, the entry points of other packages, and the one place where a plugin is imported."""

import difflib
import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args

from mlship.errors import MissingDependencyError, PluginError

Group = Literal["sources", "converters", "optimizers", "scaffolds", "benchmarks", "images", "targets"]
GROUPS: tuple[Group, ...] = get_args(Group)

#: name -> "module:class" of what mlship brings. A built-in name wins over an entry point of the same name.
BUILT_IN: dict[Group, dict[str, str]] = {
    "sources": {"joblib": "mlship.sources.joblib:JoblibSource"},
    "converters": {"onnx": "mlship.converters.onnx:OnnxConverter"},
    "optimizers": {"onnxruntime": "mlship.optimizers.onnxruntime:OnnxRuntimeOptimizer"},
    "scaffolds": {"fastapi": "mlship.scaffolds.fastapi:FastApiScaffold"},
    "benchmarks": {"standard": "mlship.benchmarks.standard:StandardBenchmark"},
    "images": {"docker": "mlship.images.docker:DockerBuilder"},
    "targets": {},
}

#: module that is missing -> the extra that brings it.
EXTRAS: dict[str, str] = {"pyarrow": "parquet"}


def names(group: Group) -> dict[str, str]:
    """List the plugins of a group: name -> where it comes from ("mlship", or the distribution that brings it)."""
    others = {point.name: point.dist.name if point.dist else "?" for point in _entry_points(group)}
    return dict(sorted(({**others} | dict.fromkeys(BUILT_IN[group], "mlship")).items()))


def load(group: Group, name: str) -> Any:
    """Import the plugin class ``name`` of ``group``.

    Raises PluginError for an unknown name, MissingDependencyError when a package that it needs is not installed.
    """
    target = BUILT_IN[group].get(name) or next((p.value for p in _entry_points(group) if p.name == name), None)
    if target is None:
        raise _unknown(group, name)
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        package = f"mlship[{EXTRAS[missing]}]" if missing in EXTRAS else missing
        message = f"plugin '{name}' of mlship.{group} needs the package '{missing}', which is not installed"
        raise MissingDependencyError(message, f'pip install "{package}"') from error
    except AttributeError as error:
        raise PluginError(f"plugin '{name}' of mlship.{group}: {module} has no '{attribute}'") from error


def nearest(word: str, words: "list[str] | dict[str, Any]") -> str:
    """Return a hint that names the closest of ``words``, or lists them all."""
    close = difflib.get_close_matches(word, list(words), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"there is: {', '.join(words) or 'none'}"


def _entry_points(group: Group) -> list[EntryPoint]:
    return sorted(entry_points(group=f"mlship.{group}"), key=lambda point: point.name)


def _unknown(group: Group, name: str) -> PluginError:
    return PluginError(f"no plugin named '{name}' in mlship.{group}", nearest(name, names(group)))
