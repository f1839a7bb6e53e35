"""The page of an optimisation: what is kept and why, and every candidate in plots and in a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlship import formats
from mlship.optimizers import scatter
from mlship.rendering import render as fill

Document = Mapping[str, Any]

_AIMS = {
    "latency": "the time a call, at all batch sizes alike",
    "throughput": "the time a call at the largest batch size",
    "size": "the size of the model file",
}


@dataclass(frozen=True)
class Cell:
    """A figure and, smaller, what it means beside the converted model; ``mark`` is better, worse or empty."""

    figure: str
    detail: str = ""
    mark: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """A candidate in the table; ``times`` are one cell for each batch size."""

    number: int
    name: str
    about: str
    score: Cell
    changes: Cell
    size: Cell
    times: tuple[Cell, ...]
    verdict: Cell
    kind: str


@dataclass(frozen=True)
class Card:
    """One figure that matters, what it is, and what must be known to read it."""

    figure: str
    label: str
    detail: str


def render(document: Document) -> str:
    """Return candidates.html for the content of candidates.json."""
    candidates = document["candidates"]
    kept = next((number for number, candidate in enumerate(candidates) if candidate["chosen"]), None)
    panels = scatter.panels(document)
    values = {
        "kept": kept,
        "headline": _headline(document, kept),
        "cards": _cards(document, candidates[kept]) if kept else [],
        "panels": panels,
        "kinds": {"below" if point.below else point.kind for panel in panels for point in panel.points},
        "unplotted": _unplotted(candidates),
        "batches": [_rows(batch) for batch in document["asked"]["batch"]],
        "labelled": _labelled(document),
        "measure": _measure(document),
        "rows": [_row(document, number, kept) for number in range(len(candidates))],
        "asked_for": _asked(document),
        "format": formats,
    }
    return fill("report/candidates.html.j2", {**document, **values})


def _headline(document: Document, kept: int | None) -> tuple[str, str]:
    reason = str(document["reason"])
    if kept:
        return f"Kept: {document['candidates'][kept]['name']}", reason
    return ("Nothing is kept", reason) if kept is None else (reason[:1].upper() + reason[1:], "")


def _cards(document: Document, kept: Mapping[str, Any]) -> list[Card]:
    base = document["candidates"][0]
    cards = []
    for batch, time in kept["times"].items():
        factor, words = _split(1 / time["estimate"], formats.gain)
        seconds = formats.seconds(time["seconds"])
        before = formats.seconds(base["times"][batch]["seconds"])
        detail = f"{seconds}, was {before}; 95\N{NO-BREAK SPACE}% interval {_interval(time)}"
        cards.append(Card(factor, f"{words}, {_rows(int(batch))}", detail))
    factor, words = _split(base["size_bytes"] / kept["size_bytes"], formats.shrinkage)
    sizes = f"{formats.size(kept['size_bytes'])}, was {formats.size(base['size_bytes'])}"
    return [*cards, Card(factor, words, sizes), _loss(document, kept)]


def _loss(document: Document, kept: Mapping[str, Any]) -> Card:
    quality = kept["quality"]
    score = f"score {quality['score']:.4f}, was {quality['reference']:.4f}"
    if _labelled(document):
        return Card(f"{quality['label_changes']:,}", f"of {quality['rows']:,} labels differ", score)
    return Card(f"{quality['score']:.4f}", _measure(document), f"was {quality['reference']:.4f}")


def _row(document: Document, number: int, kept: int | None) -> Row:
    candidate, base = document["candidates"][number], document["candidates"][0]
    return Row(
        number=number,
        name=candidate["name"],
        about=_about(candidate) if number else "what the others are held against",
        score=_score(candidate["quality"], is_base=not number),
        changes=_changes(candidate["quality"]),
        size=_size(candidate["size_bytes"], base["size_bytes"], is_base=not number),
        times=tuple(
            _time(candidate["times"].get(str(batch)), is_base=not number) for batch in document["asked"]["batch"]
        ),
        verdict=_verdict(candidate, number, kept),
        kind="chosen" if number == kept else "within" if candidate["within_budget"] else "beyond",
    )


def _score(quality: Mapping[str, Any], *, is_base: bool) -> Cell:
    if quality["score"] is None:
        return Cell("\N{EN DASH}")
    change = quality["score"] - quality["reference"]
    if is_base or f"{change:+.4f}" in {"+0.0000", "-0.0000"}:
        return Cell(f"{quality['score']:.4f}", "" if is_base else "no change")
    words = f"{change:+.4f}".replace("-", "\N{MINUS SIGN}")
    return Cell(f"{quality['score']:.4f}", words, "better" if change > 0 else "worse")


def _changes(quality: Mapping[str, Any]) -> Cell:
    if quality["score"] is None:
        return Cell("\N{EN DASH}")
    moved = quality["score_change"]
    detail = ("probabilities", "", f"\N{PLUS-MINUS SIGN}{formats.number(moved)}") if moved > 1e-9 else ()
    return Cell(f"{quality['label_changes']:,}", *detail)


def _size(now: int, before: int, *, is_base: bool) -> Cell:
    detail = "" if is_base else formats.shrinkage(before / now)
    return Cell(formats.size(now), detail, {"smaller": "better", "larger": "worse"}.get(detail.partition(" ")[2], ""))


def _time(time: Mapping[str, Any] | None, *, is_base: bool) -> Cell:
    if time is None:
        return Cell("\N{EN DASH}")
    if is_base:
        return Cell(formats.seconds(time["seconds"]))
    mark = "better" if time["high"] < 1 else "worse" if time["low"] > 1 else ""
    return Cell(formats.seconds(time["seconds"]), formats.gain(1 / time["estimate"]), mark, _interval(time))


def _verdict(candidate: Mapping[str, Any], number: int, kept: int | None) -> Cell:
    words = candidate["out"]
    if number == kept:
        words = "kept" if number else "kept: none is better"
    elif not words and number:
        words = "would do, but misses what was asked" if kept is None else f"would do; {kept} comes first"
    return Cell(words, *(("on the Pareto front", "better") if candidate["front"] else ()))


def _about(candidate: Mapping[str, Any]) -> str:
    """Say in a line how exact a candidate is, how it is run, and what its method tells of it."""
    told = {**candidate["facts"], **candidate["settings"]}
    words = [text for key, value in told.items() if (text := _fact(key.replace("_", " "), value))]
    return ", ".join(["lossless", *words] if candidate["lossless"] else words)


def _fact(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else ""
    if isinstance(value, int):
        return f"{name} {value:,}"
    if isinstance(value, float):
        return f"{name} {value:.4g}"
    return f"{name} {value}" if isinstance(value, str) and value else ""


def _unplotted(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Say how many candidates some plots leave out, and why."""
    scored = [candidate for candidate in candidates if candidate["quality"]["score"] is not None]
    failed = len(candidates) - len(scored)
    untimed = sum(not candidate["times"] for candidate in scored)
    words = []
    if untimed == len(scored):
        words.append("No candidate was timed.")
    elif untimed:
        words.append(f"The first plot has all of them, {untimed} of which {_were(untimed)} not timed.")
    return " ".join([*words, f"{failed} that gave no answers {_were(failed)} left out."] if failed else words)


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _asked(document: Document) -> list[tuple[str, str]]:
    asked = document["asked"]
    gates = [f"at least {formats.times(asked['min_speedup'])} as fast"] if asked["min_speedup"] else []
    gates += [f"at most {formats.size(asked['max_size'])}"] if asked["max_size"] else []
    time = f"{asked['time_budget']:g} s for all, {asked['seconds']:g} s for the finalists at each batch size"
    facts = [
        ("To improve", _AIMS[asked["objective"]]),
        ("Budget", _budget(document)),
        ("Gates", ", ".join(gates)),
        ("Rows a call", ", ".join(f"{batch:,}" for batch in asked["batch"])),
        ("Methods", ", ".join(asked["method"]) or "all that can help"),
        ("Time", time),
        ("Judged on", f"{document['rows_judged']:,} rows that nothing was fitted to, against {document['against']}"),
    ]
    return [(name, words) for name, words in facts if words]


def _budget(document: Document) -> str:
    budget = document["budget"]
    drop, labels, shift = budget["accuracy_drop"], budget["label_changes"], budget["score_change"]
    words = []
    if drop is not None:
        words.append(f"the score falls by at most {drop:.2%}" if drop else "the score does not fall")
    if _labelled(document) and labels is not None:
        words.append(f"at most {labels:.2%} of the labels change" if labels else "no label changes")
    if _labelled(document) and shift is not None:
        words.append(f"no probability moves by more than {shift:g}")
    return ", ".join(words) or "anything may change"


def _measure(document: Document) -> str:
    if not _labelled(document):
        return f"R\N{SUPERSCRIPT TWO} against {document['against']}"
    return "share of right labels" if document["against"] == "the target" else "share of labels that are the original's"


def _labelled(document: Document) -> bool:
    return bool(document["measure"] != "R2")


def _split(factor: float, say: Callable[[float], str]) -> tuple[str, str]:
    """Return what ``say`` makes of ``factor`` as a figure and the words behind it: ("1.00x", "as fast")."""
    figure = formats.times(max(factor, 1 / factor))
    return figure, say(factor).removeprefix(f"{figure} ")


def _interval(time: Mapping[str, Any]) -> str:
    """Write the interval of a ratio of times the way round in which it is told: as times faster, or as times slower."""
    low, high = (1 / time["high"], 1 / time["low"]) if time["estimate"] <= 1 else (time["low"], time["high"])
    return f"{formats.times(low)} to {formats.times(high)}"


def _rows(batch: int) -> str:
    return f"{batch:,} row{'s' * (batch > 1)} a call"
