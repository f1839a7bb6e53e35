import json
import re
from pathlib import Path

import pytest

from mlship.errors import DataError
from mlship.reports import history, writing
from mlship.reports.history import Entry
from tests.unit.reports import samples


def saved(file: Path, count: int = 3, *, moved_at: int = 99) -> list[Entry]:
    """Append the full sample ``count`` times, from ``moved_at`` on as of another machine."""
    for number in range(count):
        report = samples.full()
        if number >= moved_at:
            report = report.model_copy(update={"host": samples.HOST.model_copy(update={"cpu_model": "Another"})})
        history.append(report, file, revision=f"v1.{number}", saved=f"2026-11-{number + 1:02d}T12:00:00Z")
    return history.read(file)


def test_each_append_is_one_more_line(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    assert [entry.revision for entry in saved(file)] == ["v1.0", "v1.1", "v1.2"]
    assert file.read_bytes().count(b"\n") == 3


def test_lines_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    saved(file, 1)
    before = file.read_bytes().rstrip(b"\n")
    file.write_bytes(before)
    saved(file, 1)
    assert file.read_bytes().startswith(before + b"\n{")


def test_rounds_are_not_kept_and_intervals_are(tmp_path: Path) -> None:
    [entry] = saved(tmp_path / "benchmarks.jsonl", 1)
    first = samples.full().measurements[0]
    kept = entry.measurements[0]
    assert (kept.value, kept.low, kept.high) == pytest.approx((first.value, first.low, first.high), rel=1e-5)
    assert kept.rounds == ()
    assert "rounds" not in json.loads((tmp_path / "benchmarks.jsonl").read_text())["measurements"][0]


def test_a_folder_is_no_history(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        history.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2 is damaged: Invalid JSON"),
        ("<<<<<<< HEAD", "line 2 is damaged: Invalid JSON"),
        ("[]", "line 2 is damaged"),
        ('{"schema_version": 1}', "line 2 was written by another mlship: it has schema version 1, this one reads 2"),
    ],
)
def test_a_damaged_line_is_named_with_its_number(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "benchmarks.jsonl"
    saved(file, 1)
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(DataError, match=words):
        history.read(file)
    before = file.read_bytes()
    with pytest.raises(DataError, match=words):
        history.append(samples.full(), file, revision="v2", saved="2026-12-01")
    assert file.read_bytes() == before


def test_a_missing_history_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no history") as raised:
        history.read(tmp_path / "benchmarks.jsonl")
    assert "--save" in raised.value.hint


def test_the_page_marks_another_machine_and_connects_nothing_across(tmp_path: Path) -> None:
    entries = saved(tmp_path / "benchmarks.jsonl", 5, moved_at=3)
    text = writing.write_history(entries, tmp_path).read_text("utf-8")
    assert "From v1.3 on measured on another machine (Another" in text
    plots = json.loads(text.split('id="plots">', 1)[1].split("</script>", 1)[0])
    assert all(plot["places"] == [[2.5, "another machine"]] for plot in plots)
    assert {json.dumps(line["order"]) for plot in plots for line in plot["lines"]} == {"[[0, 1, 2], [3, 4]]"}


def test_a_figure_that_a_release_lacks_leaves_a_gap(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    saved(file, 1)
    history.append(samples.minimal(), file, revision="v2", saved="2026-12-01")
    text = history.page(history.read(file))
    plots = json.loads(text.split('id="plots">', 1)[1].split("</script>", 1)[0])
    [cold] = [plot for plot in plots if plot["title"] == "cold start"]
    assert cold["lines"][0]["values"] == [0.384, None]


def test_a_page_of_no_entries_is_a_page() -> None:
    assert "Nothing saved yet" in history.page([])


def test_the_table_holds_the_newest_entries_beside_one_another(tmp_path: Path) -> None:
    text = history.page(saved(tmp_path / "benchmarks.jsonl", 8))
    heads = re.findall(r'<th scope="col">(v[\d.]+) ', text.split("<table>", 1)[1])
    assert heads == ["v1.7", "v1.6", "v1.5", "v1.4", "v1.3", "v1.2"]
    assert text.count('<tr class="group">') == len(set(re.findall(r'<th scope="rowgroup" colspan="7">(.*?)<', text)))
