"""The history of a project's benchmarks: benchmarks.jsonl, one line a release, and the page that plots it."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlship.artifacts import write_atomic
from mlship.errors import DataError
from mlship.rendering import render
from mlship.reports import pivots, words
from mlship.reports.drawing import MOST_LINES, Axis, Line, Plot, Values
from mlship.reports.metrics import METRICS
from mlship.reports.model import SCHEMA_VERSION, Host, Measurement, Report
from mlship.reports.page import assets
from mlship.reports.pivots import Cell, Row, Table

#: What makes figures those of another machine. Versions of libraries are left out: they are what releases change.
_MACHINE = ("system", "machine", "cpu_model", "usable_cores", "quota_cores", "governor")
_SHOWN = tuple(name for name in METRICS if name not in {"p90", "p95", "p99.9", "max", "pss"})
#: Of the entries in the table: more are in the plots.
_COLUMNS = 6
_MODELS = ("optimised", "converted", "native")
_SERVICES = ("service", "this")

Key = tuple[str, str, str]


class Entry(BaseModel):
    """A line of the history: a report without its rounds, curves and loads."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    schema_version: Literal[2] = SCHEMA_VERSION
    saved: str = Field(description="when, in ISO 8601")
    revision: str = Field(description="of the project, or a release's name")
    kind: Literal["workspace", "url", "comparison"]
    model: str
    task: str
    host: Host
    reference: tuple[float, ...] = Field(description="seconds of the reference kernel, one a round")
    measurements: tuple[Measurement, ...]
    address: str | None = Field(None, description="of the service, where the benchmark was that of an address")


def append(report: Report, file: Path, *, revision: str, saved: str) -> Entry:
    """Add a line to ``file`` and return it; ``saved`` is the time in ISO 8601.

    Raises DataError when a line that is there already is damaged, OSError when the file cannot be read or written.
    """
    kept: dict[str, Any] = {name: getattr(report, name) for name in ("kind", "model", "task", "host", "reference")}
    address = report.subjects.get("service") if report.kind == "url" else None
    entry = Entry(saved=saved, revision=revision, measurements=_kept(report), address=address, **kept)
    if file.exists():
        read(file)
    before = file.read_bytes() if file.exists() else b""
    document = entry.model_dump(mode="json")
    document["measurements"] = [each.model_dump(mode="json", exclude_defaults=True) for each in entry.measurements]
    line = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_atomic(file, before + b"\n" * (before[-1:] not in {b"", b"\n"}) + line.encode() + b"\n")
    return entry


def read(file: Path) -> list[Entry]:
    """Return the lines of ``file``, oldest first; empty lines are passed over.

    Raises DataError that names by its number the first line that is damaged or of another schema version, or says that
    there is no such file.
    """
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError as error:
        raise DataError(f"there is no history at '{file}'", "mlship benchmark --save") from error
    except OSError as error:
        hint = "give a file of mlship benchmark --save"
        raise DataError(f"the history '{file}' cannot be read: {error.strerror}", hint) from error
    return [_entry(line, f"'{file}', line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def page(entries: Sequence[Entry]) -> str:
    """Return history.html: a plot for each metric over the entries, marked where the machine changed."""
    kinds = [("In process", _called), ("Over HTTP", _loaded), ("Without load", _plain)]
    sections = [(title, _plots(entries, fits)) for title, fits in kinds]
    values = {
        "entries": entries,
        "sections": [(title, found) for title, found in sections if found],
        "moved": [entries[at] for at in _moves(entries)],
        "table_of": _table(entries),
        **assets([plot for _, found in sections for plot in found]),
    }
    return render("report/history.html.j2", values)


def _kept(report: Report) -> tuple[Measurement, ...]:
    """Return the measurements without rounds, in six significant digits: a repository keeps each line for ever."""
    found = []
    for each in report.measurements:
        ends = {name: getattr(each, name) for name in ("value", "low", "high")}
        short = {name: None if end is None else float(f"{end:.6g}") for name, end in ends.items()}
        found.append(each.model_copy(update={**short, "rounds": ()}))
    return tuple(found)


def _entry(line: bytes, where: str) -> Entry:
    _require_version(line, where)
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{place}: {first['msg']}" if place else first["msg"]
        raise DataError(f"{where} is damaged: {what}", "take that line out, or restore it from git") from error


def _require_version(line: bytes, where: str) -> None:
    try:
        document = json.loads(line)
    except ValueError:
        return  # damaged, as validation says better
    version = document.get("schema_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version != SCHEMA_VERSION:
        told = (
            f"{where} was written by another mlship: it has schema version {version}, this one reads {SCHEMA_VERSION}"
        )
        raise DataError(told, "move the older lines to a file of their own: their figures were measured otherwise")


def _called(key: Key) -> bool:
    return words.rows_of(key[2]) is not None


def _plain(key: Key) -> bool:
    return not key[2]


def _loaded(key: Key) -> bool:
    return not _called(key) and not _plain(key)


def _moves(entries: Sequence[Entry]) -> list[int]:
    """Return the numbers of the entries that were made on another machine than the one before."""
    machines = [tuple(getattr(entry.host, field) for field in _MACHINE) for entry in entries]
    return [at for at, (before, now) in enumerate(itertools.pairwise(machines), 1) if before != now]


def _plots(entries: Sequence[Entry], fits: Any) -> list[Plot]:
    found = [_index(entry) for entry in entries]
    keys = [key for key in dict.fromkeys(key for each in reversed(found) for key in each) if fits(key)]
    grouped = {metric: [key for key in keys if key[0] == metric][:MOST_LINES] for metric in _SHOWN}
    return [_plot(metric, group, entries, found) for metric, group in grouped.items() if group]


def _index(entry: Entry) -> dict[Key, Measurement]:
    """Return what is shown: the service, and of the models the one that is served."""
    measured = {each.of for each in entry.measurements}
    shown = {*_SERVICES, next((name for name in _MODELS if name in measured), "")}
    return {(each.metric, each.of, each.load): each for each in entry.measurements if each.of in shown}


def _plot(metric: str, keys: Sequence[Key], entries: Sequence[Entry], found: Sequence[dict[Key, Measurement]]) -> Plot:
    moves, unit = _moves(entries), METRICS[metric].unit
    runs = _runs(len(entries), moves)
    lines = []
    for colour, key in enumerate(keys):
        values = _values(found, key, "value")
        order = tuple(tuple(at for at in run if values[at] is not None) for run in runs)
        ends = {end: _values(found, key, end) for end in ("low", "high")}
        lines.append(Line(_name(key), values, colour, "both", order=order, low=ends["low"], high=ends["high"]))
    largest = [max(value for value in line.values if value is not None) for line in lines]
    return Plot(
        words.title(metric),
        f"{words.title(metric)} over {len(entries)} entries, of {', '.join(line.name for line in lines)}",
        tuple(float(at) for at in range(len(entries))),
        Axis("", "index"),
        Axis(words.title(metric), unit, log=unit == "s" and min(largest) > 0 and max(largest) > 5 * min(largest)),
        tuple(lines),
        labels=tuple(entry.revision for entry in entries),
        places=tuple((at - 0.5, "another machine") for at in moves),
    )


def _runs(count: int, moves: Sequence[int]) -> list[range]:
    """Return the numbers of entries that were made on one machine after another."""
    return [range(start, end) for start, end in itertools.pairwise([0, *moves, count])]


def _values(found: Sequence[dict[Key, Measurement]], key: Key, field: Literal["value", "low", "high"]) -> Values:
    return tuple(getattr(each[key], field) if key in each else None for each in found)


def _name(key: Key) -> str:
    return f"{key[1]}, {words.load(key[2])}" if key[2] else key[1]


def _table(entries: Sequence[Entry]) -> Table:
    """Lay out the newest entry's figures, a row each, with those of the entries before it beside them."""
    shown = [*reversed(entries)][:_COLUMNS]
    found = [_index(entry) for entry in shown]
    keys = [key for key in (found[0] if found else {}) if key[0] in _SHOWN]
    metrics = list(dict.fromkeys(key[0] for key in keys))
    groups = [(words.title(metric), tuple(_row(key, found) for key in keys if key[0] == metric)) for metric in metrics]
    columns = tuple(f"{entry.revision} ({entry.saved[:10]})" for entry in shown)
    return pivots.Table("Newest entries", "figure", columns, tuple(groups))


def _row(key: Key, found: Sequence[dict[Key, Measurement]]) -> Row:
    cells = (each.get(key) for each in found)
    return Row(
        _name(key),
        tuple(
            Cell(words.figure(key[0], each.value), words.interval(each, short=True)) if each else None for each in cells
        ),
    )
