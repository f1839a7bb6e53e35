"""The gates of one benchmark: read before anything is measured, judged when it has been."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mlship.reports.model import Report
from mlship.verdicts import baseline as baselines
from mlship.verdicts import judging
from mlship.verdicts.baseline import Baseline
from mlship.verdicts.expressions import Gate, parse_all


@dataclass(frozen=True)
class Gates:
    """What must not be, and what figures are compared with; ``strict`` fails what cannot be told, too."""

    gates: Sequence[Gate] = field(default_factory=tuple)
    baseline: Baseline | None = None
    strict: bool = False
    across_hosts: bool = False

    @classmethod
    def read(
        cls,
        expressions: Sequence[str],
        baseline: Path | None,
        *,
        compared: bool = False,
        strict: bool = False,
        across_hosts: bool = False,
    ) -> Self:
        """Read gates and the older report; raises UsageError for what is wrong with either."""
        older = baselines.read(baseline) if baseline else None
        return cls(parse_all(expressions, compared=compared or older is not None), older, strict, across_hosts)

    @property
    def tolerate(self) -> bool:
        """Whether failed requests are a figure rather than the end: there is a gate on them."""
        return any(gate.metric.name == "errors" for gate in self.gates)

    def require_comparable(self, report: Report) -> None:
        """Raise UsageError where the older report is of another machine or task: asked before anything is measured."""
        if self.baseline:
            baselines.require_comparable(report, self.baseline, across_hosts=self.across_hosts)

    def judged(self, report: Report) -> Report:
        """Return the report with a verdict for each gate, and what it is compared with.

        Raises UsageError where the older one is of another machine or task, or a gate is about nothing in it.
        """
        told: dict[str, object] = {}
        if self.baseline:
            differences = baselines.require_comparable(report, self.baseline, across_hosts=self.across_hosts)
            notes = [f"not as in '{self.baseline.name}': {each.sentence()}" for each in differences]
            told["notes"] = (*report.notes, *notes)
            told["baseline"] = self.baseline.measurements
            told["subjects"] = {**report.subjects, "baseline": self.baseline.name}
        told["verdicts"] = judging.judge(report, self.gates, self.baseline, across_hosts=self.across_hosts)
        return report.model_copy(update=told)

    def refuse(self, report: Report) -> None:
        """Raise GateError where a gate of the report fired."""
        judging.refuse(report.verdicts, strict=self.strict)
