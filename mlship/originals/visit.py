"""The one visit to the original: from a loaded model and a sample to its signature and its golden set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlship.errors import ModelError, UnsupportedModelError
from mlship.golden import Golden
from mlship.originals import answers, samples, stress, synthetic
from mlship.originals.frames import Aligned, align, describe, to_tensors
from mlship.originals.knowledge import Known, know, names_of, width_of
from mlship.signature import MISSING_STRING, Column, Signature


@dataclass(frozen=True)
class Visited:
    """What the visit found; ``synthetic`` is True where no sample was given and the rows are made up."""

    signature: Signature
    golden: Golden
    synthetic: bool
    notes: tuple[str, ...]


def visit(model: Any, sample: Path | None, *, target: str | None, rows: int, seed: int) -> Visited:
    """Ask ``model`` about at most ``rows`` rows of ``sample`` and about stressed copies of them.

    Raises DataError for a sample that does not fit, ModelError when the model cannot answer its own sample.
    """
    _refuse_texts(model)
    names = names_of(model) or [f"x{i}" for i in range(width_of(model) or 0)]
    known = know(model, names)
    aligned = _rows(model, sample, target, names, known, rows, seed)
    if not known:
        known = [Known() for _ in aligned.frame.columns]
    columns, tensors = describe(aligned.frame, known)
    answer = answers.answering(model, columns, named=aligned.named)
    plain = to_tensors(aligned.frame, columns, tensors)
    try:
        expected = answer(plain)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        rows_, hint = (
            ("the sample", "do the rows fit it?")
            if sample
            else (
                "rows made up from what it knows",
                "give it real rows: --data sample.csv",
            )
        )
        raise ModelError(f"the model cannot answer {rows_}: {_first_line(error)}", hint) from error
    signature = Signature(
        model=_name(model),
        task=answers.task_of(model),
        named=aligned.named,
        columns=columns,
        tensors=tensors,
        outputs=answers.outputs(model, expected),
    )
    stressed = stress.accepted(stress.groups(plain, columns, known), answer)
    signature = signature.model_copy(update={"columns": _nullable(columns, stressed)})
    golden = _golden(plain, expected, stressed, answer, aligned, made_up=sample is None)
    return Visited(signature, golden, sample is None, _notes(aligned, sample))


def _name(model: Any) -> str:
    """Name a model by its class, a pipeline by those of its steps too."""
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
    )


def _misses(values: NDArray[Any]) -> bool:
    return bool((values == MISSING_STRING).any() if values.dtype == object else np.isnan(values).any())


def _refuse_texts(model: Any) -> None:
    """Raise UnsupportedModelError for models that take a list of texts instead of rows."""
    first = model.steps[0][1] if getattr(model, "steps", None) else model
    if type(first).__name__ in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        raise UnsupportedModelError(
            "the model takes a list of texts, not rows of columns",
            f"give {type(first).__name__} a column: ColumnTransformer([('text', vectorizer, 'column')])",
        )


def _rows(
    model: Any, sample: Path | None, target: str | None, names: list[str], known: list[Known], rows: int, seed: int
) -> Aligned:
    if sample is None:
        return Aligned(synthetic.rows(names, known, min(rows, 200), seed), None, named=names_of(model) is not None)
    texts = [name for name, column in zip(names, known, strict=True) if column.textual]
    aligned = align(samples.read(sample, texts), model, target)
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


def _notes(aligned: Aligned, sample: Path | None) -> tuple[str, ...]:
    if sample is None:
        return ("no sample was given: the golden set is made up from what the model knows; give real rows with --data",)
    if aligned.ignored:
        return (f"columns that the model does not take were left out: {', '.join(aligned.ignored[:8])}",)
    return ()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
