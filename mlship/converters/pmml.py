"""scikit-learn to PMML: the signature, the golden set and a file that any PMML 4.4 engine scores."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from mlship import golden, parity, pmml, signature
from mlship.artifacts import write_atomic
from mlship.errors import GateError
from mlship.originals.visit import Visited, visit, without_missing
from mlship.pmml import scoring
from mlship.stages import Converter, Original, Outcome, Progress


class PmmlConverter(Converter):
    """Convert scikit-learn models to PMML 4.4, in double; where pypmml and Java are there, the file is checked."""

    writes = ("signature", "golden", "pmml")
    libraries = ("scikit-learn", "numpy", "pandas", "onnx")

    target: str | None = Field(None, description="column of the sample that holds the true answers")
    golden_rows: int = Field(1000, gt=0, le=1_000_000, description="rows of the sample that are kept as golden set")
    seed: int = Field(0, description="seed that chooses rows, where the sample has more")

    def convert(self, original: Original, sample: Path | None, out: Path, progress: Progress) -> Outcome:
        """Visit the model and write model.pmml, signature.json and golden.npz below ``out``.

        Raises GateError (with parity.json written) when pypmml's answers are not the original's.
        """
        progress("asking the original model")
        visited = visit(original.model, sample, target=self.target, rows=self.golden_rows, seed=self.seed)
        progress("writing PMML")
        verdict, precision = self._write(original, visited, out)
        stricter = None if verdict is None or verdict.passed else without_missing(visited)
        if stricter is not None:
            visited, (verdict, precision) = stricter, self._write(original, stricter, out)
        if verdict is not None:
            report = json.dumps({"scored_by": "pypmml", **verdict.to_json()}, indent=2, default=str) + "\n"
            write_atomic(out / "parity.json", report.encode())
            if not verdict.passed:
                (out / "model.pmml").unlink()
                message = f"model.pmml, scored by pypmml, differs from {original.path.name}: {verdict.sentence()}"
                raise GateError(message, "the first row that differs is in parity.json; --to onnx")
        golden.write(visited.golden, out / "golden.npz")
        signature.write(visited.signature.model_copy(update={"precision": precision}), out / "signature.json")
        return _outcome(visited, verdict)

    def _write(self, original: Original, visited: Visited, out: Path) -> tuple[parity.Verdict | None, str]:
        """Write model.pmml; return how it compares (None where nothing here can score it) and its precision."""
        path, columns = out / "model.pmml", visited.signature.columns
        converted = pmml.convert(original.model, columns, target=self.target or "target")
        with path.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(converted.pieces)
        rows = np.flatnonzero(scoring.scorable(visited.golden.inputs, columns))
        if not scoring.available() or not rows.size:
            return None, converted.precision
        scored = visited.golden.take(rows)
        answers = scoring.score(path, converted.fields, columns, scored)
        tolerance = parity.DOUBLE if converted.precision == "float64" else parity.FLOAT
        verdict = parity.compare(scored, answers, tolerance)
        first = verdict.first and replace(verdict.first, row=int(rows[verdict.first.row]))
        return replace(verdict, first=first), converted.precision


def _outcome(visited: Visited, verdict: parity.Verdict | None) -> Outcome:
    unscored = _unscored()
    said = unscored if verdict is None else f"scored by pypmml, {verdict.sentence()}{_left_out(visited, verdict)}"
    facts: dict[str, Any] = {
        "model": visited.signature.model,
        "rows": len(visited.golden),
        "synthetic": visited.synthetic,
        "scored_by": None if verdict is None else "pypmml",
        "largest_difference": None if verdict is None else verdict.largest,
    }
    return Outcome(
        artifacts={"signature": "signature.json", "golden": "golden.npz", "pmml": "model.pmml"},
        summary=f"{visited.signature.model} as PMML 4.4: {said}",
        facts=facts,
        notes=visited.notes + ((f"model.pmml was {unscored}",) if verdict is None else ()),
    )


def _unscored() -> str:
    lacking = scoring.lacking()
    if not lacking:
        return "not scored: all rows hold infinite values"
    return f"not scored: install {' and '.join(lacking)} to check it"


def _left_out(visited: Visited, verdict: parity.Verdict) -> str:
    count = len(visited.golden) - verdict.rows
    return f"; {count:,} {'row' if count == 1 else 'rows'} with infinite values not scored" if count else ""
