import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from mlship.reports import differences, page
from mlship.reports.differences import Difference
from tests.unit.reports import samples

VOID = {"meta", "path", "line", "circle", "rect", "br"}


class Page(HTMLParser):
    """Keeps elements and what a browser would fetch, and checks that elements close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes.append((tag, dict(attrs)))
        fetching = {"src", "srcset", "data", "action", "formaction"} | ({"href"} if tag != "a" else set())
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in fetching]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


def plots(text: str) -> list[dict[str, Any]]:
    """Return the data of the plots as a browser reads it."""
    found: list[dict[str, Any]] = json.loads(text.split('id="plots">', 1)[1].split("</script>", 1)[0])
    return found


@pytest.mark.parametrize("name", samples.everything())
def test_the_page_is_well_formed_and_asks_for_nothing(name: str) -> None:
    found = Page(page.text(samples.everything()[name]))
    assert found.open == []
    assert found.fetched == []
    assert ("meta", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'") in [
        (tag, attributes.get("content")) for tag, attributes in found.attributes
    ]


def test_a_users_words_are_no_markup_anywhere() -> None:
    text = page.text(samples.hostile())
    found = Page(text)
    assert found.seen.count("script") == Page(page.text(samples.full())).seen.count("script") == 3
    assert "b" not in found.seen
    assert [plot for plot in plots(text) if any(line["name"] == samples.HOSTILE for line in plot["lines"])]


@pytest.mark.parametrize("name", samples.everything())
def test_every_plot_has_its_place_and_its_words(name: str) -> None:
    text = page.text(samples.everything()[name])
    places = [attributes for _, attributes in Page(text).attributes if attributes.get("class") == "plot"]
    assert [place["data-plot"] for place in places] == [str(number) for number in range(len(plots(text)))]
    assert all(place["role"] == "img" and place["aria-label"] for place in places)


@pytest.mark.parametrize("name", samples.everything())
def test_every_table_has_a_caption_and_headers(name: str) -> None:
    found = Page(page.text(samples.everything()[name])).seen
    assert found.count("table") == found.count("caption")
    assert found.count("thead") == found.count("table")


@pytest.mark.parametrize("name", samples.everything())
def test_headings_skip_no_level(name: str) -> None:
    levels = [int(tag[1]) for tag in Page(page.text(samples.everything()[name])).seen if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("outcome", ["passed", "failed", "unclear"])
def test_an_outcome_has_a_sign_and_a_word(outcome: str) -> None:
    assert f"{page.SIGNS[outcome]} {outcome}</span>" in page.text(samples.full())


def test_a_page_without_plots_carries_no_library() -> None:
    assert "uPlot=" not in page.text(samples.minimal())
    assert "uPlot=" in page.text(samples.full())


def test_an_interrupted_run_says_so() -> None:
    assert "Stopped early." in page.text(samples.interrupted())


def test_what_went_wrong_under_load_is_listed() -> None:
    assert page.doubts(samples.url()) == [
        "2,000/s: the load generator used 97 % of a core",
        "2,000/s: of 3,740 requests failed 12 times status 503, 3 times timeout",
        "2,000/s: 40 answers not compared with the golden set",
    ]


def difference(low: float | None, ratio: float | None, high: float | None) -> Difference:
    return Difference("p50", "service", "c8", 1e-3, 1e-3, ratio, low, high)


def test_intervals_lie_on_one_axis_and_within_it() -> None:
    found = page.changed([difference(0.9, 1.0, 1.1), difference(1.05, 1.1, 1.15), difference(0.001, 0.002, 0.003)])
    strips = [each.strip for each in found]
    assert len({strip.one for strip in strips if strip}) == 1
    assert all(0 <= strip.low <= strip.at <= strip.high <= 100 for strip in strips if strip)
    assert strips[1] is not None
    assert strips[1].low > strips[1].one


@pytest.mark.parametrize("ends", [(None, None, None), (1.0, 1.0, 1.0), (0.0, 0.0, 0.5)])
def test_a_difference_without_an_extent_is_shown_all_the_same(ends: tuple[float | None, ...]) -> None:
    [found] = page.changed([difference(*ends)])
    assert found.effect in {"unclear", "better"}


def test_nothing_to_compare_is_nothing_to_show() -> None:
    assert page.changed(differences.to_other(samples.full())) == []
