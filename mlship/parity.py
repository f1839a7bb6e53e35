"""Parity: are these the original's answers? A verdict with the first offending row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.golden import Golden
from mlship.signature import Signature


@dataclass(frozen=True)
class Tolerance:
    """Numbers agree when ``|a - b| <= absolute + relative * max(|b|, the largest |b| of that output's row)``.

    Labels, strings and integers must be equal; missing and infinite values must be in the same places.
    """

    relative: float = 1e-9
    absolute: float = 1e-12


#: What a graph in double, or in float, is allowed; the float figures are those of its 24-bit significand
#: (6e-8) through sums of some thousand terms.
DOUBLE = Tolerance(1e-9, 1e-12)
FLOAT = Tolerance(1e-4, 1e-6)


#: How often the original's own noise is allowed.
_NOISE = 10.0


def tolerance_of(signature: Signature) -> Tolerance:
    """Return what a model of this signature is allowed, by the precision of its graph and the original's own noise."""
    allowed = DOUBLE if signature.precision == "float64" else FLOAT
    return replace(allowed, absolute=max(allowed.absolute, _NOISE * signature.noise))


@dataclass(frozen=True)
class Offender:
    """The first row that differs; ``inputs`` are its values by ONNX input."""

    row: int
    origin: str
    output: str
    expected: Any
    actual: Any
    inputs: Mapping[str, list[Any]]

    def sentence(self) -> str:
        """Say where and how it differs."""
        return f"row {self.row} ({self.origin}): {self.output} is {self.actual}, was {self.expected}"


@dataclass(frozen=True)
class Verdict:
    """Outcome of a comparison. ``labels_off`` counts rows with another prediction, ``rows_off`` rows beyond tolerance.

    ``largest`` is the largest absolute difference of any number (inf where something is missing on one side only),
    ``relative`` the largest to the largest number of its row.
    """

    passed: bool
    rows: int
    rows_off: int
    largest: float
    allowed: float
    labels_off: int = 0
    first: Offender | None = None
    problem: str = ""
    relative: float = 0.0

    def sentence(self) -> str:
        """Say the verdict in one line."""
        if self.problem:
            return self.problem
        relative = f" ({self.relative:.1g} relative)" if 0 < self.relative < np.inf else ""
        figures = f"largest difference {self.largest:.3g}{relative}"
        if self.passed:
            return f"{self.rows:,} rows agree, {figures}"
        labels = f"{self.labels_off:,} of {self.rows:,} rows have another label, " if self.labels_off else ""
        off = f"{self.rows_off:,} of {self.rows:,} rows differ, {figures} (allowed {self.allowed:g} relative)"
        return labels + off + (f"; first at {self.first.sentence()}" if self.first else "")

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return asdict(self)


def compare(golden: Golden, actual: Mapping[str, NDArray[Any]], tolerance: Tolerance = DOUBLE) -> Verdict:
    """Hold ``actual`` outputs (by name) against those of ``golden``; an absent output, or one of another shape, fails.

    Outputs of ``actual`` that the golden set does not know are ignored.
    """
    rows = len(golden)
    bad, labels, largest, relative = np.zeros(rows, dtype=bool), np.zeros(rows, dtype=bool), 0.0, 0.0
    first: tuple[int, str] | None = None
    for name, expected in golden.outputs.items():
        if name not in actual or actual[name].shape != expected.shape:
            found = f"shape {actual[name].shape}" if name in actual else "nothing"
            problem = f"output '{name}': expected shape {expected.shape}, found {found}"
            return Verdict(
                passed=False, rows=rows, rows_off=rows, largest=np.inf, allowed=tolerance.relative, problem=problem
            )
        off, *differences = _differs(expected, actual[name], tolerance)
        largest, relative = max(largest, differences[0]), max(relative, differences[1])
        if name == "prediction" and expected.dtype.kind != "f":
            labels |= off
        if off.any() and (first is None or int(off.argmax()) < first[0]):
            first = int(off.argmax()), name
        bad |= off
    offender = _offender(golden, actual, *first) if first else None
    return Verdict(
        passed=not bad.any(),
        rows=rows,
        rows_off=int(bad.sum()),
        largest=largest,
        allowed=tolerance.relative,
        labels_off=int(labels.sum()),
        first=offender,
        relative=relative,
    )


def _differs(
    expected: NDArray[Any], actual: NDArray[Any], tolerance: Tolerance
) -> tuple[NDArray[np.bool_], float, float]:
    """Return a mask of the rows that differ, and the largest difference, absolute and relative to its row."""
    if expected.dtype.kind in "OUSb" or actual.dtype.kind in "OUSb" or expected.dtype.kind in "iu":
        off = _per_row(np.asarray(expected != actual, dtype=bool))
        return off, 0.0, 0.0
    a, b = actual.astype(np.float64), expected.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(a - b))
    difference = np.where(np.isnan(difference), np.inf, difference)
    finite = np.where(np.isfinite(b), np.abs(b), 0.0)
    scale = finite if b.ndim == 1 else np.broadcast_to(finite.max(axis=1, initial=0.0)[:, None], b.shape)
    off = _per_row(difference > tolerance.absolute + tolerance.relative * scale)
    relative = difference / np.where(scale > 0, scale, 1.0)
    return off, float(difference.max(initial=0.0)), float(relative.max(initial=0.0))


def _per_row(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(mask.reshape(len(mask), -1).any(axis=1), dtype=np.bool_)


def _offender(golden: Golden, actual: Mapping[str, NDArray[Any]], row: int, output: str) -> Offender:
    return Offender(
        row=row,
        origin=golden.origins[row],
        output=output,
        expected=golden.outputs[output][row].tolist()
        if golden.outputs[output].dtype != object
        else golden.outputs[output][row],
        actual=actual[output][row].tolist() if actual[output].dtype != object else actual[output][row],
        inputs={name: values[row].tolist() for name, values in golden.inputs.items()},
    )
