"""Judge a report by gates: one fires only where the whole interval of what it is about lies beyond its limit.

Several gates do not multiply false alarms as tests of "no change" would: while a figure is d below a limit, its whole
interval comes to lie beyond only where noise moves it by d and half the interval's width more. Only a figure that is
at its limit indeed fires in one of forty runs. That needs intervals that are true, and those of a stored baseline lack
what differs between two runs of the same thing; that of interleaved rounds does not.
"""

import math
from collections.abc import Sequence
from typing import Literal

from mlship.errors import GateError
from mlship.reports.model import Report, Verdict
from mlship.verdicts.baseline import Baseline
from mlship.verdicts.changes import reach
from mlship.verdicts.expressions import Gate
from mlship.verdicts.findings import Finding, find
from mlship.verdicts.sentences import sentence
from mlship.verdicts.subjects import Subject, subjects

#: No more is asked for, in minutes: whoever needs an hour for a benchmark needs another machine.
LONGEST = 60.0

Outcome = Literal["passed", "failed", "unclear"]


def judge(
    report: Report, gates: Sequence[Gate], baseline: Baseline | None = None, *, across_hosts: bool = False
) -> tuple[Verdict, ...]:
    """Return a verdict for each figure that each gate is about.

    A change is that against the other side of a comparison, by the ratio of their interleaved rounds, else that
    against ``baseline``. There the machine's own worth is told by the reference kernel: where it differs between the
    two runs the interval reaches from the plain change to the corrected one, and ``across_hosts`` takes the latter.
    Raises UsageError where a gate is about nothing that was measured, here or in the baseline.
    """
    return tuple(
        _verdict(gate, subject, find(gate, subject, report, baseline, across_hosts=across_hosts), report)
        for gate in gates
        for subject in subjects(gate, report)
    )


def outcome(gate: Gate, low: float, high: float) -> Outcome:
    """Return what becomes of a gate on a figure, or its change as a share, between ``low`` and ``high``."""
    if gate.beyond(low) and gate.beyond(high):
        return "failed"
    return "unclear" if gate.beyond(low) or gate.beyond(high) else "passed"


def refuse(verdicts: Sequence[Verdict], *, strict: bool = False) -> None:
    """Raise GateError, with their sentences, where gates fired; where ``strict`` for those that cannot tell too."""
    failed = [verdict for verdict in verdicts if verdict.outcome == "failed"]
    unclear = [verdict for verdict in verdicts if verdict.outcome == "unclear"] if strict else []
    if not failed and not unclear:
        return
    hint = "measure longer, or on a quieter machine: unclear counts as failed with --strict" if unclear else ""
    raise GateError("; ".join(verdict.sentence for verdict in [*failed, *unclear]), hint)


def _verdict(gate: Gate, subject: Subject, finding: Finding, report: Report) -> Verdict:
    known, (of, load) = finding.known, subject
    became = outcome(gate, known.low, known.high)
    minutes = _minutes(gate, finding, _seconds(report, subject)) if became == "unclear" else None
    verdict = Verdict(
        expression=gate.expression,
        outcome=became,
        metric=gate.metric.name,
        of=of,
        load=load,
        value=known.value,
        low=known.low,
        high=known.high,
        limit=gate.limit,
        relative=gate.relative,
        minutes=minutes,
        sentence="",
    )
    return verdict.model_copy(update={"sentence": sentence(verdict, finding.figure, finding.against, finding.assumed)})


def _minutes(gate: Gate, finding: Finding, seconds: float) -> float | None:
    """Return how many more minutes would tell; None where none would, or it is not known how long this one took.

    The half width w of an interval shrinks with 1/sqrt(time), as long as noise stays as it is. From a value that lies
    d from the limit, and with a part f of w that stays (the baseline's), it gets off the limit at
    t (w^2 - f^2) / (d^2 - f^2), of which t seconds are over.
    """
    if not seconds:
        return None
    limit = gate.limit
    if gate.relative:
        ratio = finding.known.shifted(1)
        distance, width = abs(math.log(max(ratio.value, 1e-9) / max(1 + limit, 1e-9))), reach(ratio, 1 + limit)
    else:
        known = finding.known
        distance = abs(known.value - limit)
        width = known.high - known.value if known.value <= limit else known.value - known.low
    left, own = distance**2 - finding.fixed**2, width**2 - finding.fixed**2
    if left <= 0 < finding.fixed:
        return None
    return LONGEST if own * seconds >= left * (seconds + LONGEST * 60) else seconds * max(own / left - 1, 0.0) / 60


def _seconds(report: Report, subject: Subject) -> float:
    """Return how long was measured: for the load, of all rounds, or of calls in process; 0 where that is not told."""
    of, load = subject
    if found := next((each for each in report.loads if each.name == load), None):
        return found.elapsed or found.seconds
    call = next((each for each in report.calls if (each.of, each.load) == (of, load)), None)
    median = report.find("p50", of, load)
    return call.calls * median.value if call and median else 0.0
