"""What the page of an optimisation says and draws, held against documents made by hand."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from mlship.optimizers import page, scatter, tags
from tests.unit.optimizers.documents import candidate, document, forest

STRICT = {"accuracy_drop": 0.0, "label_changes": 0.0, "score_change": 0.01}
VOID = {"meta", "path", "line", "circle", "rect", "br"}


class Read(HTMLParser):
    """The elements of a page, what a browser would fetch, and what was left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href", "srcset", "data"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def words(text: str) -> str:
    """Return what a page says, without its style sheet."""
    body = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def row(text: str, number: int) -> str:
    """Return what the table's row of a candidate says."""
    found = [words(part) for part in re.findall(r"<tr class=\"\w+\">.*?</tr>", text, flags=re.DOTALL)]
    return found[number]


def alone() -> dict[str, Any]:
    kept = candidate("converted", 1.0, 4200, lossless=True, reference=1.0, chosen=True)
    return document([kept], reason="the converted model stays: nothing else was tried", against="the original")


def many() -> dict[str, Any]:
    """Return the document of 40 candidates that are all alike in quality and close in size and time."""
    some = [
        candidate(f"number {i}", 1.0, 40_000 + i, {1: (1e-5 + i * 1e-9, 1, 0.99, 1.01)}, reference=1.0)
        for i in range(40)
    ]
    return document(some)


def regression() -> dict[str, Any]:
    def times(share: float) -> dict[int, tuple[float, float, float, float]]:
        return {1: (5e-5 * share, share, share * 0.9, share * 1.1)}

    found = document(
        [
            candidate("converted", 0.453, 9_000_000, times(1.0), reference=0.453),
            candidate("60 trees", 0.4498, 200_000, times(0.1), reference=0.453, chosen=True, front=True),
        ],
        measure="R2",
        reason="10x faster at 1 row; 200 kB, 45x smaller; R2 0.4498 (was 0.4530)",
        advice={"prune": {"applies": True, "why": "300 rounds, of which the first may do"}},
        budget={"accuracy_drop": 0.01, "label_changes": None, "score_change": None},
    )
    return found | {"asked": found["asked"] | {"batch": [1]}}


def one_with(score: float | None, **changes: Any) -> dict[str, Any]:
    """Return a document of the converted model and a candidate of that ``score``."""
    return document([candidate("converted", 0.9755, 100_000), candidate("other", score, 50_000, **changes)])


@pytest.mark.parametrize("made", [forest(), alone(), many(), regression()], ids=["forest", "alone", "many", "numbers"])
def test_the_page_is_well_formed_and_needs_nothing_else(made: dict[str, Any]) -> None:
    text = page.render(made)
    read = Read(text)
    assert read.open == []
    assert read.fetched == []
    assert "script" not in read.seen
    assert not re.search(r"https?://|url\(|@import|\bnan\b|None", text)


def test_the_page_begins_with_what_is_kept_and_why() -> None:
    said = words(page.render(forest()))
    assert "Kept: a quarter of the trees 3.06x faster at 1 row" in said
    assert said.index("Kept:") < said.index("Candidates")


def test_a_converted_model_that_stays_is_said_once() -> None:
    said = words(page.render(alone()))
    assert said.lower().count("the converted model stays") == 1
    assert "kept: none is better" in said


def test_where_nothing_is_what_was_asked_nothing_is_kept() -> None:
    made = forest()
    for each in made["candidates"]:
        each["chosen"] = False
    text = page.render({**made, "reason": "none is what was asked for"})
    assert "Nothing is kept" in words(text)
    assert "would do, but misses what was asked" in row(text, 2)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "not faster beyond the noise"),
        (2, "would do; 3 comes first on the Pareto front"),
        (3, "kept on the Pareto front"),
        (4, "loses 1.44% (allowed 0.50%)"),
        (9, "slower at 1 row a call"),
    ],
)
def test_each_row_ends_in_a_verdict(number: int, said: str) -> None:
    assert row(page.render(forest()), number).endswith(said)


def test_a_row_says_score_labels_size_and_times() -> None:
    said = row(page.render(forest()), 3)
    for part in ("0.9733 \N{MINUS SIGN}0.0022", "9 probabilities", "3.1 MB 5.16x smaller", "10 µs 3.06x faster"):
        assert part in said
    assert "2.86x to 3.23x" in said


def test_an_interval_of_what_is_slower_tells_times_slower() -> None:
    assert "1.10x slower 1.04x to 1.21x" in row(page.render(forest()), 9)


def test_what_differs_in_no_digit_is_as_fast_and_as_large() -> None:
    alike = candidate("other", 0.9755, 100_001, {1: (1e-5, 1.001, 0.98, 1.02)})
    said = row(page.render(document([candidate("converted", 0.9755, 100_000), alike])), 1)
    assert "as fast" in said
    assert "as large" in said
    assert "1.00x " not in said.replace("1.00x to", "")


def test_a_candidate_that_failed_is_in_the_table_and_in_no_plot() -> None:
    made = one_with(None, within=False, out="fails on the sample")
    assert "fails on the sample" in row(page.render(made), 1)
    assert [point.number for panel in scatter.panels(made) for point in panel.points] == [0]


def test_a_regression_speaks_of_no_labels() -> None:
    said = words(page.render(regression()))
    assert "label" not in said
    assert "R\N{SUPERSCRIPT TWO} against the target 0.4498 was 0.4530" in said
    assert "the score falls by at most 1.00%" in said


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (STRICT, "the score does not fall, no label changes, no probability moves by more than 0.01"),
        (
            {**STRICT, "accuracy_drop": None, "label_changes": 0.002, "score_change": None},
            "at most 0.20% of the",
        ),
        (dict.fromkeys(STRICT), "anything may change"),
    ],
)
def test_the_budget_is_said_in_words(budget: dict[str, Any], said: str) -> None:
    assert said in words(page.render(document(forest()["candidates"], budget=budget)))


def test_gates_are_said_where_there_are_any() -> None:
    made = forest()
    asked = made["asked"] | {"min_speedup": 3.0, "max_size": 1_000_000}
    assert "Gates at least 3.00x as fast, at most 1.0 MB" in words(page.render({**made, "asked": asked}))
    assert "Gates" not in words(page.render(made))


def test_advice_says_what_cannot_help_and_why() -> None:
    said = words(page.render(forest()))
    assert "prune can help 500 trees vote" in said
    assert "quantize cannot help nothing to quantize" in said


def test_a_search_that_time_cut_short_says_so() -> None:
    assert "The 60 s were up at quantize" in words(page.render({**forest(), "cut_short": "quantize"}))


def test_names_cannot_write_html() -> None:
    made = document([candidate("<b>converted</b>", 1.0, 4200)], model="<script>")
    assert "<b>" not in page.render(made)
    assert "<script>" not in page.render(made)


def test_only_what_was_timed_is_in_the_plots_of_time() -> None:
    size, one, hundred = scatter.panels(forest())
    assert sorted(point.number for point in size.points) == [0, 1, 2, 3, 4, 5, 6, 7, 9]
    assert sorted(point.number for point in one.points) == [0, 1, 2, 3, 7, 9]
    assert (one.title, hundred.title) == ("1 row a call", "100 rows a call")


def test_points_are_told_apart_by_what_became_of_them() -> None:
    size = scatter.panels(forest())[0]
    kinds = {point.number: point.kind for point in size.points}
    assert kinds == {0: "base", 1: "within", 2: "within", 3: "chosen", 4: "beyond", 5: "beyond", 6: "beyond"} | {
        7: "within",
        9: "within",
    }
    assert size.points[-1].kind == "chosen"


@pytest.mark.parametrize("made", [forest(), alone(), many(), regression(), one_with(-250.0, within=False)])
def test_everything_is_drawn_inside_the_plot(made: dict[str, Any]) -> None:
    for panel in scatter.panels(made):
        assert len(panel.x) >= 2
        assert len(panel.y) >= 2
        for point in panel.points:
            assert panel.left <= point.x <= panel.right
            assert panel.top <= point.y <= panel.bottom
        assert all(panel.left <= tick.at <= panel.right for tick in panel.x)
        assert all(panel.top - 1e-9 <= tick.at <= panel.bottom + 1e-9 for tick in panel.y)


def test_a_hopeless_candidate_does_not_squeeze_the_others_together() -> None:
    [panel] = scatter.panels(one_with(-250.0, within=False))
    assert [point.number for point in panel.points if point.below] == [1]
    assert len({tick.label for tick in panel.y}) == len(panel.y)


def test_scores_that_are_all_one_get_an_axis_that_ends_at_one() -> None:
    panel = scatter.panels(many())[0]
    assert max(float(tick.label) for tick in panel.y) == 1.0
    assert min(float(tick.label) for tick in panel.y) >= 0.98


def test_the_front_of_a_plot_has_no_candidate_above_and_left_of_it() -> None:
    panel = scatter.panels(forest())[0]
    at = {point.number: (f"{point.x:.1f}", f"{point.y:.1f}") for point in panel.points}
    corners = re.findall(r"H([\d.]+) V([\d.]+)", panel.front)
    assert corners == [at[7], at[2], at[0]] or corners == [at[7], at[2], at[1]]


def test_numbers_hide_neither_each_other_nor_a_point() -> None:
    spots = [(150.0 + 2 * i, 100.0) for i in range(30)]
    texts = [str(i) for i in range(30)]
    found = tags.placed(spots, texts, (0.0, 0.0, 320.0, 300.0))
    for i, tag in enumerate(found):
        half = 3.9 * len(texts[i])
        for j, other in enumerate(found[:i]):
            beside = abs(tag.x - other.x) >= half + 3.9 * len(texts[j])
            assert beside or abs(tag.y - other.y) >= 11
        assert all(abs(tag.x - x) >= half or abs(tag.y - y) >= 6 for x, y in spots)


def test_a_number_far_from_its_point_is_tied_to_it() -> None:
    found = tags.placed([(100.0, 100.0)] * 12, ["1"] * 12, (0.0, 0.0, 320.0, 300.0))
    assert not found[0].tied
    assert found[-1].tied
