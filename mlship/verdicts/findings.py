"""Find what a gate is held against: a figure, or its change against another workspace or an older benchmark."""

import math
from dataclasses import dataclass

from mlship.errors import UsageError
from mlship.reports.metrics import FACTS
from mlship.reports.model import Measurement, Report
from mlship.verdicts import changes
from mlship.verdicts.baseline import Baseline
from mlship.verdicts.changes import Known
from mlship.verdicts.expressions import Gate
from mlship.verdicts.subjects import OTHER, Subject, path


@dataclass(frozen=True)
class Finding:
    """What is held against a limit: a figure, or its change as a share where ``against`` names something.

    ``fixed`` is the part of ``known`` that more measuring does not change, on the logarithmic scale; ``assumed`` is the
    share by which figures that were measured once were taken to differ from run to run.
    """

    known: Known
    figure: Known | None
    against: str = ""
    fixed: float = 0.0
    assumed: float = 0.0


def find(gate: Gate, subject: Subject, report: Report, baseline: Baseline | None, *, across_hosts: bool) -> Finding:
    """Return what ``gate`` is held against for ``subject``; see ``judge``."""
    measured = report.find(gate.metric.name, *subject)
    figure = changes.known(measured) if measured else None
    if gate.relative:
        return _compared(gate, subject, report, measured) or _since(
            gate, subject, report, measured, baseline, across_hosts=across_hosts
        )
    if figure is None:
        raise UsageError(f"'{gate.expression}': only its change was measured", "such as '+10%'")
    return Finding(figure, figure)


def _compared(gate: Gate, subject: Subject, report: Report, measured: Measurement | None) -> Finding | None:
    """Return the change against the other side of a comparison, None where there is none."""
    name = report.subjects.get(OTHER, OTHER)
    wanted = (gate.metric.name, *subject, OTHER)
    ratio = next((each for each in report.ratios if (each.metric, each.of, each.load, each.over) == wanted), None)
    if ratio is not None:
        figure = changes.known(measured) if measured else None
        return Finding(Known(ratio.estimate, ratio.low, ratio.high).shifted(-1), figure, name)
    other = report.find(gate.metric.name, OTHER, subject[1])
    if measured is None or other is None:
        return None
    change = _quotient(gate, measured, other, name).shifted(-1)
    return Finding(change, changes.known(measured), name, assumed=_assumed(measured, other))


def _since(
    gate: Gate,
    subject: Subject,
    report: Report,
    measured: Measurement | None,
    baseline: Baseline | None,
    *,
    across_hosts: bool,
) -> Finding:
    """Return the change since ``baseline``, as unsure as what the machine was worth then and now makes it."""
    if baseline is None or measured is None:
        raise UsageError(f"'{gate.expression}' is a change, and there is nothing to compare with", "--baseline FILE")
    older = _older(gate, subject, baseline)
    ratio, figure = _quotient(gate, measured, older, f"'{baseline.name}'"), changes.known(measured)
    own = changes.reach(changes.quotient(figure, Known(older.value, older.value, older.value)), 1 + gate.limit)
    worth = changes.machine(report.reference, baseline.reference)
    corrected = changes.corrected(ratio, worth, gate.metric.name)
    if across_hosts:
        ratio = corrected
    elif not worth.low <= 1 <= worth.high:
        ratio = changes.hull(ratio, corrected)
    fixed = math.sqrt(max(changes.reach(ratio, 1 + gate.limit) ** 2 - own**2, 0.0))
    return Finding(ratio.shifted(-1), figure, baseline.name, fixed, _assumed(measured, older))


def _assumed(*measurements: Measurement) -> float:
    return max(changes.assumed(each) for each in measurements)


def _quotient(gate: Gate, measured: Measurement, base: Measurement, name: str) -> Known:
    """Return ``measured`` over ``base``, which is called ``name``; raises UsageError where that has no meaning."""
    metric = gate.metric
    if metric.name in FACTS:
        hint = "give a limit of its own, or take p99.9" if metric.unit == "s" else "give a limit of its own: 0.1%"
        raise UsageError(f"'{gate.expression}': {metric.name} of one run against another's tells nothing", hint)
    if base.value <= 0 or measured.value < 0:
        message = f"'{gate.expression}': {metric.name} is {base.value:g} in {name}, and {measured.value:g} now"
        raise UsageError(f"{message}: that is no change in percent", "give a limit of its own, without a sign")
    return changes.quotient(changes.comparable(measured), changes.comparable(base))


def _older(gate: Gate, subject: Subject, baseline: Baseline) -> Measurement:
    alike = [each for each in baseline.measurements if each.metric == gate.metric.name]
    for each in alike:
        if (each.of, each.load) == subject:
            return each
    there = ", ".join(dict.fromkeys(path(each.of, each.load) for each in alike))
    hint = f"it has {gate.metric.name} at: {there}" if there else f"it has no {gate.metric.name} at all"
    raise UsageError(f"'{gate.expression}': '{baseline.name}' has no {gate.metric.name} at '{path(*subject)}'", hint)
