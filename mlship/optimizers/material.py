"""The rows that an optimisation fits and judges with: the whole sample again, answered by the converted model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import DataError
from mlship.golden import Golden
from mlship.originals import replayed
from mlship.quality import Rows, comparable
from mlship.runtime import Session, complaints
from mlship.signature import Signature


def rows(
    model: Path, golden: Golden, signature: Signature, sample: Path | None, *, target: str | None, most: int, seed: int
) -> tuple[Rows, Rows, bool]:
    """Return rows to fit with, rows to judge with, which share none, and whether a user gave them.

    At most ``most`` rows in all, half of them each. Without a sample they are the plain rows of the golden set. Rows
    whose true answer is missing are left out, where ``target`` is known.
    """
    if sample is None:
        plain = golden.plain()
        inputs, answers = plain.inputs, None
    else:
        found = replayed.rows(sample, signature, target=target, most=most, seed=seed)
        inputs, answers = found.inputs, found.target
    session = Session(model)
    if answers is not None:
        known = ~pd.isna(answers)
        if not known.any():
            raise DataError(f"the sample has no true answer: '{target}' is empty in every row", "name another --target")
        inputs, answers = {name: values[known] for name, values in inputs.items()}, answers[known]
    with complaints("fails on the sample"):
        outputs = session.run(session.feed(inputs))
    every = Rows(inputs, outputs, None if answers is None else _truth(answers, outputs, signature))
    order = np.random.default_rng(seed).permutation(len(every))
    half = len(order) // 2
    real = sample is not None or "sample" in golden.origins
    return every.take(np.sort(order[:half])), every.take(np.sort(order[half:])), real


def _truth(answers: NDArray[Any], outputs: Mapping[str, NDArray[Any]], signature: Signature) -> NDArray[Any] | None:
    """Return the true answers in the type of the model's; None where they are not what this kind of model predicts.

    Raises DataError where none of them is a label that the model knows.
    """
    if signature.task not in ("classifier", "regressor") or outputs["prediction"].size != len(answers):
        return None
    truth = comparable(answers, outputs["prediction"])
    classes = next((output.classes for output in signature.outputs if output.classes), None)
    labels = {str(label) for label in classes or ()} | {str(label) for label in outputs["prediction"].tolist()}
    if signature.task == "classifier" and labels.isdisjoint(str(value) for value in truth.tolist()):
        found = f"'{answers[0]}'"
        known = ", ".join(sorted(labels)[:5])
        raise DataError(f"the target holds {found}, which is no label of the model: {known}", "name another --target")
    return truth
