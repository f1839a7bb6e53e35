from array import array
from dataclasses import replace

from mlship.load.histograms import Histogram
from mlship.load.job import Result, Slice
from mlship.load.merging import Merging
from mlship.load.tally import Counted

ONE = Result(slices=(), seconds=1.0, sent=10, answers=[[b"x"], [b"y"]])


def counted(number: int, *latencies: int, failures: int = 0, seconds: float = 0.5) -> Counted:
    return Counted(number, number * 0.5, seconds, len(latencies), failures, array("q", latencies))


def test_slices_of_the_same_number_add_up() -> None:
    merging = Merging(2, None)
    for each in (counted(0, 10, 20), counted(0, 30, failures=2, seconds=0.7), counted(1, 40), counted(1)):
        merging.add(each)
    first, second = merging.result([ONE, ONE]).slices
    assert (first.second, first.seconds, first.answers, first.failures) == (0.0, 0.7, 3, 2)
    assert Histogram.decode(first.histogram).percentiles([100]) == [30e-9]
    assert (second.second, second.answers) == (0.5, 1)


def test_a_slice_is_told_once_all_have_told_it() -> None:
    told: list[Slice] = []
    merging = Merging(2, told.append)
    merging.add(counted(0, 10))
    merging.add(counted(1, 10))
    assert told == []
    merging.add(counted(0, 20))
    assert [(each.second, each.answers) for each in told] == [(0.0, 2)]


def test_what_not_all_have_told_counts_at_the_end() -> None:
    merging = Merging(2, None)
    merging.add(counted(0, 10))
    assert [each.answers for each in merging.result([ONE, ONE]).slices] == [1]


def test_counts_add_up_and_the_busiest_counts() -> None:
    other = replace(
        ONE,
        seconds=1.5,
        unchecked=1,
        reconnected=2,
        late=3,
        busy_share=0.9,
        failures={"timeout": 1, "dropped": 2},
        failed={"timeout": "b", "dropped": "c"},
    )
    first = replace(ONE, busy_share=0.4, failures={"timeout": 4}, failed={"timeout": "a"})
    result = Merging(2, None).result([first, other])
    assert (result.seconds, result.sent, result.processes) == (1.5, 20, 2)
    assert (result.unchecked, result.reconnected, result.late, result.busy_share) == (1, 2, 3, 0.9)
    assert result.failures == {"timeout": 5, "dropped": 2}
    assert result.failed == {"timeout": "a", "dropped": "c"}


def test_answers_are_put_together_by_body() -> None:
    other = replace(ONE, answers=[[b"x", b"z"], [b"y"]])
    assert Merging(2, None).result([ONE, other]).answers == [[b"x", b"z"], [b"y"]]


def test_more_than_sixteen_answers_to_a_body_are_not_checked() -> None:
    sides = [replace(ONE, answers=[[b"%d" % number for number in range(low, low + 10)]]) for low in (0, 10)]
    result = Merging(2, None).result(sides)
    assert len(result.answers[0]) == 16
    assert result.unchecked == 4
