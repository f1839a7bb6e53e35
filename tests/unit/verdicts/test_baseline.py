import json
from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.reports import history
from mlship.verdicts import baseline as baselines
from mlship.verdicts.baseline import comparable, require_comparable
from tests.unit.verdicts.reports import HOST, measured, report


def test_a_report_is_a_baseline(tmp_path: Path) -> None:
    written = report(measured("p99", "service", "c8", 0.01))
    (tmp_path / "main.json").write_text(written.model_dump_json())
    found = baselines.read(tmp_path / "main.json")
    assert found.measurements == written.measurements
    assert found.name == str(tmp_path / "main.json")


def test_of_a_history_the_last_line_is_the_baseline(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    for value, revision in ((0.01, "1.0"), (0.02, "1.1")):
        written = report(measured("p99", "service", "c8", value, 0.1, rounds=(value, value)))
        history.append(written, file, revision=revision, saved="2026-01-01T00:00:00Z")
    found = baselines.read(file)
    assert found.measurements[0].value == 0.02
    assert found.name == f"1.1 in {file}"


def test_of_a_history_the_last_line_of_the_same_kind_is_the_baseline(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.jsonl"
    kinds = [("workspace", {}, 0.01), ("url", {"service": "a:1"}, 0.02), ("url", {"service": "b:1"}, 0.03)]
    for kind, names, value in kinds:
        written = report(measured("p99", "service", "c8", value), kind=kind, subjects=names)
        history.append(written, file, revision="1.0", saved="2026-01-01T00:00:00Z")
    assert baselines.read(file).measurements[0].value == 0.01
    assert baselines.read(file, kind="url", address="a:1").measurements[0].value == 0.02
    with pytest.raises(UsageError, match="no line of a benchmark of c:1"):
        baselines.read(file, kind="url", address="c:1")


@pytest.mark.parametrize(("content", "message"), [(None, "no history"), (b"", "is empty"), (b"{}\n", "line 1")])
def test_a_history_without_a_line_to_read_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "benchmarks.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        baselines.read(file)


@pytest.mark.parametrize(
    ("field", "value", "sentence", "refuses"),
    [
        ("cpu_model", "Another", "CPU: A CPU here, Another there", True),
        ("machine", "aarch64", "architecture: x86_64 here, aarch64 there", True),
        ("usable_cores", 4, "usable cores: 2 here, 4 there", True),
        ("quota_cores", 1.5, "quota of cores: none here, 1.5 there", True),
        ("governor", "powersave", "governor of the clock: performance here, powersave there", True),
        ("kernel", "5.10", "kernel: 6.1 here, 5.10 there", False),
        ("python", "3.12.1", "Python: 3.11.7 here, 3.12.1 there", False),
        ("cores", 64, "cores: 4 here, 64 there", False),
        ("libraries", {"numpy": "2.5.0"}, "numpy: 2.4.0 here, 2.5.0 there", False),
        ("libraries", {}, "numpy: 2.4.0 here, none there", False),
    ],
)
def test_hosts_differ_in_what_refuses_and_in_what_is_told(
    field: str, value: object, sentence: str, refuses: bool
) -> None:
    (difference,) = comparable(HOST, HOST.model_copy(update={field: value}))
    assert difference.sentence() == sentence
    assert difference.refuses is refuses


def test_equal_hosts_do_not_differ() -> None:
    assert comparable(HOST, HOST) == []


def test_a_governor_that_one_kernel_does_not_tell_is_no_difference() -> None:
    assert comparable(HOST, HOST.model_copy(update={"governor": None})) == []


def test_another_machine_is_refused_unless_asked_for() -> None:
    there = baselines.of(report(host=HOST.model_copy(update={"cpu_model": "Another"})), "main.json")
    with pytest.raises(UsageError, match="on another machine: CPU: A CPU here, Another there") as caught:
        require_comparable(report(), there)
    assert "--across-hosts" in caught.value.hint
    assert [each.what for each in require_comparable(report(), there, across_hosts=True)] == ["CPU"]


def test_across_hosts_both_need_the_reference_kernel() -> None:
    there = baselines.of(report(host=HOST.model_copy(update={"usable_cores": 1}), reference=()), "main.json")
    with pytest.raises(UsageError, match=r"'main.json' holds no times of the reference kernel"):
        require_comparable(report(), there, across_hosts=True)


def test_another_task_is_refused_and_another_model_told() -> None:
    with pytest.raises(UsageError, match="is of a model for regression, this one is for classification"):
        require_comparable(report(), baselines.of(report(task="regression"), "main.json"))
    (told,) = require_comparable(report(), baselines.of(report(model="Linear"), "main.json"))
    assert told.sentence() == "model: Forest here, Linear there"


def test_the_report_of_an_older_mlship_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"schema_version": 1, "host": {}}))
    with pytest.raises(UsageError, match="made by an older mlship: it has schema version 1, this one reads 2"):
        baselines.read(tmp_path / "old.json")
