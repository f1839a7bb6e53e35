"""The one visit to the original: from a loaded model and a sample to its signature and its golden set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.originals import answers, complaints, leaves, samples, steadiness, stress, synthetic
from mlship.originals.adapters.categorical import CategoricalRegressor
from mlship.originals.coverage import NOTHING, Coverage, coverage
from mlship.originals.frames import Aligned, align, describe, to_tensors
from mlship.originals.knowledge import Known, know, names_of, width_of
from mlship.originals.texts import TEXT, takes_texts
from mlship.signature import MISSING_STRING, Column, Signature

#: Rows that are made up to reach leaves of trees, where no sample is given.
_MOST_LEAVES = 5_000


@dataclass(frozen=True)
class Visited:
    """What the visit found; ``synthetic`` is True where no sample was given and the rows are made up.

    ``reached`` says how much of the model the golden set reaches.
    """

    signature: Signature
    golden: Golden
    synthetic: bool
    notes: tuple[str, ...]
    reached: Coverage = NOTHING


def visit(model: Any, sample: Path | None, *, target: str | None, rows: int, seed: int) -> Visited:
    """Ask ``model`` about at most ``rows`` rows of ``sample`` and about stressed copies of them.

    Raises DataError for a sample that does not fit, ModelError when the model cannot answer rows that nobody gave.
    """
    names = names_of(model) or ([TEXT] if takes_texts(model) else [f"x{i}" for i in range(width_of(model) or 0)])
    known = know(model, names)
    aligned = _rows(model, sample, target, names, known, rows, seed)
    known = known or [Known() for _ in aligned.frame.columns]
    columns, tensors = describe(aligned.frame, known)
    answer = answers.answering(model, columns, named=aligned.named)
    plain = to_tensors(aligned.frame, columns, tensors)
    try:
        expected = answer(plain)
    except complaints.REFUSALS as error:
        if sample is None:
            raise complaints.about_made_up(error) from error
        raise complaints.about_sample(error, answer, plain, aligned.frame, known) from error
    noise = steadiness.noise(answer, plain, expected)
    stressed = stress.accepted(stress.groups(plain, columns, known), answer)
    stressed = steadiness.steady([group for group in stressed if not (noise and stress.is_extreme(group))], answer)
    signature = Signature(
        model=_name(model),
        task=answers.task_of(model),
        named=aligned.named,
        columns=_nullable(columns, stressed),
        tensors=tensors,
        outputs=answers.outputs(model, expected),
        noise=noise,
    )
    golden = _golden(plain, expected, stressed, answer, aligned, made_up=sample is None)
    patience = 10 if sample is None else 1
    reached = coverage(model, golden.inputs, columns, known, named=aligned.named, patience=patience)
    return Visited(signature, golden, sample is None, _notes(model, aligned, sample, reached, noise), reached)


def _name(model: Any) -> str:
    """Name a model by its class, a pipeline by those of its steps too; an adapter by its title or its model."""
    if hasattr(model, "title"):
        return str(model.title)
    if isinstance(model, CategoricalRegressor):
        return _name(model.model)
    steps = ", ".join(type(step).__name__ for _, step in getattr(model, "steps", ()) if step != "passthrough")
    return type(model).__name__ + (f"({steps})" if steps else "")


def without_missing(visited: Visited) -> Visited | None:
    """Return the visit with missing values refused in all columns where the sample has none; None if that is no change.

    For models whose converted form treats missing values otherwise: a service that refuses them is never wrong.
    """
    plain, columns = visited.golden.plain(), visited.signature.columns
    refused = {c.name for c in columns if c.nullable and not _misses(plain.inputs[c.tensor][:, c.index])}
    if not refused:
        return None
    dropped = {f"stress: {name} missing" for name in refused}
    kept = np.array([origin not in dropped for origin in visited.golden.origins])
    stricter = [c.model_copy(update={"nullable": c.nullable and c.name not in refused}) for c in columns]
    listed = ", ".join(sorted(refused)[:8]) + (" ..." if len(refused) > 8 else "")
    note = f"the converted model treats missing values otherwise, so the service refuses them in: {listed}"
    return Visited(
        visited.signature.model_copy(update={"columns": tuple(stricter)}),
        replace(visited.golden.take(kept), target=visited.golden.target),
        visited.synthetic,
        (*visited.notes, note),
        visited.reached,
    )


def _misses(values: NDArray[Any]) -> bool:
    return bool((values == MISSING_STRING).any() if values.dtype == object else np.isnan(values).any())


def _rows(
    model: Any, sample: Path | None, target: str | None, names: list[str], known: list[Known], rows: int, seed: int
) -> Aligned:
    if sample is None:
        made_up = synthetic.rows(names, known, min(rows, 200), seed)
        reaching = leaves.rows(model, made_up, _MOST_LEAVES)
        frame = made_up if reaching is None else pd.concat([made_up, reaching], ignore_index=True)
        return Aligned(frame, None, named=names_of(model) is not None)
    texts = [name for name, column in zip(names, known, strict=True) if column.textual]
    aligned = align(samples.read(sample, texts, target), model, target)
    if takes_texts(model):  # which column that is was not known before
        aligned = align(samples.read(sample, list(aligned.frame.columns), target), model, target)
    if len(aligned.frame) <= rows:
        return aligned
    chosen = np.sort(np.random.default_rng(seed).choice(len(aligned.frame), size=rows, replace=False))
    answers_too = None if aligned.target is None else aligned.target[chosen]
    return Aligned(aligned.frame.iloc[chosen], answers_too, aligned.named, aligned.ignored)


def _nullable(columns: Sequence[Column], stressed: Sequence[stress.Group]) -> tuple[Column, ...]:
    """Mark the columns in which the original accepted a missing value."""
    done = {name for name, _ in stressed}
    return tuple(
        column.model_copy(update={"nullable": column.nullable or f"stress: {column.name} missing" in done})
        for column in columns
    )


def _golden(
    plain: dict[str, NDArray[Any]],
    expected: dict[str, NDArray[Any]],
    stressed: Sequence[stress.Group],
    answer: answers.Answer,
    aligned: Aligned,
    *,
    made_up: bool,
) -> Golden:
    origins = ("synthetic" if made_up else "sample",) * len(aligned.frame)
    if not stressed:
        return Golden(plain, expected, origins, _target(aligned))
    rows = stress.join(stressed)
    replies = answer(rows)
    return Golden(
        {name: np.concatenate([plain[name], rows[name]]) for name in plain},
        {name: np.concatenate([expected[name], replies[name]]) for name in expected},
        origins + tuple(name for name, group in stressed for _ in next(iter(group.values()))),
        _target(aligned),
    )


def _target(aligned: Aligned) -> NDArray[Any] | None:
    if aligned.target is None:
        return None
    kind = aligned.target.dtype.kind
    return aligned.target if kind in "iuf" else pd.Series(aligned.target).astype(str).to_numpy(dtype=object)


def _notes(model: Any, aligned: Aligned, sample: Path | None, reached: Coverage, noise: float) -> tuple[str, ...]:
    notes = []
    if sample is None:
        notes.append("no sample was given: the golden set is made up from what the model knows; give real rows: --data")
    if aligned.ignored:
        notes.append(f"columns that the model does not take were left out: {', '.join(aligned.ignored[:8])}")
    if reached.sentence():
        notes.append(reached.sentence())
    if noise:
        notes.append(
            f"the original's own answers for the same row differ by up to {noise:.1g} from batch to batch:"
            " the converted model is held to that"
        )
    return (*notes, *getattr(model, "notes", ()))  # an adapter's own
