"""scikit-learn to ONNX: the signature, the golden set and the first route whose answers are the original's."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mlship import golden, graphs, parity, runtime, signature
from mlship.artifacts import write_atomic
from mlship.converters.fault import step_at_fault
from mlship.errors import GateError, MlshipError, ModelError, UnsupportedModelError
from mlship.originals.native import can_keep
from mlship.originals.visit import Visited, visit, without_missing
from mlship.stages import Converter, Original, Outcome, Progress

Precision = Literal["float64", "float32"]


#: float32 is taken where its file is at most this share of the one in double.
_WORTH = 0.8


@dataclass(frozen=True)
class _Attempt:
    """A converted model and how it compares."""

    converted: graphs.Conversion
    verdict: parity.Verdict

    @property
    def content(self) -> bytes:
        return self.converted.content

    @property
    def precision(self) -> Precision:
        return self.converted.precision

    @property
    def steps(self) -> tuple[str, ...]:
        """Who converted which step."""
        return self.converted.route


class OnnxConverter(Converter):
    """Convert scikit-learn models to ONNX: own converters in double first, skl2onnx for the steps they do not know."""

    libraries = ("scikit-learn", "numpy", "pandas", "onnx", "onnxruntime", "skl2onnx", "protobuf")

    target: str | None = Field(None, description="column of the sample that holds the true answers")
    golden_rows: int = Field(1000, gt=0, le=1_000_000, description="rows of the sample that are kept as golden set")
    seed: int = Field(0, description="seed that chooses rows, where the sample has more")
    precision: Literal["auto", "float64", "float32"] = Field(
        "auto", description="of the graph; auto is float64, unless float32 is as exact and smaller, or all there is"
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
            raise GateError(_refusal(original, visited, attempt), self._way_on(original))
        write_atomic(out / "model.onnx", attempt.content)
        return Outcome(
            artifacts={"signature": "signature.json", "golden": "golden.npz", "onnx": "model.onnx"},
            summary=f"{described.model} in {_wording(attempt)}: {attempt.verdict.sentence()}",
            facts={
                "model": visited.signature.model,
                "precision": attempt.precision,
                "steps": list(attempt.steps),
                "rows": len(visited.golden),
                "synthetic": visited.synthetic,
                **visited.reached.facts(),
                "largest_difference": attempt.verdict.largest,
            },
            notes=visited.notes + _caution(attempt),
        )

    def _way_on(self, original: Original) -> str:
        if self.precision != "auto":
            return "try --precision auto"
        shown = f"mlship inspect {original.path.name} shows which steps skl2onnx converts"
        way = "; --to native serves it with its own library" if _is_kept(original.model) else ""
        return f"no precision helps; {shown}{way}"

    def _best(self, original: Original, visited: Visited, progress: Progress) -> _Attempt:
        """Return the first attempt that passes, else the first that ran at all."""
        failed: list[_Attempt] = []
        problems: list[MlshipError] = []
        for form in _forms(self.precision):
            progress(f"converting in {form.precision}")
            try:
                attempt = _attempt(original, visited, form)
            except (UnsupportedModelError, ModelError) as error:
                problems.append(error)
                continue
            if attempt.verdict.passed:
                return _lighter(attempt, visited) if self.precision == "auto" else attempt
            failed.append(attempt)
            if form == _DOUBLE and not any("skl2onnx" in step for step in attempt.steps):
                break  # our own converters know one precision only
        if failed:
            return failed[0]
        raise _with_way_out(problems[0], original)


@dataclass(frozen=True)
class _Form:
    """What to convert to: the precision of the graph, and the one that skl2onnx is asked for."""

    precision: Precision
    others: Precision


_DOUBLE, _PARTLY, _SINGLE = _Form("float64", "float64"), _Form("float64", "float32"), _Form("float32", "float32")


def _forms(precision: str) -> tuple[_Form, ...]:
    return {"auto": (_DOUBLE, _PARTLY), "float64": (_DOUBLE,), "float32": (_SINGLE,)}[precision]


def _attempt(original: Original, visited: Visited, form: _Form) -> _Attempt:
    described = visited.signature
    wanted = [output.name for output in described.outputs]
    converted = graphs.convert(
        original.model, described.tensors, described.columns, outputs=wanted, dtype=form.others, single=form == _SINGLE
    )
    tolerance = parity.tolerance_of(described.model_copy(update={"precision": converted.precision}))
    verdict = runtime.parity(converted.content, visited.golden, tolerance)
    return _Attempt(converted, verdict)


def _lighter(attempt: _Attempt, visited: Visited) -> _Attempt:
    """Return the same graph in float32 where that is much smaller and as exact as double must be, on all rows."""
    if not attempt.converted.rounds_first:
        return attempt
    single = attempt.converted.narrowed()
    if len(single.content) > _WORTH * len(attempt.content):
        return attempt
    few = visited.golden.take(slice(0, 100))  # nearly all differ at once
    for rows in (few, visited.golden):
        verdict = runtime.parity(single.content, rows, parity.DOUBLE)
        if not verdict.passed:
            return attempt
    return _Attempt(single, verdict)


def _with_way_out(problem: MlshipError, original: Original) -> MlshipError:
    """Name the way around ONNX where there is one."""
    if not isinstance(problem, UnsupportedModelError) or not can_keep(original.model):
        return problem
    if not _is_kept(original.model):
        way = "bring a converter for it: entry point mlship.graphs (docs/how-to/convert-your-own-transformer.md)"
        return UnsupportedModelError(problem.message, f"{problem.hint}; or {way}" if problem.hint else way)
    way = "serve it with its own library: --to native"
    return UnsupportedModelError(problem.message, f"{problem.hint}; or {way}" if problem.hint else way)


def _is_kept(model: Any) -> bool:
    """Say whether ``--to native`` can take ``model``: a format for it, and packages that bring the steps' classes."""
    parts: Collection[Any] = getattr(model, "get_params", dict)().values()
    modules = {type(part).__module__.partition(".")[0] for part in (model, *parts) if hasattr(part, "fit")}
    return can_keep(model) and modules <= packages_distributions().keys() | {"mlship"}


def _report(attempt: _Attempt) -> str:
    steps = {"precision": attempt.precision, "steps": attempt.steps}
    return json.dumps({**steps, **attempt.verdict.to_json()}, indent=2, default=str) + "\n"


def _refusal(original: Original, visited: Visited, attempt: _Attempt) -> str:
    first = attempt.verdict.first
    step = step_at_fault(original.model, visited, first.row) if first else ""
    where = f"; at fault is {step}" if step else ""
    return f"model.onnx differs from {original.path.name}: {attempt.verdict.sentence()}{where}"


def _wording(attempt: _Attempt) -> str:
    if attempt.precision == "float64" or attempt.converted.single:
        return attempt.precision
    foreign = any("skl2onnx" in step for step in attempt.steps)
    return "float64, partly float32" if foreign else "float64, with the original's own float32"


def _caution(attempt: _Attempt) -> tuple[str, ...]:
    """Say so where the answers are not in double although the original's are."""
    others = ", ".join(step.partition(":")[0] for step in attempt.steps if "skl2onnx" in step)
    if attempt.precision == "float64" or not others:
        return ()
    return (f"{others} could not be converted in double: answers may differ by {parity.FLOAT.relative:g} relative",)
