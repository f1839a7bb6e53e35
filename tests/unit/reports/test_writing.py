from pathlib import Path

import pytest

from mlship.reports import writing
from mlship.reports.model import Report
from tests.unit.reports import samples


@pytest.mark.parametrize("name", samples.everything())
def test_the_same_report_gives_the_same_files(name: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        writing.write(samples.everything()[name], tmp_path / folder)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / folder).iterdir()} for folder in ("one", "two"))
    assert one == two


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    writing.write(samples.full(), tmp_path)
    assert Report.model_validate_json((tmp_path / "report.json").read_bytes()) == samples.full()


def test_gates_leave_a_junit_file_and_their_absence_takes_it_away(tmp_path: Path) -> None:
    written = writing.write(samples.full(), tmp_path)
    assert tmp_path / "junit.xml" in written
    writing.write(samples.minimal(), tmp_path)
    assert not (tmp_path / "junit.xml").exists()


@pytest.mark.parametrize(("made", "given", "failures"), [(True, None, 2), (False, None, 1), (True, False, 1)])
def test_unclear_gates_are_judged_as_the_report_was_made(
    made: bool, given: bool | None, failures: int, tmp_path: Path
) -> None:
    report = samples.full().model_copy(update={"options": {"strict": made}})
    writing.write(report, tmp_path, strict=given)
    assert f'failures="{failures}"' in (tmp_path / "junit.xml").read_text()
