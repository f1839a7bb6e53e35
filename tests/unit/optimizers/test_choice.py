"""Which candidate is kept: never a slower one, never one beyond the budget."""

from types import SimpleNamespace
from typing import Any

import onnx
import pytest

from mlship.errors import GateError
from mlship.measure import Ratio
from mlship.optimization import Advice, Candidate
from mlship.optimizers.choice import Wanted, best, front, reason, shortcoming
from mlship.optimizers.search import Search
from mlship.optimizers.trials import Trial
from mlship.quality import Quality

FASTER, SAME, SLOWER = Ratio(0.5, 0.45, 0.55), Ratio(1.0, 0.95, 1.05), Ratio(1.5, 1.4, 1.6)


def trial(name: str, size: int = 100, **given: Any) -> Trial:
    """Return a trial of ``size`` bytes; ``ratios`` are those at 1 and 100 rows."""
    lossless, steps = given.get("lossless", True), given.get("steps", ("graph",))
    candidate = Candidate(name, onnx.ModelProto(), steps, lossless=lossless)
    quality = Quality(1000, given.get("score", 1.0), 1.0, 0, 0.0)
    ratios = dict(zip((1, 100), given.get("ratios", (SAME, SAME)), strict=False))
    return Trial(candidate, b"x" * size, quality, given.get("objection", ""), ratios=ratios)


BASE = trial("converted", 100, steps=())
LATENCY = Wanted("latency")


def kept(*trials: Trial, wanted: Wanted = LATENCY) -> str:
    return best(trials, BASE, wanted).candidate.name


def test_the_fastest_is_kept() -> None:
    fast, faster = trial("fast", ratios=(FASTER, SAME)), trial("faster", ratios=(FASTER, FASTER))
    assert kept(fast, faster) == "faster"


def test_one_that_is_slower_at_an_asked_batch_size_is_never_kept() -> None:
    assert kept(trial("fast at one row only", ratios=(FASTER, SLOWER))) == "converted"


def test_a_difference_inside_the_noise_is_no_win() -> None:
    assert kept(trial("alike", ratios=(Ratio(0.9, 0.7, 1.1), SAME))) == "converted"


def test_one_beyond_the_budget_is_never_kept() -> None:
    assert kept(trial("wrong", ratios=(FASTER, FASTER), objection="loses 2 %")) == "converted"


def test_one_that_was_not_timed_is_never_kept() -> None:
    assert kept(trial("untimed", 1, ratios=()), wanted=Wanted("size")) == "converted"


def test_of_two_alike_the_one_that_loses_nothing_is_kept() -> None:
    lossy = trial("lossy", ratios=(FASTER, Ratio(0.49, 0.45, 0.55)), lossless=False)
    assert kept(lossy, trial("lossless", ratios=(FASTER, FASTER))) == "lossless"


def test_of_two_alike_the_one_of_fewer_steps_is_kept() -> None:
    tuned = trial("tuned", ratios=(FASTER, FASTER), steps=("graph", "session"))
    assert kept(tuned, trial("plain", ratios=(FASTER, FASTER))) == "plain"


@pytest.mark.parametrize(("size", "name"), [(50, "small"), (100, "converted"), (150, "converted")])
def test_for_size_only_a_smaller_one_is_kept(size: int, name: str) -> None:
    assert kept(trial("small", size, ratios=(FASTER, FASTER)), wanted=Wanted("size")) == name


def test_for_size_a_slower_one_is_not_kept() -> None:
    assert kept(trial("small", 10, ratios=(SLOWER, SAME)), wanted=Wanted("size")) == "converted"


def test_for_throughput_the_largest_batch_decides() -> None:
    single, many = trial("single", ratios=(FASTER, SAME)), trial("many", ratios=(SAME, FASTER))
    assert kept(single, many, wanted=Wanted("throughput")) == "many"
    assert kept(single, wanted=Wanted("throughput")) == "converted"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("latency", speedup=3.0), r"'fast', is 2\.00x as fast \(wanted 3\.00x\)"),
        (Wanted("size", size=40), r"'fast', is 50 B \(wanted at most 40 B\)"),
    ],
)
def test_a_gate_that_none_meets_names_the_nearest(wanted: Wanted, message: str) -> None:
    with pytest.raises(GateError, match=message):
        best([trial("fast", 50, ratios=(FASTER, FASTER))], BASE, wanted)


def test_a_gate_that_the_converted_model_meets_needs_no_candidate() -> None:
    assert kept(wanted=Wanted("latency", size=100)) == "converted"


def test_a_gate_passes_over_what_does_not_meet_it() -> None:
    fastest, small = trial("fastest", 90, ratios=(FASTER, FASTER)), trial("small", 10, ratios=(FASTER, SAME))
    assert kept(fastest, small, wanted=Wanted("latency", size=50)) == "small"


def test_the_pareto_front_leaves_out_what_another_beats_in_everything() -> None:
    good, bad = trial("good", 50, ratios=(FASTER, FASTER)), trial("bad", 60, ratios=(SAME, FASTER))
    exact = trial("exact", 100, ratios=(FASTER, FASTER), score=1.1)
    assert [item.candidate.name for item in front([good, bad, exact], BASE)] == ["good", "exact"]


def test_each_has_its_reason() -> None:
    found = {
        shortcoming(trial("a", objection="loses 2 %"), BASE, "latency"),
        shortcoming(trial("b", ratios=(SAME, SLOWER)), BASE, "latency"),
        shortcoming(trial("c"), BASE, "latency"),
        shortcoming(trial("d", ratios=(FASTER, SAME)), BASE, "size"),
        shortcoming(trial("e", ratios=(FASTER, SAME)), BASE, "latency"),
    }
    assert found == {"loses 2 %", "slower at 100 rows a call", "not faster beyond the noise", "not smaller", ""}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            Search(BASE, advice={"quantize": Advice(applies=False, why="nothing to quantize: trees")}),
            "nothing to quantize",
        ),
        (Search(BASE, cut_short="graph"), "time was up at graph"),
        (Search(BASE, [trial("a", ratios=())], cut_short="measuring"), "time was up before the candidates"),
        (Search(BASE, [trial("a", objection="loses 2 %")]), "no candidate stays within the budget"),
        (Search(BASE, [trial("a")]), "none of 1 candidates within the budget is faster"),
    ],
)
def test_where_nothing_is_gained_the_reason_is_said(found: Search, words: str) -> None:
    task: Any = SimpleNamespace(objective="latency")
    assert reason(BASE, found, task).startswith(f"the converted model stays: {words}")
