"""scikit-learn to ONNX: the signature, the golden set and the first route whose answers are the original's."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from mlship import golden, graphs, parity, runtime, signature
from mlship.artifacts import write_atomic
from mlship.errors import GateError, MlshipError, ModelError, UnsupportedModelError
from mlship.originals.visit import Visited, visit, without_missing
from mlship.stages import Converter, Original, Outcome, Progress

Precision = Literal["float64", "float32"]


@dataclass(frozen=True)
class _Attempt:
    """A converted model and how it compares; ``steps`` names who converted which step."""

    content: bytes
    precision: Precision
    steps: tuple[str, ...]
    verdict: parity.Verdict


class OnnxConverter(Converter):
    """Convert scikit-learn models to ONNX: own converters in double first, skl2onnx for the steps they do not know."""

    libraries = ("scikit-learn", "numpy", "pandas", "onnx", "onnxruntime", "skl2onnx", "protobuf")

    target: str | None = Field(None, description="column of the sample that holds the true answers")
    golden_rows: int = Field(1000, gt=0, le=1_000_000, description="rows of the sample that are kept as golden set")
    seed: int = Field(0, description="seed that chooses rows, where the sample has more")
    dtype: Literal["auto", "float64", "float32"] = Field(
        "auto", description="precision of steps that skl2onnx converts; auto tries float64, then float32"
    )

    def convert(self, original: Original, sample: Path | None, out: Path, progress: Progress) -> Outcome:
        """Visit the model, convert it, and keep the first conversion that passes parity.

        Raises GateError (with parity.json written) when all conversions run but none passes.
        """
        progress("asking the original model")
        visited = visit(original.model, sample, target=self.target, rows=self.golden_rows, seed=self.seed)
        attempt = self._best(original, visited, progress)
        stricter = None if attempt.verdict.passed else without_missing(visited)
        if stricter and (again := self._best(original, stricter, progress)).verdict.passed:
            visited, attempt = stricter, again
        golden.write(visited.golden, out / "golden.npz")
        described = visited.signature.model_copy(update={"precision": attempt.precision})
        signature.write(described, out / "signature.json")
        write_atomic(out / "parity.json", _report(attempt).encode())
        if not attempt.verdict.passed:
            raise GateError(_refusal(original, attempt), self._way_on(original))
        write_atomic(out / "model.onnx", attempt.content)
        return Outcome(
            artifacts={"signature": "signature.json", "golden": "golden.npz", "onnx": "model.onnx"},
            summary=f"{described.model} in {attempt.precision}: {attempt.verdict.sentence()}",
            facts={
                "model": visited.signature.model,
                "precision": attempt.precision,
                "steps": list(attempt.steps),
                "rows": len(visited.golden),
                "synthetic": visited.synthetic,
                "largest_difference": attempt.verdict.largest,
            },
            notes=visited.notes + _caution(attempt),
        )

    def _way_on(self, original: Original) -> str:
        if self.dtype != "auto":
            return "try --set dtype=auto"
        return f"no precision helps; mlship inspect {original.path.name} shows which steps skl2onnx converts"

    def _best(self, original: Original, visited: Visited, progress: Progress) -> _Attempt:
        """Return the first attempt that passes, else the first that ran at all."""
        failed: list[_Attempt] = []
        problems: list[MlshipError] = []
        for precision in _precisions(self.dtype):
            progress(f"converting in {precision}")
            try:
                attempt = _attempt(original, visited, precision)
            except (UnsupportedModelError, ModelError) as error:
                problems.append(error)
                continue
            if attempt.verdict.passed:
                return attempt
            failed.append(attempt)
            if not any("skl2onnx" in step for step in attempt.steps):
                break  # our own converters know one precision only
        if failed:
            return failed[0]
        raise problems[0]


def _precisions(dtype: str) -> Iterator[Precision]:
    if dtype in ("auto", "float64"):
        yield "float64"
    if dtype in ("auto", "float32"):
        yield "float32"


def _attempt(original: Original, visited: Visited, precision: Precision) -> _Attempt:
    described = visited.signature
    wanted = [output.name for output in described.outputs]
    tensors, columns = described.tensors, described.columns
    converted = graphs.convert(original.model, tensors, columns, outputs=wanted, dtype=precision)
    tolerance = parity.tolerance_of(described.model_copy(update={"precision": converted.precision}))
    verdict = runtime.parity(converted.content, visited.golden, tolerance)
    return _Attempt(converted.content, converted.precision, converted.route, verdict)


def _report(attempt: _Attempt) -> str:
    steps = {"precision": attempt.precision, "steps": attempt.steps}
    return json.dumps({**steps, **attempt.verdict.to_json()}, indent=2, default=str) + "\n"


def _refusal(original: Original, attempt: _Attempt) -> str:
    return f"model.onnx differs from {original.path.name}: {attempt.verdict.sentence()}"


def _caution(attempt: _Attempt) -> tuple[str, ...]:
    """Say so where the answers are not in double."""
    if attempt.precision == "float64":
        return ()
    others = ", ".join(step.partition(":")[0] for step in attempt.steps if "skl2onnx" in step)
    return (f"{others} could not be converted in double: answers may differ by {parity.FLOAT.relative:g} relative",)
