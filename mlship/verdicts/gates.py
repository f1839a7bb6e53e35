"""The gates of one benchmark: read before anything is measured, judged when it has been."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mlship.errors import UsageError
from mlship.reports.model import Report
from mlship.verdicts import baseline as baselines
from mlship.verdicts import judging
from mlship.verdicts.baseline import Baseline
from mlship.verdicts.expressions import Gate, parse_all
from mlship.verdicts.findings import find
from mlship.verdicts.subjects import subjects

#: What makes a benchmark measure what it would not otherwise.
_HOW = {"capacity": "--slo p99=20ms", "cost": "--price 0.2, with --connections"}


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
        kind: str = "workspace",
        address: str | None = None,
    ) -> Self:
        """Read gates and the older report, of a history that of the same ``kind`` and ``address``.

        Raises UsageError for what is wrong with either.
        """
        older = baselines.read(baseline, kind=kind, address=address) if baseline else None
        return cls(parse_all(expressions, compared=compared or older is not None), older, strict, across_hosts)

    @property
    def tolerate(self) -> bool:
        """Whether failed requests are a figure rather than the end: there is a gate on them."""
        return any(gate.metric.name == "errors" for gate in self.gates)

    def require_fit(self, planned: Report) -> None:
        """Ask before anything is measured: ``planned`` has the machine, the task, and a stand-in for each figure.

        Raises UsageError where the older report is of another machine or task, or a gate is about nothing that is going
        to be measured, or about a change of what the older report does not have.
        """
        if self.baseline:
            baselines.require_comparable(planned, self.baseline, across_hosts=self.across_hosts)
        for gate in self.gates:
            self._require_planned(gate, planned)

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

    def _require_planned(self, gate: Gate, planned: Report) -> None:
        name = gate.metric.name
        metrics = list(dict.fromkeys(each.metric for each in planned.measurements))
        if name not in metrics:
            hint = _HOW.get(name, f"there will be: {', '.join(metrics)}")
            raise UsageError(f"'{gate.expression}': {name} is not going to be measured", hint)
        problems = []
        for subject in subjects(gate, planned):
            try:
                find(gate, subject, planned, self.baseline, across_hosts=self.across_hosts)
            except UsageError as error:
                problems.append(error)
            else:  # of the others it is known afterwards only: a percentile takes enough answers
                return
        raise problems[0]
