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
    StandardBenchmark(seconds=0.1, starts=1).run(example(folder), folder / "out", quiet)
    return folder / "out" / "report"


def test_the_page_asks_for_nothing_outside(report: Path) -> None:
    text = (report / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert not re.search(r"url\(|@import", text)


def test_the_page_is_well_formed_and_its_tables_tell_what_its_plots_draw(report: Path) -> None:
    page = Page()
    page.feed((report / "report.html").read_text())
    assert page.open == []
    assert page.seen.count("table") >= 3


def test_original_and_onnx_were_compared(report: Path) -> None:
    document = json.loads((report / "report.json").read_text())
    pairs = [pair for pair in document["ratios"] if pair["over"] == "original"]
    assert pairs
    assert all(0 < pair["low"] <= pair["estimate"] <= pair["high"] for pair in pairs)


def test_the_tables_of_the_markdown_are_whole(report: Path) -> None:
    tables = re.findall(r"(?:^\|.*\|\n)+", (report / "report.md").read_text() + "\n", re.MULTILINE)
    assert len(tables) >= 2
    assert all(len({line.count("|") for line in table.splitlines()}) == 1 for table in tables)
