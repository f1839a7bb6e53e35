"""From the flat list of measurements to tables: a row for each thing measured, a column for each metric."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from mlship.reports import words
from mlship.reports.metrics import METRICS
from mlship.reports.model import Call, Measurement, Report

_QUALITY = ("size", "accuracy", "f1", "auc", "r2", "mae")


@dataclass(frozen=True)
class Cell:
    """A figure, with what stands small below it."""

    figure: str
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """A row of a table; an empty cell is None."""

    name: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Table:
    """Groups of rows, each with its title, which is empty where there is but one."""

    caption: str
    first: str
    columns: tuple[str, ...]
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


def in_process(report: Report) -> Table | None:
    """Lay out what was measured in process: a group for each number of rows in a call."""
    chosen = [each for each in report.measurements if words.rows_of(each.load) is not None]
    calls = {(call.load, call.of): _calls(call) for call in report.calls}
    return _grouped("Calls in process", "model", chosen, ("calls", calls) if calls else None)


def service(report: Report) -> Table | None:
    """Lay out what was measured under load: a row for each load, grouped by load where several were measured."""
    chosen = [each for each in report.measurements if each.load and words.rows_of(each.load) is None]
    if len({each.of for each in chosen}) > 1:
        return _grouped("Service under load", "service", chosen)
    metrics = _metrics(chosen)
    rows = _rows(chosen, metrics, key=lambda each: each.load, name=words.load)
    return Table("Service under load", "load", _titles(metrics), (("", rows),)) if rows else None


def models(report: Report) -> Table | None:
    """Lay out quality and size of each model."""
    return _plain(report, "Quality and size", lambda each: each.metric in _QUALITY)


def resources(report: Report) -> Table | None:
    """Lay out what belongs to no load and is neither quality nor size: memory, cold start, cost."""
    return _plain(report, "Memory, start and cost", lambda each: each.metric not in _QUALITY)


def _plain(report: Report, caption: str, fits: Callable[[Measurement], bool]) -> Table | None:
    chosen = [each for each in report.measurements if not each.load and fits(each)]
    metrics = _metrics(chosen)
    rows = _rows(chosen, metrics, key=lambda each: each.of, name=str)
    return Table(caption, "of", _titles(metrics), (("", rows),)) if rows else None


def _grouped(
    caption: str,
    first: str,
    chosen: Sequence[Measurement],
    last: tuple[str, dict[tuple[str, str], Cell]] | None = None,
) -> Table | None:
    """Group by load; ``last`` is the title of a further column and its cells by load and name."""
    metrics, groups = _metrics(chosen), []
    for load in _unique(each.load for each in chosen):
        rows = _rows([each for each in chosen if each.load == load], metrics, key=lambda each: each.of, name=str)
        if last is not None:
            rows = tuple(Row(row.name, (*row.cells, last[1].get((load, row.name)))) for row in rows)
        groups.append((words.load(load), rows))
    titles = _titles(metrics) + ((last[0],) if last else ())
    return Table(caption, first, titles, tuple(groups)) if groups else None


def _rows(
    chosen: Sequence[Measurement],
    metrics: Collection[str],
    *,
    key: Callable[[Measurement], str],
    name: Callable[[str], str],
) -> tuple[Row, ...]:
    found = {
        (key(each), each.metric): Cell(words.figure(each.metric, each.value), words.interval(each, short=True))
        for each in chosen
    }
    names = _unique(key(each) for each in chosen)
    return tuple(Row(name(row), tuple(found.get((row, metric)) for metric in metrics)) for row in names)


def _metrics(chosen: Iterable[Measurement]) -> tuple[str, ...]:
    """Return the metrics that occur, known ones first and in the order in which they are declared."""
    occurring = _unique(each.metric for each in chosen)
    return (*(name for name in METRICS if name in occurring), *(name for name in occurring if name not in METRICS))


def _titles(metrics: Iterable[str]) -> tuple[str, ...]:
    return tuple(words.title(metric) for metric in metrics)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _calls(call: Call) -> Cell:
    doubts = [] if call.stable else ["warm-up did not settle"]
    doubts += [] if call.reached else ["interval still wide"]
    return Cell(f"{call.calls:,}", ", ".join(doubts))
