from collections.abc import Sequence

import numpy as np
import pytest

from mlship.load.histograms import Histogram
from mlship.load.job import Slice
from mlship.reports.model import Measurement
from mlship.trials import slices


def told(milliseconds: Sequence[float], *, second: float = 0.0, seconds: float = 1.0, failures: int = 0) -> Slice:
    histogram = Histogram()
    histogram.add((np.array(milliseconds) * 1_000_000).astype(np.int64))
    return Slice(second, seconds, len(milliseconds), failures, histogram.encode())


def by_name(found: Sequence[Measurement]) -> dict[str, Measurement]:
    assert all((each.of, each.load) == ("service", "c8") for each in found)
    return {each.metric: each for each in found}


def latencies(parts: Sequence[Slice]) -> dict[str, Measurement]:
    return by_name(slices.latencies("service", "c8", parts))


def test_percentiles_are_those_of_all_answers() -> None:
    found = latencies([told(np.arange(1, 101)), told(np.arange(101, 201))])
    assert found["p50"].value == pytest.approx(0.1, rel=0.01)
    assert found["p99"].value == pytest.approx(0.198, rel=0.01)
    assert found["max"].value == pytest.approx(0.2, rel=0.01)
    assert found["p50"].rounds == pytest.approx((0.05, 0.15), rel=0.01)


def test_a_percentile_that_the_number_of_answers_cannot_show_is_left_out() -> None:
    assert latencies([told(np.arange(1, 51))]).keys() == {"p50", "p90", "p95", "max"}


def test_slices_with_too_few_answers_are_taken_together() -> None:
    found = latencies([told(np.arange(1, 61)) for _ in range(5)])
    assert len(found["p50"].rounds) == 5
    assert len(found["p99"].rounds) == 2


def test_a_stall_in_one_slice_is_inside_the_interval() -> None:
    parts = [told([5.0] * 100) for _ in range(19)] + [told([5.0] * 50 + [2000.0] * 50)]
    p99 = latencies(parts)["p99"]
    assert p99.value == pytest.approx(2.0, rel=0.01)
    assert p99.low is not None
    assert p99.low < 0.01
    assert p99.high == pytest.approx(2.0, rel=0.01)


def test_without_an_answer_there_is_nothing_to_tell() -> None:
    silent = [told([], failures=3)]
    assert slices.latencies("service", "c8", silent) == []
    assert slices.curve("service", "c8", silent) is None


def test_rates_are_answers_a_second_and_the_share_of_failures() -> None:
    parts = [told([1.0] * 90, failures=10, seconds=0.5), told([1.0] * 100, second=0.5, seconds=0.5)]
    found = by_name(slices.rates("service", "c8", parts))
    assert found["throughput"].value == 190
    assert found["throughput"].rounds == (180, 200)
    assert found["errors"].value == pytest.approx(0.05)
    assert found["errors"].rounds == pytest.approx((0.1, 0))


def test_cpu_time_is_counted_from_the_end_of_the_first_slice() -> None:
    parts = [told([1.0] * 100, second=number * 0.5, seconds=0.5) for number in range(4)]
    marks = list(zip(parts, [7.0, 7.1, 7.3, 7.4], strict=True))
    [cpu] = slices.cpu("service", "c8", marks)
    assert cpu.value == pytest.approx(0.4 / 300)
    assert cpu.rounds == pytest.approx((0.001, 0.002, 0.001))


def test_short_slices_are_joined_before_cpu_time_is_divided() -> None:
    parts = [told([1.0] * 10, second=number * 0.1, seconds=0.1) for number in range(14)]
    [cpu] = slices.cpu("service", "c8", [(part, 0.01 * number) for number, part in enumerate(parts)])
    assert cpu.rounds == pytest.approx((0.001, 0.001, 0.001))


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_slice_says_nothing_of_cpu_time(count: int) -> None:
    assert slices.cpu("service", "c8", [(told([1.0]), 3.0)] * count) == []


def test_the_curve_ends_at_the_longest() -> None:
    curve = slices.curve("service", "c8", [told([1.0] * 99), told([40.0])])
    assert curve is not None
    assert curve.points[-1][1] == pytest.approx(0.04, rel=0.01)


def test_cpu_time_of_a_service_one_process_of_which_ended_is_left_out() -> None:
    parts = [told([1.0] * 100, second=number * 0.5, seconds=0.5) for number in range(4)]
    assert slices.cpu("service", "c8", list(zip(parts, [7.0, 7.1, 3.3, 3.4], strict=True))) == []
