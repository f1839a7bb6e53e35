"""What a benchmark has measured so far, and the report that is made of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from mlship.errors import GateError, MlshipError
from mlship.golden import Golden
from mlship.measure import fingerprint, reference
from mlship.reports.model import Call, Capacity, Curve, Host, Load, Measurement, Ratio, Report, Timeline
from mlship.signature import Signature

#: Distributions whose versions decide how fast a model and a service answer: those that mlship brings, and others.
LIBRARIES = ("onnxruntime", "numpy", "scikit-learn", "fastapi", "uvicorn", "httptools")
_EXTRAS = ("flask", "django", "granian")

#: Rounds of the reference kernel before and after the measurements: what the machine was worth at both ends.
_REFERENCE = 8


@dataclass
class Collected:
    """Figures as they come; whatever ends the benchmark, they make a report."""

    measurements: list[Measurement] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    loads: list[Load] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    capacities: list[Capacity] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)
    parity: dict[str, Any] | None = None
    reference: list[float] = field(default_factory=lambda: [*reference(_REFERENCE)])

    def take(self, found: Any) -> None:
        """Add all that ``found`` has by the same names."""
        for name in ("measurements", "curves", "calls", "loads", "ratios", "notes"):
            getattr(self, name).extend(getattr(found, name, ()))

    @contextmanager
    def kept(self, report: Callable[[], Report], keep: Callable[[Report], None]) -> Iterator[None]:
        """Where an error ends the context, give ``keep`` the report of what was measured, if anything was.

        A wrong answer (GateError) is told as parity that failed; any other error as a note.
        """
        try:
            yield
        except MlshipError as error:
            if isinstance(error, GateError):
                self.parity = {**(self.parity or {}), "passed": False, "problem": error.message}
            self.notes.append(f"ended early: {error.message}")
            if self.measurements or self.parity:
                keep(report())
            raise

    def report(
        self,
        kind: Literal["workspace", "url", "comparison"],
        signature: Signature,
        golden: Golden,
        *,
        subjects: Mapping[str, str],
        options: Mapping[str, Any],
        interrupted: bool,
    ) -> Report:
        """Return the report; ``subjects`` say what was measured by which name."""
        self.reference += reference(_REFERENCE)
        return Report(
            kind=kind,
            model=signature.model,
            task=signature.task,
            loss=signature.loss or "",
            golden_rows=len(golden),
            subjects=dict(subjects),
            options=dict(options),
            host=Host(**fingerprint((*LIBRARIES, *_EXTRAS))),
            state=self.state,
            reference=tuple(self.reference),
            measurements=tuple(self.measurements),
            curves=tuple(self.curves),
            calls=tuple(self.calls),
            loads=tuple(self.loads),
            ratios=tuple(self.ratios),
            capacities=tuple(self.capacities),
            timelines=tuple(self.timelines),
            parity=self.parity,
            notes=tuple(dict.fromkeys(self.notes)),
            interrupted=interrupted,
        )
