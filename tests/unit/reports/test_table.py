import csv
import io

import pytest

from mlship.reports import table
from tests.unit.reports import samples


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_measurement_is_a_line_with_its_unit() -> None:
    report = samples.full()
    found = rows(table.text(report))
    assert len(found) == len(report.measurements)
    assert found[0]["unit"] == "s"
    assert float(found[0]["value"]) == report.measurements[0].value


def test_no_interval_leaves_its_cells_empty() -> None:
    [found] = rows(table.text(samples.minimal()))
    assert (found["low"], found["high"]) == ("", "")


def test_names_with_quotes_and_commas_are_read_back() -> None:
    names = {row["of"] for row in rows(table.text(samples.hostile()))}
    assert samples.HOSTILE in names


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_is_no_formula(name: str) -> None:
    report = samples.minimal()
    measurements = tuple(each.model_copy(update={"of": name}) for each in report.measurements)
    [found] = rows(table.text(report.model_copy(update={"measurements": measurements})))
    assert found["of"] == f"'{name}".replace("\r", " ")
