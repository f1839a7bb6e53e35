import json
from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.reports.reading import read
from tests.unit.verdicts.reports import measured, report


def test_what_was_written_is_read(tmp_path: Path) -> None:
    written = report(measured("p99", "service", "c8", 0.01, 0.1, rounds=(0.01, 0.02)))
    (tmp_path / "report.json").write_text(written.model_dump_json())
    assert read(tmp_path / "report.json") == written
    assert read(tmp_path) == written


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (None, "there is no report", "mlship benchmark"),
        ("{", "is not JSON", "mlship benchmark"),
        ("\ufffd", "is not JSON", "mlship benchmark"),
        ("[]", "not a report of mlship benchmark", "mlship benchmark"),
        ("{}", "not a report of mlship benchmark", "mlship benchmark"),
        ('{"schema_version": 1}', "made by an older mlship: it has schema version 1, this one reads 2", "again"),
        ('{"schema_version": 3}', "made by a newer mlship: it has schema version 3, this one reads 2", "--upgrade"),
        ('{"schema_version": 2}', "is damaged: kind: Field required", "mlship benchmark"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, content: str | None, message: str, hint: str) -> None:
    file = tmp_path / "main.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError) as caught:
        read(file)
    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert hint in caught.value.hint


def test_a_figure_that_is_not_a_number_is_damage(tmp_path: Path) -> None:
    content = json.loads(report(measured("p99", "service", "c8", 0.01)).model_dump_json())
    content["measurements"][0]["value"] = float("nan")
    (tmp_path / "report.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"is damaged: measurements\.0\.value"):
        read(tmp_path)


def test_a_file_that_is_not_text_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"\x80\x81")
    with pytest.raises(UsageError, match="is not JSON"):
        read(tmp_path)
