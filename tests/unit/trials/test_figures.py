import numpy as np
import pytest

from mlship.measure import Sample
from mlship.reports.model import Measurement
from mlship.trials import figures


def sample(rounds: int, calls: int, seconds: float = 0.001) -> Sample:
    noise = np.random.default_rng(0).uniform(0.9, 1.1, (rounds, calls))
    return Sample(tuple(seconds * noise))


def measured(taken: Sample, rows: int = 1) -> dict[str, Measurement]:
    return {each.metric: each for each in figures.measurements("converted", rows, taken)}


@pytest.mark.parametrize(
    ("calls", "furthest"), [(2, "p50"), (10, "p90"), (20, "p95"), (100, "p99"), (999, "p99"), (1000, "p99.9")]
)
def test_percentiles_go_as_far_as_the_calls_allow(calls: int, furthest: str) -> None:
    found = measured(sample(1, calls))
    assert [name for name in found if name.startswith("p")][-1] == furthest
    assert "max" in found


def test_the_value_is_that_of_all_calls_and_lies_in_its_interval() -> None:
    taken = sample(10, 200)
    p99 = measured(taken)["p99"]
    assert p99.value == np.percentile(taken.seconds, 99, method="inverted_cdf")
    assert p99.low is not None
    assert p99.high is not None
    assert p99.low <= p99.value <= p99.high
    assert len(p99.rounds) == 10


def test_rounds_that_are_too_short_for_a_percentile_are_not_told() -> None:
    assert measured(sample(10, 20))["p99"].rounds == ()


def test_throughput_is_in_rows_a_second() -> None:
    found = measured(Sample((np.full(5, 0.01), np.full(5, 0.01))), rows=100)["throughput"]
    assert found.value == pytest.approx(10_000)
    assert found.load == "100 rows"


def test_one_call_is_told_without_an_interval() -> None:
    found = measured(Sample((np.array([0.5]),)))
    assert found["max"].value == 0.5
    assert found["throughput"].low is None


def test_a_curve_ends_where_one_call_lies_beyond() -> None:
    points = figures.curve("converted", 1, sample(10, 100)).points
    assert points[-1][0] == 99.9
    assert [value for _, value in points] == sorted(value for _, value in points)


def test_the_ratio_of_medians_is_taken_round_by_round() -> None:
    mood = np.linspace(1, 5, 12)  # what the machine did to both
    samples = {
        "a": Sample(tuple(np.full(3, 2 * slow) for slow in mood)),
        "b": Sample(tuple(np.full(3, slow) for slow in mood)),
    }
    found = figures.ratio_of_medians("a", "b", 10, samples)
    assert (found.of, found.over, found.load) == ("a", "b", "10 rows")
    assert found.estimate == found.low == found.high == 2.0
    assert found.rounds == (2.0,) * 12


def test_a_round_in_another_mood_does_not_widen_the_interval_of_the_median() -> None:
    quiet, busy = np.full(50, 0.001), np.full(50, 0.1)
    rounds = [*[quiet] * 6, busy, *[quiet] * 7]
    p50 = measured(Sample(tuple(rounds)))["p50"]
    assert (p50.value, p50.high) == (0.001, 0.001)
