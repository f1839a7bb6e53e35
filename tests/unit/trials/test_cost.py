import pytest

from mlship.reports.model import Measurement
from mlship.trials.cost import cost

RATE = Measurement(metric="throughput", of="service", load="c8", value=1000.0, low=500.0, high=2000.0, rounds=(500, 0))


def test_the_cost_is_that_of_a_million_predictions() -> None:
    found = cost(3.6, RATE)
    assert (found.metric, found.of, found.load) == ("cost", "service", "c8")
    assert found.value == pytest.approx(1.0)  # 1,000 seconds, at 3.6 an hour


def test_a_faster_service_is_cheaper_so_the_interval_turns_round() -> None:
    found = cost(3.6, RATE)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(2.0))


def test_a_request_of_many_rows_is_many_predictions() -> None:
    assert cost(3.6, RATE, rows=100).value == pytest.approx(0.01)


def test_a_round_without_an_answer_has_no_cost() -> None:
    assert cost(3.6, RATE).rounds == (pytest.approx(2.0),)


def test_no_answer_has_no_cost() -> None:
    with pytest.raises(ValueError, match="no answer"):
        cost(3.6, RATE.model_copy(update={"value": 0.0}))
