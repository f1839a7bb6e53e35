from types import SimpleNamespace

import pytest

from mlship.errors import GateError, MlshipError, ServiceError, UsageError
from mlship.reports.model import Measurement, Report
from mlship.trials.collected import Collected
from tests.unit.verdicts.reports import report

SIZE = Measurement(metric="size", of="converted", value=1.0)


def ended(found: Collected, error: MlshipError) -> list[Report]:
    """Return what was kept when ``error`` ended the benchmark."""
    kept: list[Report] = []

    def told() -> Report:
        return report(*found.measurements, parity=found.parity, notes=tuple(found.notes))

    with pytest.raises(type(error)), found.kept(told, kept.append):
        raise error
    return kept


@pytest.mark.parametrize("error", [ServiceError("it died"), UsageError("a gate about nothing")])
def test_what_was_measured_until_an_error_is_kept(error: MlshipError) -> None:
    found = Collected()
    found.take(SimpleNamespace(measurements=[SIZE]))
    [told] = ended(found, error)
    assert told.measurements == (SIZE,)
    assert told.notes == (f"ended early: {error.message}",)
    assert told.parity is None


def test_a_wrong_answer_is_parity_that_failed_though_it_held_before() -> None:
    found = Collected()
    found.parity = {"passed": True, "rows": 10}
    [told] = ended(found, GateError("wrong under load"))
    assert told.parity == {"passed": False, "rows": 10, "problem": "wrong under load"}


def test_without_any_figure_there_is_nothing_to_keep() -> None:
    assert ended(Collected(), ServiceError("connection refused")) == []
