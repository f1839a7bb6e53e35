import pytest

from mlship.errors import GateError, UsageError
from mlship.reports.model import Call, Load, Report, Verdict
from mlship.verdicts import baseline as baselines
from mlship.verdicts.baseline import Baseline
from mlship.verdicts.expressions import parse
from mlship.verdicts.judging import judge, refuse
from tests.unit.verdicts.reports import measured, ratio, report


def one(found: Report, expression: str, baseline: Baseline | None = None, *, across_hosts: bool = False) -> Verdict:
    (verdict,) = judge(found, [parse(expression)], baseline, across_hosts=across_hosts)
    return verdict


def load(name: str, seconds: float) -> Load:
    return Load(name=name, arrivals="closed", connections=8, rows=1, seconds=seconds, requests=1000)


def older(*measurements, **more) -> Baseline:
    return baselines.of(report(*measurements, **more), "main.json")


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [("p99 > 12ms", "passed"), ("p99 > 8ms", "failed"), ("p99 > 10.5ms", "unclear"), ("p99 > 9.5ms", "unclear")],
)
def test_a_gate_fires_only_where_the_whole_interval_lies_beyond(expression: str, outcome: str) -> None:
    assert one(report(measured("p99", "service", "c8", 0.010, 0.1)), expression).outcome == outcome


@pytest.mark.parametrize(
    ("expression", "outcome"),
    [("throughput < 800", "passed"), ("throughput < 1200", "failed"), ("throughput < 1050", "unclear")],
)
def test_a_rate_fails_where_it_is_too_low(expression: str, outcome: str) -> None:
    assert one(report(measured("throughput", "service", "c8", 1000.0, 0.1)), expression).outcome == outcome


def test_rounds_stand_in_for_an_interval_that_is_not_given() -> None:
    rounds = tuple(0.010 + 0.0001 * step for step in range(10))
    verdict = one(report(measured("p99", "service", "c8", 0.01045, rounds=rounds)), "p99 > 10.4ms")
    assert verdict.outcome == "unclear"
    assert 0.010 <= verdict.low < verdict.value < verdict.high <= 0.0109


def test_a_stall_outside_the_interval_of_rounds_widens_it() -> None:
    verdict = one(report(measured("p99", "service", "c8", 0.5, low=0.01, high=0.02)), "p99 > 100ms")
    assert verdict.outcome == "unclear"
    assert verdict.high == 0.5


@pytest.mark.parametrize(("limit", "outcome"), [("199MB", "failed"), ("200MB", "passed"), ("201MB", "passed")])
def test_what_has_no_rounds_is_exact(limit: str, outcome: str) -> None:
    assert one(report(measured("size", "converted", "", 200e6)), f"size > {limit}").outcome == outcome


@pytest.mark.parametrize(("metric", "limit"), [("max", "1s"), ("errors", "0.1%")])
def test_what_happened_is_a_fact(metric: str, limit: str) -> None:
    found = report(measured(metric, "service", "c8", 2.0, 0.9, rounds=(0.0, 0.0, 2.0)))
    assert one(found, f"{metric} > {limit}").outcome == "failed"


def test_an_unclear_verdict_says_how_much_more_time_would_tell() -> None:
    found = report(measured("p99", "service", "c8", 0.010, 0.1), loads=(load("c8", 60.0),))
    verdict = one(found, "p99 > 10.5ms")
    assert verdict.minutes == pytest.approx(3.0)  # half the width takes four times the time, of which one is over
    assert "about 3 more minutes would tell" in verdict.sentence


def test_time_in_process_is_that_of_the_calls() -> None:
    call = Call(of="converted", load="1 row", rows=1, calls=6000, stable=True, reached=True)
    found = report(measured("p50", "converted", "1 row", 0.010, 0.1), calls=(call,))
    assert one(found, "p50 > 10.5ms").minutes == pytest.approx(3.0)


def test_a_value_at_the_limit_is_not_worth_waiting_for() -> None:
    found = report(measured("p99", "service", "c8", 0.010, 0.1), loads=(load("c8", 60.0),))
    verdict = one(found, "p99 > 10.001ms")
    assert verdict.minutes == 60
    assert "more than an hour" in verdict.sentence


def test_without_a_name_every_load_of_the_service_is_judged() -> None:
    found = report(
        measured("p99", "original", "1 row", 9.0),
        measured("p99", "service", "c1", 0.001),
        measured("p99", "service", "c64", 0.009),
    )
    verdicts = judge(found, [parse("p99 > 5ms")])
    assert [(each.of, each.load, each.outcome) for each in verdicts] == [
        ("service", "c1", "passed"),
        ("service", "c64", "failed"),
    ]


@pytest.mark.parametrize(
    ("there", "judged"),
    [
        (("original", "converted", "optimised"), "optimised"),
        (("original", "converted"), "converted"),
        (("original", "native"), "native"),
    ],
)
def test_what_the_service_does_not_have_is_judged_of_the_model_that_is_shipped(
    there: tuple[str, ...], judged: str
) -> None:
    found = report(*[measured("accuracy", of, "", 0.9) for of in there])
    assert one(found, "accuracy < 0.8").of == judged


@pytest.mark.parametrize(
    ("where", "subject"),
    [
        ("c64", ("service", "c64")),
        ("original/10,000 rows", ("original", "10,000 rows")),
        ("converted/10,000 rows", ("converted", "10,000 rows")),
        ("10000 rows", ("converted", "10,000 rows")),
        ("service/500/s", ("service", "500/s")),
        ("500/s", ("service", "500/s")),
        ("original/1 row", ("original", "1 row")),
        ("CANDIDATE/1 row", ("candidate", "1 row")),
        ("candidate", ("candidate", "1 row")),
        ("10,000 rows", ("converted", "10,000 rows")),
        ("service/c64", ("service", "c64")),
    ],
)
def test_a_name_is_a_load_or_a_subject_or_both(where: str, subject: tuple[str, str]) -> None:
    found = report(
        measured("p50", "original", "10,000 rows", 0.1),
        measured("p50", "converted", "10,000 rows", 0.1),
        measured("p50", "original", "1 row", 0.1),
        measured("p50", "candidate", "1 row", 0.1),
        measured("p50", "service", "c64", 0.1),
        measured("p50", "service", "500/s", 0.1),
    )
    verdict = one(found, f"p50@{where} > 1s")
    assert (verdict.of, verdict.load) == subject


def test_a_load_of_nothing_that_is_meant_by_default_needs_a_name() -> None:
    with pytest.raises(UsageError, match="say of what, after the @") as caught:
        one(report(measured("p50", "original", "1 row", 0.1)), "p50@1 row > 1s")
    assert caught.value.hint == "there is: original/1 row"


def test_the_name_of_a_subject_is_all_its_loads() -> None:
    found = report(
        *[measured("p50", of, load, 0.1) for of in ("original", "converted") for load in ("1 row", "10 rows")]
    )
    judged = judge(found, [parse("p50@original > 1s")])
    assert [(each.of, each.load) for each in judged] == [("original", "1 row"), ("original", "10 rows")]


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("p99@c46 > 1s", "no p99 was measured at 'c46'", "c64"),
        ("rss > 1MB", "no rss was measured", "there is: p99"),
    ],
)
def test_what_was_not_measured_is_refused_with_what_was(expression: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        one(report(measured("p99", "service", "c64", 0.1)), expression)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("low", "high", "outcome"), [(1.02, 1.08, "passed"), (1.11, 1.2, "failed"), (1.05, 1.2, "unclear")]
)
def test_a_change_is_that_of_interleaved_rounds(low: float, high: float, outcome: str) -> None:
    found = report(
        measured("p99", "this", "c8", 0.0142, 0.02),
        kind="comparison",
        ratios=(ratio("p99", "c8", (low + high) / 2, low, high), ratio("p99", "c8", 9, 8, 10, over="original")),
        subjects={"other": "../main"},
    )
    verdict = one(found, "p99 > +10%")
    assert verdict.outcome == outcome
    assert verdict.low == pytest.approx(low - 1)
    assert "against ../main" in verdict.sentence


def test_a_side_of_a_comparison_without_rounds_is_compared_by_its_figure() -> None:
    found = report(measured("size", "this", "", 110.0), measured("size", "other", "", 100.0), kind="comparison")
    verdict = one(found, "size > +5%")
    assert verdict.outcome == "failed"
    assert verdict.value == pytest.approx(0.1)
    assert len(judge(found, [parse("size > 5B")])) == 1


@pytest.mark.parametrize(
    ("now", "width", "outcome"),
    [(0.0103, 0.01, "passed"), (0.0130, 0.01, "failed"), (0.0130, 0.2, "unclear")],
)
def test_a_change_since_a_baseline_is_as_unsure_as_both(now: float, width: float, outcome: str) -> None:
    found = report(measured("p99", "service", "c8", now, width))
    verdict = one(found, "p99 > +10%", older(measured("p99", "service", "c8", 0.010, 0.02)))
    assert verdict.outcome == outcome
    assert verdict.high - verdict.value > 0.02


@pytest.mark.parametrize(
    ("metric", "base", "now", "outcome"),
    [
        ("rss", 100e6, 112e6, "unclear"),
        ("rss", 100e6, 115e6, "failed"),
        ("pss", 100e6, 115e6, "unclear"),
        ("pss", 100e6, 101e6, "passed"),
        ("cold_start", 0.5, 0.56, "unclear"),
        ("cold_start", 0.5, 2.0, "failed"),
        ("p99", 0.010, 0.012, "unclear"),
        ("size", 100e6, 111e6, "failed"),
        ("size", 100e6, 109e6, "passed"),
    ],
)
def test_what_was_measured_once_is_not_exact_against_another_run(
    metric: str, base: float, now: float, outcome: str
) -> None:
    found = report(measured(metric, "service", "", now))
    assert one(found, f"{metric} > +10%", older(measured(metric, "service", "", base))).outcome == outcome


def test_starts_that_were_repeated_speak_for_themselves() -> None:
    rounds = (0.5, 0.51, 0.49, 0.5, 0.505)
    found = report(measured("cold_start", "service", "", 0.6, rounds=tuple(1.2 * each for each in rounds)))
    verdict = one(found, "cold_start > +10%", older(measured("cold_start", "service", "", 0.5, rounds=rounds)))
    assert verdict.outcome == "failed"
    assert "measured once" not in verdict.sentence


def test_the_sentence_says_what_was_assumed_of_a_single_figure() -> None:
    found = report(measured("rss", "service", "", 103e6))
    sentence = one(found, "rss > +20%", older(measured("rss", "service", "", 100e6))).sentence
    assert "against main.json (measured once: taken to be right within 2 %); limit +20 %: passed" in sentence


def test_where_the_baseline_is_too_unsure_no_time_helps() -> None:
    found = report(measured("p99", "service", "c8", 0.0112, 0.01), loads=(load("c8", 60.0),))
    verdict = one(found, "p99 > +10%", older(measured("p99", "service", "c8", 0.010, 0.1)))
    assert verdict.outcome == "unclear"
    assert verdict.minutes is None


def test_a_machine_that_is_slower_today_makes_a_change_unsure() -> None:
    found = report(measured("p99", "service", "c8", 0.012, 0.01), reference=(0.024,) * 9)
    base = (measured("p99", "service", "c8", 0.010, 0.01),)
    assert one(found, "p99 > +10%", older(*base, reference=(0.020,) * 9)).outcome == "unclear"
    assert one(found, "p99 > +10%", older(*base, reference=(0.024,) * 9)).outcome == "failed"


@pytest.mark.parametrize(
    ("metric", "unit", "change"), [("p99", 1.0, 0.0), ("throughput", 1.0, 3.0), ("rss", 1.0, 1.0), ("f1", 1.0, 1.0)]
)
def test_across_hosts_times_and_rates_are_compared_by_the_reference_kernel(
    metric: str, unit: float, change: float
) -> None:
    operator = "<" if metric in {"throughput", "f1"} else ">"
    found = report(measured(metric, "service", "c8", 2 * unit), reference=(0.04,) * 9)
    base = older(measured(metric, "service", "c8", unit), reference=(0.02,) * 9)
    sign = "-" if operator == "<" else "+"
    assert one(found, f"{metric} {operator} {sign}5%", base, across_hosts=True).value == pytest.approx(change)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("p99 > +10%", "'main.json' has no p99 at 'service/c8'", "it has p99 at: service/c4"),
        ("rss > +10%", "'main.json' has no rss at 'service'", "no rss at all"),
        ("errors > +10%", "errors of one run against another's tells nothing", "0.1%"),
        ("max > +10%", "max of one run against another's tells nothing", "p99.9"),
        ("r2 < -10%", "r2 is -0.1 in 'main.json'", "limit of its own"),
    ],
)
def test_a_change_that_cannot_be_told_is_refused(expression: str, message: str, hint: str) -> None:
    everything = (("p99", "c8"), ("errors", "c8"), ("max", "c8"), ("rss", ""), ("r2", ""))
    found = report(*[measured(metric, "service", at, 0.5) for metric, at in everything])
    base = older(
        measured("p99", "service", "c4", 0.5),
        measured("errors", "service", "c8", 0.0),
        measured("max", "service", "c8", 0.5),
        measured("r2", "service", "", -0.1),
    )
    with pytest.raises(UsageError) as caught:
        one(found, expression, base)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_a_change_without_anything_to_compare_with_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing to compare with"):
        one(report(measured("p99", "service", "c8", 0.5)), "p99 > +10%")


def test_what_fell_to_nothing_changed_by_all_of_it() -> None:
    found = report(measured("throughput", "service", "c8", 0.0))
    verdict = one(found, "throughput < -5%", older(measured("throughput", "service", "c8", 10.0, 0.1)))
    assert (verdict.outcome, verdict.value) == ("failed", -1.0)


def test_the_sentence_says_figure_change_limit_and_outcome() -> None:
    found = report(measured("p99", "service", "c64", 0.0142, low=0.0139, high=0.0146))
    base = older(measured("p99", "service", "c64", 0.01377, 0.0))
    sentence = one(found, "p99@c64 > +10%", base).sentence
    assert sentence == (
        "p99@c64: 14.2 ms (13.9 to 14.6 ms), +3.1 % (+0.9 to +6 %) against main.json; limit +10 %: passed"
    )


def test_the_sentence_gives_a_unit_once() -> None:
    found = report(measured("throughput", "service", "c8", 5000.0, 0.02))
    assert one(found, "throughput < 4000").sentence == (
        "throughput@c8: 5,000/s (4,900 to 5,100/s); limit 4,000/s: passed"
    )


def test_the_sentence_names_what_is_not_the_service() -> None:
    sentence = one(report(measured("size", "converted", "", 210e6)), "size > 200MB").sentence
    assert sentence == "size@converted: 210 MB; limit 200 MB: failed"


def test_a_gate_that_fired_ends_in_an_error_with_its_sentence() -> None:
    found = report(measured("size", "converted", "", 210e6), measured("p99", "service", "c8", 0.01))
    verdicts = judge(found, [parse("size > 200MB"), parse("p99 > 1s")])
    with pytest.raises(GateError) as caught:
        refuse(verdicts)
    assert caught.value.message == verdicts[0].sentence


def test_what_is_unclear_passes_unless_strict() -> None:
    verdicts = judge(report(measured("p99", "service", "c8", 0.01, 0.1)), [parse("p99 > 10ms")])
    refuse(verdicts)
    with pytest.raises(GateError, match="unclear") as caught:
        refuse(verdicts, strict=True)
    assert "--strict" in caught.value.hint
