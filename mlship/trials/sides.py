"""The two sides of a comparison: whether they can be compared at all, and what each must answer to the same rows."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlship.client import Client
from mlship.errors import UsageError
from mlship.golden import Golden
from mlship.replay import BATCH, sendable
from mlship.signature import Signature
from mlship.trials.target import Target


@dataclass(frozen=True)
class Side:
    """A service folder, and what its workspace says that it answers."""

    service: Path
    golden: Golden
    signature: Signature


def require_alike(this: Signature, other: Signature) -> None:
    """Raise UsageError, with the first difference, where two models take other columns or answer other outputs."""
    pairs = [
        ("task", this.task, other.task),
        ("number of columns", len(this.columns), len(other.columns)),
        *(
            (f"column {number}", f"'{a.name}' ({a.type})", f"'{b.name}' ({b.type})")
            for number, (a, b) in enumerate(zip(this.columns, other.columns, strict=False), start=1)
        ),
        ("outputs", ", ".join(o.name for o in this.outputs), ", ".join(o.name for o in other.outputs)),
        *(
            (f"output '{a.name}'", f"{a.type}, {a.classes or a.width or 1}", f"{b.type}, {b.classes or b.width or 1}")
            for a, b in zip(this.outputs, other.outputs, strict=False)
        ),
    ]
    for what, ours, theirs in pairs:
        if ours != theirs:
            message = f"the two models cannot be compared: {what}: {ours} here, {theirs} there"
            raise UsageError(message, "compare models that take the same columns and answer the same outputs")


def answered(target: Target, rows: Golden) -> Golden:
    """Return ``rows`` with the target's own answers; rows that JSON cannot carry keep those that they have."""
    outputs = {name: values.copy() for name, values in rows.outputs.items()}
    picked = sendable(rows)
    with Client(target.url) as client:
        for start in range(0, len(picked), BATCH):
            part = picked[start : start + BATCH]
            body = target.dialect.body(rows, target.signature, part)
            document = client.ask("POST", target.dialect.full_path, body)
            for name, values in target.dialect.outputs(document, target.signature, len(part)).items():
                outputs[name] = outputs[name].astype(np.result_type(outputs[name], values))
                outputs[name][part] = values
    return Golden(rows.inputs, outputs, rows.origins)
