"""What runs in quarantine: the conversion, and the original answering for a benchmark. Called by name only."""

import importlib
import json
import sys
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from mlship import golden, parity, plugins, signature
from mlship.artifacts import digest, storage_error
from mlship.errors import ModelError
from mlship.gate import source_of
from mlship.golden import Golden
from mlship.graphs import outputs_of
from mlship.interleaving import burst
from mlship.originals.adapters import adapted
from mlship.originals.frames import to_original
from mlship.rendering import templates
from mlship.signature import Signature
from mlship.stages import Original
from mlship.visitor import Channel


def convert(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Load the model and let the converter plugin of the request work on it; returns its outcome."""
    converter = plugins.load("converters", request["plugin"]).model_validate_json(json.dumps(request["options"]))
    original = _load(request, channel)
    sample = Path(request["sample"]) if request["sample"] else None
    try:
        with threadpool_limits(1):  # some originals break ties otherwise on more threads
            outcome = converter.convert(original, sample, Path(request["out"]), channel.progress)
    except OSError as error:
        raise storage_error(error) from error
    return {
        "artifacts": dict(outcome.artifacts),
        "summary": outcome.summary,
        "facts": json.loads(json.dumps(outcome.facts, default=str)),
        "notes": list(outcome.notes),
    }


def time_original(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Let the original predict (or transform) golden rows and be timed, as often as it is asked.

    What is timed is that one call, on frames or arrays made before.

    Request: model, signature, golden (paths), digest (of the model that went through the gate), and ``batches``: by
    number of rows, lists of row numbers of the golden set, which take turns. Each question {"batch": rows, "runs": n}
    is answered by {"seconds": [...]}, wall seconds of each run.
    """
    described = signature.read(Path(request["signature"]))
    rows = golden.read(Path(request["golden"]))
    original = _load(request, channel)
    ask = getattr(original.model, next(iter(outputs_of(original.model).values())))
    return _timed(ask, lambda picked: _given(original, rows, picked, described), request, channel)


def time_native(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Let the service's code answer from a native folder and be timed; all else is as in ``time_original``.

    What is timed goes from tensors to answers, as it does in the service. Request: native, signature, golden, batches.
    """
    rows = golden.read(Path(request["golden"]))
    ask = _native(request)
    first = next(iter(rows.outputs))
    return _timed(lambda feed: ask(feed, [first]), lambda picked: rows.take(np.array(picked)).inputs, request, channel)


def judge(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Hold a native folder against its golden set, as the service would answer it; returns {"verdict"}.

    The sample and the stress rows are asked in one batch each, as the original was, and must agree to the last bit; up
    to 16 rows are asked on their own, for which libraries may sum in another order. Request: native, signature, golden.
    """
    rows = golden.read(Path(request["golden"]))
    ask, exact = _native(request), parity.Tolerance(0.0, 0.0)
    names = list(rows.outputs)
    stressed = np.array([origin.startswith("stress") for origin in rows.origins])
    order = np.concatenate([np.flatnonzero(~stressed), np.flatnonzero(stressed)])
    parts = [ask(rows.take(mask).inputs, names) for mask in (~stressed, stressed) if mask.any()]
    verdict = parity.compare(rows.take(order), _joined(parts, names), exact)
    if verdict.passed:
        spread = np.unique(np.linspace(0, len(rows) - 1, num=16, dtype=np.int64))
        singles = [ask(rows.take([row]).inputs, names) for row in spread]
        alone = parity.compare(rows.take(spread), _joined(singles, names), parity.DOUBLE)
        verdict = verdict if alone.passed else alone
    return {"verdict": json.loads(json.dumps(verdict.to_json(), default=str))}


def _given(original: Original, rows: Golden, picked: list[int], described: Signature) -> Any:
    inputs = rows.take(np.array(picked)).inputs
    return to_original(original.model, inputs, described.columns, named=described.named)


def _timed(
    ask: Callable[[Any], object], given: Callable[[list[int]], Any], request: dict[str, Any], channel: Channel
) -> dict[str, Any]:
    """Answer questions by the seconds that ``ask`` takes for what ``given`` makes of row numbers."""
    turns = {batch: cycle([given(picked) for picked in drawn]) for batch, drawn in request["batches"].items()}
    while question := channel.receive():
        turn = turns[str(question["batch"])]
        timed = burst(lambda: ask(next(turn)))  # noqa: B023  # called before the next question is read
        channel.reply({"seconds": timed(question["runs"])})
    return {}


def _native(request: dict[str, Any]) -> Callable[..., dict[str, NDArray[Any]]]:
    """Load a native folder with the code that the service runs, and return how to ask it."""
    sys.dont_write_bytecode = True  # the templates stay as they are
    sys.path.insert(0, str(templates() / "service"))
    described = importlib.import_module("core.runtime.signature").read(Path(request["signature"]))
    try:
        runtime = importlib.import_module("core.runtime.native").Native(Path(request["native"]), described)
    except (OSError, ValueError, ImportError) as error:
        raise ModelError(f"the native model cannot be loaded: {error}", "mlship convert --force") from error
    run: Callable[..., dict[str, NDArray[Any]]] = runtime.run
    return run


def _joined(parts: list[dict[str, NDArray[Any]]], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _load(request: dict[str, Any], channel: Channel) -> Original:
    path = Path(request["model"])
    if digest(path) != request["digest"]:
        raise ModelError(f"'{path.name}' changed while it was being looked at", "run the command again")
    channel.progress(f"loading {path.name}")
    name, source = source_of(path)
    model = source.load(path)
    _require_fitted(path, model)
    return Original(path, name, adapted(model))


def _require_fitted(path: Path, model: Any) -> None:
    """Raise ModelError for an estimator of scikit-learn that has learned nothing; others may have their own ways."""
    if not type(model).__module__.startswith("sklearn.") or not hasattr(model, "fit"):
        return
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        message = f"'{path.name}' holds a {type(model).__name__} that is not fitted"
        raise ModelError(message, "save it after fit: joblib.dump(model.fit(rows, answers), file)") from error
