import numpy as np
import pytest
from numpy.typing import NDArray

from mlship.intervals import interval, percentile_interval, ratio_of


def correlated(count: int, likeness: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a series about 10 in which neighbours resemble each other."""
    values = [random.normal()]
    while len(values) < count:
        values.append(likeness * values[-1] + np.sqrt(1 - likeness**2) * random.normal())
    return 10 + np.array(values)


def run(random: np.random.Generator, *, slices: int = 20, spread: float = 0.0) -> list[tuple[NDArray, NDArray]]:
    """Draw latencies about 1, whose level differs between slices by ``spread``."""
    moods = random.normal(0, spread, slices)
    return [(np.exp(mood + random.normal(0, 0.3, 300)), np.ones(300, dtype=np.int64)) for mood in moods]


@pytest.mark.parametrize("count", [2, 3, 5, 6, 10, 30])
@pytest.mark.parametrize("likeness", [0.0, 0.3])
def test_the_interval_of_a_median_holds_it_about_as_often_as_it_says(count: int, likeness: float) -> None:
    random = np.random.default_rng(count)
    found = [interval(correlated(count, likeness, random)) for _ in range(400)]
    assert sum(low <= 10 <= high for low, high in found) >= (365 if likeness == 0 else 340)


def test_the_interval_is_wider_where_neighbours_resemble_each_other() -> None:
    series = correlated(40, 0.9, np.random.default_rng(1))
    shuffled = np.random.default_rng(2).permutation(series)
    together, apart = interval(series), interval(shuffled)
    assert together[1] - together[0] > apart[1] - apart[0]


def test_one_outlier_hardly_moves_the_interval() -> None:
    series = correlated(20, 0.0, np.random.default_rng(3))
    low, high = interval(series)
    series[7] = 1e6
    assert interval(series)[1] < high + (high - low)


def test_equal_values_have_an_interval_without_width() -> None:
    assert interval([3.0] * 9) == (3.0, 3.0)


def test_the_interval_of_few_times_does_not_go_below_zero() -> None:
    assert interval([0.1, 9.0])[0] == 0.0


def test_a_single_value_has_no_interval() -> None:
    with pytest.raises(ValueError, match="single"):
        interval([1.0])


@pytest.mark.parametrize("count", [2, 3, 5, 6, 8, 10, 25, 60])
def test_two_of_the_same_thing_are_seldom_told_apart(count: int) -> None:
    random = np.random.default_rng(count)
    found = [ratio_of(np.exp(0.1 * random.standard_t(2, count))) for _ in range(400)]
    assert sum(each.slower or each.faster for each in found) <= 32  # 5 % are 20


@pytest.mark.parametrize("count", [3, 5, 6, 25])
def test_a_clear_difference_is_told(count: int) -> None:
    random = np.random.default_rng(count)
    found = ratio_of(1.15 * random.lognormal(0, 0.02, count))
    assert found.slower
    assert found.low < 1.15 < found.high


def test_turning_the_ratios_over_turns_the_interval_over() -> None:
    ratios = np.random.default_rng(5).lognormal(0.1, 0.2, 12)
    found, turned = ratio_of(ratios), ratio_of(1 / ratios)
    assert (found.low, found.estimate, found.high) == pytest.approx(
        (1 / turned.high, 1 / turned.estimate, 1 / turned.low)
    )


def test_a_single_pair_is_neither_slower_nor_faster_within_a_factor_of_two() -> None:
    assert not ratio_of([1.9]).slower
    assert ratio_of([2.1]).slower


@pytest.mark.parametrize("ratios", [[], [1.0, 0.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_what_is_no_ratio_is_refused(ratios: list[float]) -> None:
    with pytest.raises(ValueError, match="positive"):
        ratio_of(ratios)


@pytest.mark.parametrize("q", [50, 95, 99])
@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_the_interval_of_a_percentile_holds_it_about_as_often_as_it_says(q: float, spread: float) -> None:
    random = np.random.default_rng(int(q))
    drawn = np.exp(random.normal(0, np.hypot(0.3, spread), 1_000_000))
    truth = np.percentile(drawn, q)
    found = [percentile_interval(run(random, spread=spread), q) for _ in range(100)]
    assert sum(low <= truth <= high for low, high in found) >= 88


def test_a_stall_in_one_slice_widens_the_interval_of_a_high_percentile() -> None:
    calm = run(np.random.default_rng(7))
    stalled = [*calm[:-1], (np.full(300, 2.0e3), np.ones(300, dtype=np.int64))]
    assert percentile_interval(calm, 99)[1] < 10
    assert percentile_interval(stalled, 99)[1] == 2.0e3
    assert percentile_interval(stalled, 99)[0] < 10


def test_counts_stand_for_values() -> None:
    random = np.random.default_rng(8)
    slices = [random.integers(1, 50, 200).astype(np.float64) for _ in range(8)]
    counted = [np.unique(values, return_counts=True) for values in slices]
    single = [(values, np.ones(200, dtype=np.int64)) for values in slices]
    assert percentile_interval(counted, 90) == percentile_interval(single, 90)


def test_too_few_values_for_a_percentile_end_at_the_largest() -> None:
    values = np.arange(1.0, 101.0)
    assert percentile_interval([(values, np.ones(100, dtype=np.int64))], 99.9)[1] == 100.0


def test_a_run_without_two_values_has_no_interval() -> None:
    with pytest.raises(ValueError, match="single"):
        percentile_interval([(np.array([1.0]), np.array([1]))], 50)
