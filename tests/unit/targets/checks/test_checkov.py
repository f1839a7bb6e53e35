"""What is read from checkov; the program here is a small one that says what checkov says."""

import json
from pathlib import Path
from typing import Any

import pytest

from mlship.targets.checks import checkov

FOUND = {"check_id": "CKV_K8S_8", "check_name": "Liveness", "file_path": "/a.yaml", "resource": "Pod.a"}


def report(passed: int, *failed: Any, broken: tuple[str, ...] = ()) -> dict[str, Any]:
    results = {"failed_checks": list(failed), "parsing_errors": list(broken)}
    return {"summary": {"passed": passed, "failed": len(failed)}, "results": results}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for the program, which alone is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(folder: Path, told: Any, code: int = 0) -> None:
    (folder / "told").write_text(told if isinstance(told, str) else json.dumps(told))
    program = folder / "checkov"
    program.write_text(f'#!/bin/sh\necho "$@" > asked\n/bin/cat told\nexit {code}\n')
    program.chmod(0o755)


def test_it_is_named_where_it_is_not_installed(folder: Path) -> None:
    found = checkov.check(folder, "kubernetes", {})
    assert (found.passed, found.said) == (None, "checkov is not installed")


def test_rules_that_are_left_out_are_told_with_their_reason(folder: Path) -> None:
    install(folder, report(7))
    found = checkov.check(folder, "kubernetes", {"CKV_1": "because", "CKV_2": "for once"})
    assert (found.passed, found.said) == (True, "7 checks passed; left out: CKV_1 (because); CKV_2 (for once)")
    assert "--framework kubernetes" in (folder / "asked").read_text()
    assert "--skip-check CKV_1,CKV_2" in (folder / "asked").read_text()


def test_what_it_finds_is_told(folder: Path) -> None:
    install(folder, report(7, FOUND), 1)
    found = checkov.check(folder, "kubernetes", {})
    assert (found.passed, found.said) == (False, "/a.yaml: CKV_K8S_8 Liveness (Pod.a)")


def test_what_it_finds_in_any_of_several_reports_is_told(folder: Path) -> None:
    install(folder, [report(7), report(1, FOUND)], 1)
    assert checkov.check(folder, "all", {}).passed is False


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (report(7, broken=("/a.yaml",)), "/a.yaml cannot be read"),
        ({"passed": 0, "failed": 0}, "found no file that it knows"),
        ("Traceback", "Traceback"),
        ("", "it ended with 0, without a word"),
        ('{"summary": {"passed": 7}}', '{"summary": {"passed": 7}}'),
        ('{"summary": 7, "results": {"failed_checks": []}}', '{"summary": 7, "results": {"failed_checks": []}}'),
        ('{"summary": {"passed": 7}, "results": []}', '{"summary": {"passed": 7}, "results": []}'),
        ("7", "7"),
        ('"summary"', '"summary"'),
        ("[null]", "[null]"),
    ],
    ids=[
        *(
            "a file that is broken",
            "no file",
            "no report",
            "no word",
            "no results",
            "no count",
            "results of another kind",
        ),
        *("a number", "a text", "nothing"),
    ],
)
def test_nothing_found_is_not_taken_for_nothing_read(told: Any, said: str, folder: Path) -> None:
    install(folder, told)
    found = checkov.check(folder, "kubernetes", {})
    assert (found.passed, found.said) == (False, said)
