"""How the serving benchmarks take ratios."""

import pytest

from benchmarks.serving.figures import ALSO, FAST, FIGURES, LOADS, PLAIN, Figure, Found, cpu_ratio, p50, ratio, servers
from benchmarks.serving.loads import Measured
from benchmarks.serving.servers import KINDS


def _rates(*values: float | None) -> list[Measured | None]:
    return [None if value is None else Measured(value, 0, 0, 1e6 / value) for value in values]


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_disturbs_both_sides_alike() -> None:
    rounds = {("c64", PLAIN): _rates(1000, 100, 900), ("c64", "peer"): _rates(100, 10, 100)}
    assert ratio(Figure("", "c64", ("peer",)), PLAIN, rounds) == Found(10.0, 9.0, 10.0)


def test_the_best_peer_of_each_round_is_the_one_to_beat() -> None:
    rounds = {("c64", FAST): _rates(100, 100), ("c64", "a"): _rates(10, 20), ("c64", "b"): _rates(50, 5)}
    assert ratio(Figure("", "c64", ("a", "b")), FAST, rounds) == Found(3.5, 2.0, 5.0)


def test_the_best_peer_of_a_latency_is_the_one_with_the_lowest() -> None:
    rounds = {("c1", name): [Measured(1, p50=value, p99=9, cpu=1)] for name, value in (("us", 6), ("a", 2), ("b", 3))}
    assert ratio(Figure("", "c1", ("a", "b"), value=p50), "us", rounds) == Found(3.0, 3.0, 3.0)


def test_a_figure_without_peers_is_the_value_itself() -> None:
    assert ratio(Figure("", "c64"), PLAIN, {("c64", PLAIN): _rates(40, 20)}) == Found(30.0, 20.0, 40.0)


def test_rounds_in_which_a_side_failed_do_not_count() -> None:
    rounds = {("c64", PLAIN): _rates(None, 10, 30), ("c64", "peer"): _rates(1, None, 10)}
    assert ratio(Figure("", "c64", ("peer",)), PLAIN, rounds) == Found(3.0, 3.0, 3.0)


@pytest.mark.parametrize("there", [PLAIN, "peer"])
def test_there_is_no_ratio_where_a_side_was_not_measured(there: str) -> None:
    assert ratio(Figure("", "c64", ("peer",)), PLAIN, {("c64", there): _rates(1)}) is None


def test_by_cpu_time_a_server_that_needs_a_tenth_is_ten_times_as_fast() -> None:
    rounds = {("c64", PLAIN): _rates(1000, 900), ("c64", "peer"): _rates(100, 100)}
    assert cpu_ratio(Figure("", "c64", ("peer",)), PLAIN, rounds) == Found(
        pytest.approx(9.5, rel=0.01), pytest.approx(9.0), pytest.approx(10.0)
    )


@pytest.mark.parametrize(("at_least", "reached"), [(True, [False, True]), (False, [True, False])])
def test_a_goal_is_reached_from_its_own_side(at_least: bool, reached: list[bool]) -> None:
    assert [Found(found, 0, 9).reaches(2, at_least=at_least) for found in (1.9, 2.1)] == reached


def test_every_server_of_every_figure_is_one_that_can_be_started() -> None:
    assert {figure.load for figure in FIGURES} | {*ALSO} == {*LOADS}
    assert {name for load in LOADS for name in servers(load)} <= {*KINDS}
