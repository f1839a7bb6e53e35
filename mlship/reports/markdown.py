"""report.md: what a pull request needs to know, short; the tables are folded."""

import html
import re
from collections.abc import Iterator, Sequence

from mlship import formats
from mlship.reports import differences, page, pivots, words
from mlship.reports.model import Report
from mlship.reports.pivots import Table
from mlship.reports.summary import Key, keys, summarise

_SIGNS = {"passed": "✅", "failed": "❌", "unclear": "❔", "better": "✅", "worse": "❌"}
_MARKS = re.compile(r"([\\`*_\[\]#|~])")
#: Where GitHub and GitLab see a link, a mention or an issue in plain text, escaped or not.
_LINKED = re.compile(r"@|:(?=//)|\bwww(?=\.)|#(?=\d)", re.IGNORECASE)
_NO_WIDTH = "&#8203;"


def text(report: Report) -> str:
    """Return the page in GitHub's Markdown; names are escaped, so that they are neither markup nor links."""
    return "\n".join([*_head(report), *_gates(report), *_figures(report), *_tables(report), *_machine(report)])


def _head(report: Report) -> Iterator[str]:
    yield from (f"# Benchmark of {_plain(report.model)}", "", f"**{_plain(summarise(report))}**", "")
    if report.interrupted:
        yield from ("> Stopped early: this is what was measured until then.", "")


def _gates(report: Report) -> Iterator[str]:
    if report.verdicts:
        rows = [
            (f"{_SIGNS[each.outcome]} {each.outcome}", _code(each.expression), _plain(each.sentence))
            for each in report.verdicts
        ]
        yield from (*_table(("gate", "", ""), rows), "")


def _figures(report: Report) -> Iterator[str]:
    """Show the key figures, with their change against the baseline where there is one."""
    found = keys(report)
    if found:
        older = {(each.metric, each.of, each.load): each for each in differences.to_baseline(report)}
        header = ("figure", "", "95 % interval", *(("against the baseline",) if report.baseline else ()))
        yield from (*_table(header, [_figure(key, older, bool(report.baseline)) for key in found]), "")
    others = page.changed(differences.to_other(report))
    if others:
        rows = [
            (_plain(each.name), each.before, each.after, f"{each.change} ({each.interval})", _effect(each.effect))
            for each in others
        ]
        yield from (*_table(("", "other", "this", "change", ""), rows), "")
    yield from (line for note in [*report.notes, *page.doubts(report)] for line in (f"> {_plain(note)}", ""))


def _figure(
    key: Key,
    older: dict[tuple[str, str, str], differences.Difference],
    compared: bool,  # noqa: FBT001
) -> tuple[str, ...]:
    name = f"{key.label} ({key.detail})" if key.detail else key.label
    cells = (_plain(name), f"**{key.figure}**", words.interval(key.measurement) if key.measurement else "")
    if not compared:
        return cells
    found = older.get((key.measurement.metric, key.measurement.of, key.measurement.load)) if key.measurement else None
    if found is None or found.ratio is None:
        return (*cells, "")
    return (*cells, f"{words.change(found.ratio)} {_effect(found.effect)}")


def _effect(effect: words.Effect) -> str:
    return "not clear" if effect == "unclear" else f"{_SIGNS[effect]} {effect}"


def _tables(report: Report) -> Iterator[str]:
    for make in (pivots.in_process, pivots.service, pivots.models, pivots.resources):
        if (found := make(report)) is not None:
            yield from (
                "<details>",
                f"<summary>{found.caption}</summary>",
                "",
                *_pivot(found),
                "",
                "</details>",
                "",
            )


def _pivot(content: Table) -> Iterator[str]:
    rows = [
        (_plain(f"{title}: {row.name}" if title else row.name), *(cell.figure if cell else "" for cell in row.cells))
        for title, group in content.groups
        for row in group
    ]
    return _table((content.first, *content.columns), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _machine(report: Report) -> Iterator[str]:
    host = report.host
    quota = f", limited to {formats.number(host.quota_cores)}" if host.quota_cores else ""
    libraries = "".join(f", {name} {version}" for name, version in host.libraries.items())
    told = (
        f"{host.cpu_model}, {host.usable_cores} of {host.cores} cores usable{quota}, {formats.size(host.memory_bytes)} "
        f"memory; {host.system} {host.kernel}, Python {host.python}{libraries}."
    )
    yield from ("<sub>", "", _plain(told), "", "</sub>", "")


def _plain(words_: str) -> str:
    """Write text that is only text: in one line, no markup, no HTML, and nothing that becomes a link by itself."""
    escaped = html.escape(_MARKS.sub(r"\\\1", " ".join(words_.split())), quote=False)
    return _LINKED.sub(lambda found: found[0] + _NO_WIDTH, escaped)


def _code(words_: str) -> str:
    """Write code in a table: a fence that is longer than any in it, and no bar."""
    flat = " ".join(words_.split()).replace("|", "\\|")
    fence = "`" * (max((len(found) for found in re.findall("`+", flat)), default=0) + 1)
    return f"{fence} {flat} {fence}" if len(fence) > 1 else f"`{flat}`"
