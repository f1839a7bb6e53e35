import html
import re

import pytest

from mlship.reports import markdown
from tests.unit.reports import samples


def tables(text: str) -> list[list[str]]:
    """Return the lines of each table."""
    blocks = re.split(r"\n\s*\n", text)
    return [block.splitlines() for block in blocks if block.startswith("|")]


@pytest.mark.parametrize("name", samples.everything())
def test_the_rows_of_a_table_have_as_many_cells_as_its_header(name: str) -> None:
    for lines in tables(markdown.text(samples.everything()[name])):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


@pytest.mark.parametrize("name", samples.everything())
def test_what_is_folded_is_closed(name: str) -> None:
    text = markdown.text(samples.everything()[name])
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>")


def test_a_users_words_are_no_markup() -> None:
    text = markdown.text(samples.hostile())
    assert "<script>" not in re.sub(r"(`+).*?\1", "", text)
    assert "[a](http" not in re.sub(r"(`+).*?\1", "", text)


@pytest.mark.parametrize(
    "name", ["http://b.example", "HTTPS://b.example", "www.b.example", "@somebody", "a@b.example", "#12"]
)
def test_nothing_in_a_name_becomes_a_link(name: str) -> None:
    text = markdown.text(samples.minimal().model_copy(update={"model": f"see {name} there"}))
    assert name not in text
    assert name in html.unescape(text).replace("\u200b", "").replace("\\", "")


def test_gates_come_before_the_figures() -> None:
    text = markdown.text(samples.full())
    assert text.index("❌ failed") < text.index("**27,100**")


def test_key_figures_show_their_change_against_the_baseline() -> None:
    text = markdown.text(samples.full())
    assert (
        "| requests a second (64 connections) | **27,100** | 26,600 to 27,600/s | \N{MINUS SIGN}8.3 % ❌ worse |"
        in text
    )


def test_a_comparison_shows_both_sides() -> None:
    assert "| p50, 8 connections | 361 µs | 352 µs | \N{MINUS SIGN}2.5 % (\N{MINUS SIGN}3.9 to" in markdown.text(
        samples.comparison()
    )


def test_a_generator_at_its_limit_is_told() -> None:
    assert "the load generator used 97 % of a core" in markdown.text(samples.url())
