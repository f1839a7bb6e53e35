import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from mlship.load.histograms import LONGEST, Histogram


def histogram(*values: int) -> Histogram:
    made = Histogram()
    made.add(np.array(values, dtype=np.int64))
    return made


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0, 1, 2, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 4097], id="edges"),
        pytest.param([2**power + off for power in range(1, 41) for off in (-1, 0, 1)], id="powers of two"),
        pytest.param(np.random.default_rng(0).lognormal(13, 2, 5000).astype(np.int64).tolist(), id="latencies"),
        pytest.param([LONGEST], id="longest"),
    ],
)
def test_values_are_counted_where_the_library_counts_them(values: list[int]) -> None:
    expected = HdrHistogram(1, LONGEST, 3)
    for value in values:
        assert expected.record_value(value)
    assert histogram(*values).encode() == expected.encode().decode()


def test_values_out_of_range_count_as_the_nearest() -> None:
    assert histogram(-5, 2 * LONGEST).count == 2
    assert histogram(2 * LONGEST).longest == pytest.approx(3600, rel=1e-3)


def test_percentiles_are_within_a_thousandth() -> None:
    values = np.random.default_rng(0).lognormal(13, 1, 10_000).astype(np.int64)
    wanted = [0.1, 50, 90, 99, 99.9, 100]
    expected = [np.sort(values)[round(each * 100) - 1] * 1e-9 for each in wanted]
    np.testing.assert_allclose(histogram(*values.tolist()).percentiles(wanted), expected, rtol=1e-3)


def test_histograms_of_several_processes_add_up() -> None:
    both = Histogram.decode(histogram(10, 20).encode(), histogram(20, 5000).encode(), histogram().encode())
    assert both.encode() == histogram(10, 20, 20, 5000).encode()


def test_adding_twice_is_adding_all() -> None:
    made = histogram(100, 7000)
    made.add(np.array([3, 90_000], dtype=np.int64))
    assert made.encode() == histogram(3, 100, 7000, 90_000).encode()


def test_a_curve_rises_to_the_longest() -> None:
    made = histogram(*range(1000, 2_000_000, 1000))
    points = made.curve()
    assert points[-1] == (100.0, made.longest)
    assert [share for share, _ in points] == sorted(share for share, _ in points)
    assert all(seconds == pytest.approx(share * 2e-5, rel=0.01) for share, seconds in points if share > 10)


def test_nothing_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="no latency was counted"):
        histogram().percentiles([50])
    assert histogram().curve() == ()
