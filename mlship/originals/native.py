"""Keep a model in its own library: in a safe format, with what the service must know to load it. Never a pickle.

scikit-learn and what is compatible with it becomes a skops file; boosters become their libraries' own files. The
service reads the same ``native.json`` (templates/service/core/native.py).
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from mlship.artifacts import write_atomic
from mlship.errors import UnsupportedModelError
from mlship.graphs import outputs_of
from mlship.originals.adapters.categorical import CategoricalRegressor
from mlship.originals.texts import takes_texts

FILE = "native.json"

_ADAPTERS = "mlship.originals.adapters."
_SUFFIXES = {"xgboost": "ubj", "lightgbm": "txt", "catboost": "cbm"}


class Kept(BaseModel):
    """What native.json says.

    ``file`` lies beside it and has the digest ``sha256``. ``takes`` is what the model is given, ``methods`` are what to
    call, by output. ``libraries`` are the distributions that loading and answering take. For skops, ``trusted`` are the
    types that it may load beside those that it trusts by itself. For boosters, ``kind`` is the class to make, with
    ``options``; ``classes`` are the labels that LightGBM's file does not keep; ``categories`` are the values of each
    column that is a pandas category, None for the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_version: Literal[1] = 1
    format: Literal["skops", "xgboost", "lightgbm", "catboost"]
    file: str
    sha256: str = ""
    libraries: tuple[str, ...]
    takes: Literal["frame", "array", "texts"] = "array"
    methods: dict[str, str] = Field(default_factory=dict)
    trusted: tuple[str, ...] = ()
    kind: str = ""
    options: dict[str, Any] = Field(default_factory=dict)
    classes: tuple[str | int | float | bool, ...] | None = None
    categories: tuple[tuple[str | int | float | bool, ...] | None, ...] = ()


def can_keep(model: Any) -> bool:
    """Say whether there is a format for ``model``; a scikit-learn model may still hold what skops does not know."""
    return _library(_inner(model)) != ""


def keep(model: Any, folder: Path, *, named: bool) -> Kept:
    """Write ``model`` below ``folder`` and say how to load it; native.json is ``write``'s.

    ``named``: it was trained on a data frame. The ``libraries`` are still top-level modules.
    Raises UnsupportedModelError that names the type which no safe format holds.
    """
    inner = _inner(model)
    library = _library(inner)
    if not library:
        name = getattr(model, "title", type(inner).__name__)
        raise UnsupportedModelError(f"there is no safe file format to keep '{name}' in", "--to onnx converts it")
    kept = _as_skops(inner, folder) if library == "skops" else _as_booster(inner, library, folder)
    told = {
        "sha256": hashlib.sha256((folder / kept.file).read_bytes()).hexdigest(),
        "takes": "texts" if takes_texts(model) else "frame" if named else "array",
        "methods": dict(outputs_of(model)),
        "categories": _categories(model),
    }
    return kept.model_copy(update=told)


def write(kept: Kept, folder: Path) -> None:
    """Write native.json."""
    write_atomic(folder / FILE, (kept.model_dump_json(indent=2) + "\n").encode())


def read(folder: Path) -> Kept:
    """Read native.json of a folder that ``write`` wrote."""
    return Kept.model_validate_json((folder / FILE).read_bytes())


def _inner(model: Any) -> Any:
    """Return the library's object of an adapter."""
    inner = model.model if isinstance(model, CategoricalRegressor) else model
    return inner.model if type(inner).__module__ == f"{_ADAPTERS}catboost" else inner


def _library(inner: Any) -> str:
    """Return the format of an object: "skops", the name of a booster's library, or "" where there is none."""
    module = type(inner).__module__
    if module == f"{_ADAPTERS}lightgbm":
        return "lightgbm"
    package = module.partition(".")[0]
    if package in _SUFFIXES:
        return package
    return "" if package in ("mlship", "onnx", "torch", "keras", "statsmodels") else "skops"


def _as_booster(inner: Any, library: str, folder: Path) -> Kept:
    file = f"model.{_SUFFIXES[library]}"
    kind, options, classes = type(inner).__name__, {}, None
    if library == "lightgbm":
        inner.booster_.save_model(folder / file)
        classes = tuple(np.asarray(inner.classes_).tolist()) if hasattr(inner, "classes_") else None
    else:
        inner.save_model(str(folder / file))
    if library == "xgboost":  # what its file forgets
        settings = {"missing": inner.missing, "enable_categorical": inner.enable_categorical}
        options = {name: value for name, value in settings.items() if value and not _is_nan(value)}
    return Kept(format=library, file=file, libraries=(library, "numpy"), kind=kind, options=options, classes=classes)  # type: ignore[arg-type]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _as_skops(model: Any, folder: Path) -> Kept:
    from skops import io
    from skops.io.exceptions import UnsupportedTypeException

    path = folder / "model.skops"
    try:
        io.dump(model, path, compression=zipfile.ZIP_DEFLATED)
    except UnsupportedTypeException as error:
        reason = str(error).strip().rstrip(".")
        message = f"'{type(model).__name__}' cannot be kept as a skops file: {reason[:1].lower()}{reason[1:]}"
        raise UnsupportedModelError(message, "train with another step in its place") from error
    trusted = tuple(sorted(io.get_untrusted_types(file=path)))
    return Kept(format="skops", file=path.name, libraries=("skops", *_modules(path)), trusted=trusted)


def _modules(path: Path) -> list[str]:
    """Return the top-level modules that a skops file names, sorted."""
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    return sorted({str(name).partition(".")[0] for name in _named(schema)} | {"numpy", "scipy", "sklearn"})


def _named(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        yield from (value for key, value in node.items() if key == "__module__" and value)
    parts: Sequence[Any] = tuple(node.values()) if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for part in parts:
        yield from _named(part)


def _categories(model: Any) -> tuple[tuple[Any, ...] | None, ...]:
    """Return the categories of each column; raises UnsupportedModelError where JSON cannot carry them."""
    if not isinstance(model, CategoricalRegressor):
        return ()
    found = []
    for known in model.known:
        values = None if known is None else tuple(known.tolist())
        if values is not None and not pd.Index(list(values)).equals(known):
            raise UnsupportedModelError(
                "the model was trained on categories that are neither text nor numbers",
                "make them text before training",
            )
        found.append(values)
    return tuple(found)
