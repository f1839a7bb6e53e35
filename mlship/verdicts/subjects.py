"""Which figures of a report a gate is about."""

from collections.abc import Iterable, Sequence

from mlship.errors import UsageError
from mlship.plugins import nearest
from mlship.reports.model import Report
from mlship.verdicts.expressions import Gate

#: Without a name after @, the first of these that has the metric.
DEFAULTS = ("service", "this", "optimised", "converted", "native")

#: The side of a comparison that the other is held against.
OTHER = "other"

Subject = tuple[str, str]


def subjects(gate: Gate, report: Report) -> list[Subject]:
    """Return (of, load) of every figure that ``gate`` is about: what it names after @, else all loads of the default.

    Raises UsageError, with what there is, where nothing was measured by that name.
    """
    every = _measured(gate.metric.name, report)
    if not every:
        raise UsageError(f"'{gate.expression}': no {gate.metric.name} was measured", _measured_metrics(report))
    if gate.where:
        return _called(gate, every)
    if found := _default(every):
        return found
    raise UsageError(f"'{gate.expression}': say of what, after an @", f"there is: {', '.join(_names(every))}")


def label(metric: str, of: str, load: str) -> str:
    """Name a figure as a gate would: p99@c64, p50@converted/1 row."""
    where = load if of in DEFAULTS[:2] else path(of, load)
    return f"{metric}@{where}" if where else metric


def path(of: str, load: str) -> str:
    """Name what was measured under which load, in full: converted/1 row, service/c8, original."""
    return f"{of}/{load}" if load else of


def _measured(metric: str, report: Report) -> list[Subject]:
    """Return what has the metric, in the order of the report; the other side of a comparison is judged nowhere."""
    measured = [(each.of, each.load) for each in report.measurements if each.metric == metric]
    compared = [(each.of, each.load) for each in report.ratios if each.metric == metric and each.over == OTHER]
    return [each for each in dict.fromkeys([*measured, *compared]) if each[0] != OTHER]


def _called(gate: Gate, every: Sequence[Subject]) -> list[Subject]:
    """Return what the gate names: all loads of a subject, or one of them, else a load of what is meant by default."""
    wanted = _plain(gate.where)
    if named := [each for each in every if wanted in {_plain(each[0]), _plain(path(*each))}]:
        return named
    under = [each for each in every if _plain(each[1]) == wanted]
    if not under:
        message = f"'{gate.expression}': no {gate.metric.name} was measured at '{gate.where}'"
        raise UsageError(message, nearest(gate.where, _names(every)))
    if found := _default(under):
        return found
    there = ", ".join(path(*each) for each in under)
    raise UsageError(f"'{gate.expression}': say of what, after the @", f"there is: {there}")


def _default(every: Iterable[Subject]) -> list[Subject]:
    found = list(every)
    first = next((name for name in DEFAULTS if any(of == name for of, _ in found)), None)
    return [each for each in found if each[0] == first]


def _measured_metrics(report: Report) -> str:
    return f"there is: {', '.join(dict.fromkeys(each.metric for each in report.measurements)) or 'nothing'}"


def _names(every: Iterable[Subject]) -> list[str]:
    found = list(every)
    return list(
        dict.fromkeys(name for of, load in found for name in (load, of, f"{of}/{load}" if load else of) if name)
    )


def _plain(name: str) -> str:
    """Write a name without what is easily forgotten: 10,000 rows is 10000rows."""
    return name.replace(",", "").replace(" ", "").casefold()
