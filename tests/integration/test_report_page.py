"""The page of a real benchmark: one file that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mlship.benchmarks.standard import StandardBenchmark
from mlship.testing import example, quiet

VOID = {"meta", "path", "line", "circle", "rect", "br"}


class Page(HTMLParser):
    """Keeps what a browser would fetch, and checks that elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.fetched += [f"{tag} {name}={value}" for name, value in attrs if name in {"src", "href", "srcset", "data"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    StandardBenchmark(seconds=0.1).run(example(folder), folder / "out", quiet)
    return folder / "out" / "report"


def test_the_page_asks_for_nothing_outside(report: Path) -> None:
    text = (report / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert "script" not in page.seen
    assert not re.search(r"https?://|url\(|@import", text)


def test_the_page_is_well_formed_and_has_its_plots(report: Path) -> None:
    page = Page()
    page.feed((report / "report.html").read_text())
    assert page.open == []
    assert page.seen.count("table") == 3
    assert page.seen.count("circle") > 10


def test_the_page_knows_dark_screens_phones_and_paper(report: Path) -> None:
    text = (report / "report.html").read_text()
    assert "prefers-color-scheme: dark" in text
    assert "max-width: 600px" in text
    assert "@media print" in text


def test_original_and_onnx_were_compared(report: Path) -> None:
    document = json.loads((report / "report.json").read_text())
    [pair] = [pair for pair in document["in_process"][0]["speedups"] if pair["over"] == "original"][:1]
    assert 0 < pair["low"] <= pair["estimate"] <= pair["high"]
    assert document["notes"] == []


def test_the_tables_of_the_markdown_are_whole(report: Path) -> None:
    lines = [line for line in (report / "report.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) >= 10
    assert {line.count("|") for line in lines} <= {8, 9}
