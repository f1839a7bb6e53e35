from mlship.load.tally import Counted, Tally

MS = 1_000_000


def told(count: float = 0.3, length: float = 0.1) -> tuple[Tally, list[Counted]]:
    slices: list[Counted] = []
    return Tally(1000 * MS, count, length, slices.append), slices


def test_a_slice_is_told_when_it_is_over() -> None:
    tally, slices = told()
    tally.latencies.extend([5, 6])
    tally.turn(1099 * MS)
    assert slices == []
    tally.turn(1100 * MS)
    assert [(each.number, each.second, each.seconds, each.answers) for each in slices] == [(0, 0.0, 0.1, 2)]


def test_slices_that_a_pause_has_swallowed_are_told_empty() -> None:
    tally, slices = told()
    tally.latencies.append(5)
    tally.turn(1250 * MS)
    assert [each.answers for each in slices] == [1, 0]


def test_the_last_slice_lasts_to_the_end() -> None:
    tally, slices = told()
    tally.turn(1250 * MS)
    tally.turn(1900 * MS)
    tally.end(2000 * MS)
    assert [(each.second, round(each.seconds, 9)) for each in slices] == [(0.0, 0.1), (0.1, 0.1), (0.2, 0.8)]


def test_a_run_that_is_cut_short_has_a_shorter_last_slice() -> None:
    tally, slices = told()
    tally.turn(1100 * MS)
    tally.end(1130 * MS)
    assert [round(each.seconds, 9) for each in slices] == [0.1, 0.03]


def test_a_failure_counts_in_its_slice_and_keeps_the_first_words() -> None:
    tally, slices = told()
    tally.fail("dropped", "first")
    tally.turn(1100 * MS)
    tally.fail("dropped", "second")
    tally.fail("timeout", "", waited=7)
    tally.end(1200 * MS)
    assert [(each.failures, each.answers, list(each.latencies)) for each in slices] == [(1, 0, []), (2, 0, [7])]
    assert tally.failures == {"dropped": 2, "timeout": 1}
    assert tally.failed == {"dropped": "first", "timeout": ""}
