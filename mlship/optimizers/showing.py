"""What an optimisation leaves for people and programs: every candidate, what was found of it, a table and a plot."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlship import formats
from mlship.artifacts import write_atomic
from mlship.measure import fingerprint
from mlship.optimization import Candidate, Task
from mlship.optimizers import page
from mlship.optimizers.choice import front, shortcoming
from mlship.optimizers.search import Search
from mlship.optimizers.trials import Trial
from mlship.quality import LABELLED
from mlship.signature import Signature

SCHEMA_VERSION = 1

_LIBRARIES = ("onnxruntime", "onnx", "numpy", "scikit-learn")

#: What an operator is to people.
_WORDS = {"TreeEnsemble": "tree ensemble", "MatMul": "matrix product", "Gemm": "matrix product"}


def write(found: Search, chosen: Trial | None, reason: str, task: Task, asked: Mapping[str, Any], folder: Path) -> None:
    """Write candidates.json, candidates.html and the model of every candidate into ``folder``."""
    folder.mkdir()
    every = [found.base, *found.trials]
    best = {id(trial) for trial in front(found.trials, found.base)}
    rows = []
    for number, trial in enumerate(every):
        name = f"{number:02d}-{_slug(trial.candidate.name)}.onnx"
        write_atomic(folder / name, trial.content)
        out = "" if trial in (found.base, chosen) else shortcoming(trial, found.base, task.objective)
        rows.append(
            {**_described(trial), "file": name, "chosen": trial is chosen, "front": id(trial) in best, "out": out}
        )
    document = {
        "schema_version": SCHEMA_VERSION,
        "model": task.signature.model,
        "labels": task.signature.task in LABELLED,
        "measure": "share of right labels" if task.signature.task in LABELLED else "R2",
        "against": "the original" if task.judge.target is None else "the target",
        "rows_judged": len(task.judge),
        "reason": reason,
        "asked": asked,
        "budget": asdict(task.budget),
        "advice": {name: {"applies": item.applies, "why": item.why} for name, item in found.advice.items()},
        "cut_short": found.cut_short,
        "host": fingerprint(_LIBRARIES),
        "candidates": rows,
    }
    write_atomic(folder / "candidates.json", (json.dumps(document, indent=2, default=str) + "\n").encode())
    write_atomic(folder / "candidates.html", page.render(document).encode())


def model(base: Candidate, signature: Signature) -> str:
    """Say in a line what kind of graph it is: RandomForestClassifier, 16 MB, 22 nodes: 1 tree ensemble."""
    kinds = [_WORDS[node.op_type] for node in base.model.graph.node if node.op_type in _WORDS]
    counted = [f"{kinds.count(kind)} {kind}{'s' * (kinds.count(kind) > 1)}" for kind in dict.fromkeys(kinds)]
    size = formats.size(base.model.ByteSize())
    nodes = len(base.model.graph.node)
    return f"{signature.model}, {size}, {nodes} nodes" + (f", among them {', '.join(counted)}" if counted else "")


def _described(trial: Trial) -> dict[str, Any]:
    quality = asdict(trial.quality)
    return {
        "name": trial.candidate.name,
        "steps": list(trial.candidate.steps),
        "lossless": trial.candidate.lossless,
        "size_bytes": trial.size,
        "settings": dict(trial.candidate.settings),
        "facts": dict(trial.candidate.facts),
        "within_budget": not trial.objection,
        "quality": {name: value if math.isfinite(value) else None for name, value in quality.items()},
        "batch_noise": trial.noise,
        "times": {
            str(batch): {"seconds": trial.seconds[batch], **asdict(ratio)} for batch, ratio in trial.ratios.items()
        },
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60]
