"""What runs in quarantine: the conversion, and the original answering for a benchmark. Called by name only."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from mlship import golden, plugins, signature
from mlship.artifacts import digest, storage_error
from mlship.errors import ModelError
from mlship.gate import source_of
from mlship.originals.answers import answering
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
    """Let the original answer golden rows and be timed, as often as it is asked.

    Request: model, signature, golden (paths), digest (of the model that went through the gate). Each question {"batch": rows, "runs": n} is answered by
    {"seconds": [...]}: wall seconds of each run, over rotating rows.
    """
    described = signature.read(Path(request["signature"]))
    rows = golden.read(Path(request["golden"])).plain()
    original = _load(request, channel)
    answer = answering(original.model, described.columns, named=described.named)
    channel.reply({"ready": True})
    position = 0
    while question := channel.receive():
        seconds = []
        for _ in range(question["runs"]):
            picked = np.arange(position, position + question["batch"]) % len(rows)
            position += question["batch"]
            batch = {name: values[picked] for name, values in rows.inputs.items()}
            begun = time.perf_counter()
            answer(batch)
            seconds.append(time.perf_counter() - begun)
        channel.reply({"seconds": seconds})
    return {}


def _load(request: dict[str, Any], channel: Channel) -> Original:
    path = Path(request["model"])
    if digest(path) != request["digest"]:
        raise ModelError(f"'{path.name}' changed while it was being looked at", "run the command again")
    channel.progress(f"loading {path.name}")
    name, source = source_of(path)
    return Original(path, name, source.load(path))
