from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlship.load.histograms import Histogram
from mlship.load.job import Result, Slice
from mlship.trials import paired
from mlship.trials.paired import Paired, Round, Turns
from mlship.trials.plans import closed_loop

PLAN = closed_loop(8)


def turn(milliseconds: float, answers: int = 200, seconds: float = 0.05) -> Slice:
    histogram = Histogram()
    histogram.add(np.full(answers, int(milliseconds * 1_000_000)))
    return Slice(0.0, seconds, answers, 0, histogram.encode())


def turns(each: Sequence[Slice], cpu: float = 1e-5, busy: float = 0.5, bottleneck: str = "") -> Turns:
    result = Result([turn(99.0), *each], 1.0, 100, [], busy_share=busy)
    return Turns(result, 1, cpu, bottleneck)


def a_round(this: Turns, other: Turns, *, cold: tuple[float, float] = (0.4, 0.4), rss: int = 10) -> Round:
    return Round(
        {"this": cold[0], "other": cold[1]}, {"this": rss, "other": 10}, {"c8": {"this": this, "other": other}}
    )


def under(*rounds: Round) -> Paired:
    return paired.under(PLAN, rounds)


def ratios(found: Paired) -> dict[str, float]:
    assert all((each.of, each.over) == ("this", "other") for each in found.ratios)
    return {each.metric: each.estimate for each in found.ratios}


def test_ratios_are_this_over_other() -> None:
    found = ratios(under(*[a_round(turns([turn(3, 100)] * 4, cpu=3e-5), turns([turn(2, 200)] * 4))] * 6))
    assert found["p50"] == pytest.approx(1.5, rel=0.01)
    assert found["p99"] == pytest.approx(1.5, rel=0.01)
    assert found["throughput"] == pytest.approx(0.5)
    assert found["cpu"] == pytest.approx(3.0)


def test_the_ratio_of_p50_is_that_of_neighbouring_turns() -> None:
    mood = [1, 1, 5, 5, 1]  # what the machine did to both
    found = ratios(under(a_round(turns([turn(2 * each) for each in mood]), turns([turn(each) for each in mood]))))
    assert found["p50"] == pytest.approx(2.0, rel=0.01)


def test_a_stall_in_a_few_turns_shows_in_p99_and_throughput_but_not_in_p50() -> None:
    stalled = turns([turn(1)] * 8 + [turn(50, 20, seconds=0.5)] * 2)
    found = ratios(under(a_round(stalled, turns([turn(1)] * 10))))
    assert found["p50"] == pytest.approx(1.0)
    assert found["p99"] == pytest.approx(50.0, rel=0.01)
    assert found["throughput"] < 0.4


def test_the_warm_up_is_left_out() -> None:
    found = under(a_round(turns([turn(1)]), turns([turn(1)])))
    assert max(each.value for each in found.measurements if each.metric == "p50") == pytest.approx(0.001, rel=0.01)


def test_percentiles_that_a_round_has_too_few_answers_for_are_left_out() -> None:
    found = under(a_round(turns([turn(1, 20)]), turns([turn(1, 20)])))
    assert "p95" in ratios(found)
    assert "p99" not in ratios(found)


def test_cpu_time_that_the_kernel_did_not_count_is_left_out() -> None:
    assert "cpu" not in ratios(under(a_round(turns([turn(1)], cpu=0.0), turns([turn(1)]))))


def test_each_round_is_one_value() -> None:
    found = under(*[a_round(turns([turn(1)] * 4), turns([turn(1)] * 4))] * 7)
    assert {len(each.rounds) for each in [*found.ratios, *found.measurements]} == {7}


def test_what_the_generator_could_not_keep_up_with_is_told() -> None:
    found = under(a_round(turns([turn(1)]), turns([turn(1)], busy=0.95, bottleneck="the generator was busy")))
    [load] = found.loads
    assert (load.name, load.requests, load.busy_share) == ("c8", 400, 0.95)
    assert load.bottleneck == "the generator was busy"


def test_cold_start_and_memory_are_compared_too() -> None:
    rounds = [a_round(turns([turn(1)]), turns([turn(1)]), cold=(0.6, 0.3), rss=20)] * 6
    assert ratios(paired.started(rounds)) == {"cold_start": pytest.approx(2.0), "rss": pytest.approx(2.0)}


def test_memory_that_could_not_be_read_has_no_ratio() -> None:
    rounds = [a_round(turns([turn(1)]), turns([turn(1)]), rss=0)] * 6
    assert ratios(paired.started(rounds)) == {"cold_start": 1.0}


def test_a_load_tells_what_its_rounds_took_with_their_starts() -> None:
    long = replace(a_round(turns([turn(1)] * 4), turns([turn(1)] * 4)), seconds=2.5)
    [load] = under(long, long).loads
    assert (load.seconds, load.elapsed) == (pytest.approx(0.8), 5.0)
