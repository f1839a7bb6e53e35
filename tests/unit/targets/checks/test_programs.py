"""Validators that are programs: silent ones, broken ones, and such as are not there."""

import stat
from pathlib import Path

import pytest

from mlship.targets.checks import programs


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "looks-at-files"


@pytest.mark.parametrize(
    ("body", "passed", "said"),
    [
        ("exit 0", True, "found nothing"),
        ("exit 3", False, "it ended with 3, without a word"),
        ("printf 'b\\377d'; exit 1", False, "b\ufffdd"),
    ],
    ids=["content", "silent", "not UTF-8"],
)
def test_a_program_is_content_where_it_ends_with_0(
    body: str, passed: bool, said: str, script: Path, tmp_path: Path
) -> None:
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    found = programs.program("looks-at-files", [], tmp_path)
    assert (found.passed, found.said) == (passed, said)


def test_a_program_that_is_not_there_is_named(script: Path, tmp_path: Path) -> None:
    assert programs.program("looks-at-files", [], tmp_path).passed is None
