from pathlib import Path

import pytest

from mlship.errors import UsageError
from mlship.reports.model import Report
from mlship.verdicts.expressions import parse_all
from mlship.verdicts.gates import Gates
from tests.unit.verdicts.reports import HOST, measured, report

PLANNED = report(
    measured("p50", "service", "c8", 1.0),
    measured("p50", "service", "c64", 1.0),
    measured("p99.9", "service", "c8", 1.0),
    measured("p99.9", "service", "c64", 1.0),
    measured("rss", "service", "", 1.0),
)


def gates(*expressions: str, older: Report | None = None, folder: Path = Path()) -> Gates:
    file = folder / "older.json"
    if older is not None:
        file.write_text(older.model_dump_json())
    return Gates.read(expressions, file if older else None)


@pytest.mark.parametrize("expression", ["p50 > 1ms", "p50@c64 > 1ms", "p50@service/c8 > 1ms", "rss > 1GB"])
def test_a_gate_on_what_is_going_to_be_measured_fits(expression: str) -> None:
    gates(expression).require_fit(PLANNED)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("p50@c3 > 1ms", "at 'c3'", "c8"),
        ("cold_start > 1s", "cold_start is not going to be measured", "p50"),
        ("capacity < 100", "capacity is not going to be measured", "--slo"),
        ("cost > 1", "cost is not going to be measured", "--price"),
    ],
)
def test_a_gate_on_nothing_is_refused_before_it_is_measured(expression: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        gates(expression).require_fit(PLANNED)
    assert hint in caught.value.hint


def test_a_change_of_what_the_baseline_lacks_is_refused(tmp_path: Path) -> None:
    older = report(measured("rss", "service", "", 2.0))
    with pytest.raises(UsageError, match="p50"):
        gates("p50 > +10%", older=older, folder=tmp_path).require_fit(PLANNED)


def test_a_change_is_not_refused_for_a_load_that_had_too_few_answers(tmp_path: Path) -> None:
    older = report(measured("p99.9", "service", "c64", 2.0))
    gates("p99.9 > +10%", older=older, folder=tmp_path).require_fit(PLANNED)


def test_a_baseline_of_another_machine_is_refused(tmp_path: Path) -> None:
    older = report(measured("p50", "service", "c8", 2.0), host=HOST.model_copy(update={"cpu_model": "Another"}))
    with pytest.raises(UsageError, match="another machine"):
        gates(older=older, folder=tmp_path).require_fit(PLANNED)


@pytest.mark.parametrize(("expression", "hint"), [("max > +10%", "p99.9"), ("errors > +10%", "0.1%")])
def test_a_change_of_what_is_only_a_fact_of_one_run_is_no_gate(expression: str, hint: str) -> None:
    with pytest.raises(UsageError, match="tells nothing") as caught:
        parse_all([expression], compared=True)
    assert hint in caught.value.hint
