"""What runs in quarantine: the conversion, and the original answering for a benchmark. Called by name only."""

import json
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from mlship import golden, plugins, signature
from mlship.artifacts import digest, storage_error
from mlship.errors import ModelError
from mlship.gate import source_of
from mlship.golden import Golden
from mlship.graphs import outputs_of
from mlship.measure import burst
from mlship.originals.adapters import adapted
from mlship.originals.frames import to_original
from mlship.signature import Signature
from mlship.stages import Original
from mlship.visitor import Channel


def convert(request: dict[str, Any], channel: Channel) -> dict[str, Any]:
    """Load the model and let the converter plugin of the request work on it; returns its outcome."""
    converter = plugins.load("converters", request["plugin"]).model_validate_json(json.dumps(request["options"]))
    original = _load(request, channel)
    sample = Path(request["sample"]) if request["sample"] else None
    try:
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
    batches = request["batches"].items()
    turns = {batch: cycle([_given(rows, picked, described) for picked in drawn]) for batch, drawn in batches}
    while question := channel.receive():
        turn = turns[str(question["batch"])]
        timed = burst(lambda: ask(next(turn)))  # noqa: B023  # called before the next question is read
        channel.reply({"seconds": timed(question["runs"])})
    return {}


def _given(rows: Golden, picked: list[int], described: Signature) -> Any:
    return to_original(rows.take(np.array(picked)).inputs, described.columns, named=described.named)


def _load(request: dict[str, Any], channel: Channel) -> Original:
    path = Path(request["model"])
    if digest(path) != request["digest"]:
        raise ModelError(f"'{path.name}' changed while it was being looked at", "run the command again")
    channel.progress(f"loading {path.name}")
    name, source = source_of(path)
    return Original(path, name, adapted(source.load(path)))
