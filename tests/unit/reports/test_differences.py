import pytest

from mlship.reports import differences
from mlship.reports.differences import Difference
from mlship.reports.model import Measurement, Report
from tests.unit.reports import samples


def report(before: Measurement, after: Measurement) -> Report:
    return samples.minimal().model_copy(update={"measurements": (after,), "baseline": (before,)})


def only(before: Measurement, after: Measurement) -> Difference:
    [found] = differences.to_baseline(report(before, after))
    return found


def p50(value: float, spread: float = 0.02) -> Measurement:
    return samples.measured("p50", "service", "c8", value, spread=spread)


@pytest.mark.parametrize(("after", "effect"), [(0.9e-3, "better"), (1.1e-3, "worse"), (1.01e-3, "unclear")])
def test_intervals_that_do_not_touch_make_a_difference(after: float, effect: str) -> None:
    assert only(p50(1e-3), p50(after)).effect == effect


def test_times_without_an_interval_make_no_difference() -> None:
    found = only(p50(1e-3, spread=0), p50(2e-3, spread=0))
    assert found.ratio == 2
    assert found.effect == "unclear"


def test_sizes_and_scores_are_exact() -> None:
    before, after = (samples.measured("size", "converted", "", value, spread=0) for value in (100.0, 101.0))
    assert only(before, after).effect == "worse"


def test_nothing_before_has_no_ratio() -> None:
    before, after = (samples.measured("errors", "service", "c8", value, spread=0) for value in (0.0, 0.1))
    found = only(before, after)
    assert (found.before, found.after, found.ratio, found.effect) == (0.0, 0.1, None, "unclear")


def test_the_interval_of_a_gate_is_taken_where_there_is_one() -> None:
    [found] = [each for each in differences.to_baseline(samples.full()) if (each.metric, each.load) == ("p99", "c64")]
    assert (found.low, found.high) == (1.004, 1.058)
    assert found.effect == "worse"


def test_times_of_another_machine_make_no_difference_and_sizes_do() -> None:
    sizes = [samples.measured("size", "converted", "", value, spread=0) for value in (100.0, 90.0)]
    across = report(p50(1e-3), p50(2e-3)).model_copy(
        update={
            "options": {"across_hosts": True},
            "baseline": (p50(1e-3), sizes[0]),
            "measurements": (p50(2e-3), sizes[1]),
        }
    )
    assert [each.effect for each in differences.to_baseline(across)] == ["unclear", "better"]


def test_what_only_one_side_has_is_left_out() -> None:
    assert differences.to_baseline(report(p50(1e-3).model_copy(update={"load": "c1"}), p50(1e-3))) == []


def test_a_comparison_has_both_values() -> None:
    found = {each.metric: each for each in differences.to_other(samples.comparison())}
    assert found["p50"].before == 361e-6
    assert found["p50"].after == 352e-6
    assert [found[metric].effect for metric in ("p50", "p99", "cpu")] == ["better", "worse", "unclear"]
