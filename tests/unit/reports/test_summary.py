import pytest

from mlship.reports import writing
from mlship.reports.model import Ratio, Report
from mlship.reports.summary import busiest, keys
from tests.unit.reports import samples


def measured(ratio: float) -> Report:
    """Return a report of one converted model that takes ``ratio`` times as long as the original."""
    found = Ratio(metric="p50", of="converted", over="original", load="1 row", estimate=ratio, low=ratio, high=ratio)
    value = samples.measured("p50", "converted", "1 row", 10e-6)
    return samples.minimal().model_copy(update={"measurements": (value,), "ratios": (found,)})


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1 / 471, "one row: 10 µs, 471x faster than the original"),
        (2.0, "one row: 10 µs, 2.00x slower than the original"),
        (1.002, "one row: 10 µs, as fast as the original"),
    ],
)
def test_the_headline_says_how_fast_against_the_original(ratio: float, words: str) -> None:
    assert writing.summarise(measured(ratio)) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("full", "service: 27,100 requests/s, p99 5.3 ms"),
        ("full", "p99 within 20 ms up to 17,200 requests/s"),
        ("full", "gates: 1 failed, 1 unclear, 1 passed"),
        ("comparison", "p50 at 8 connections \N{MINUS SIGN}2.5 %"),
        ("interrupted", "stopped early: nothing was measured"),
    ],
)
def test_the_headline_names_what_was_measured(name: str, words: str) -> None:
    assert words in writing.summarise(samples.everything()[name])


def test_a_headline_is_one_line() -> None:
    assert all("\n" not in writing.summarise(report) for report in samples.everything().values())


def test_the_lock_keeps_the_figures_of_the_busiest_load() -> None:
    facts = writing.facts(samples.full())
    assert facts["requests_per_second"] == 27_100
    assert facts["one_row_p50_seconds"] == 9.8e-6
    assert set(facts) >= {"p99_seconds", "rss_under_load_bytes", "cold_start_seconds", "one_row_speedup"}


def test_the_lock_keeps_nothing_that_was_not_measured() -> None:
    assert writing.facts(samples.minimal()) == {"one_row_p50_seconds": 12e-6}


def test_the_busiest_load_is_the_one_with_the_most_connections() -> None:
    found = busiest(samples.full())
    assert found is not None
    assert found.name == "c64"


def test_a_service_under_open_loops_alone_is_shown_at_its_highest_rate() -> None:
    found = busiest(samples.url())
    assert found is not None
    assert found.name == "2000/s"


def test_a_speedup_that_is_none_says_so() -> None:
    report = measured(1.01)
    unsure = report.ratios[0].model_copy(update={"low": 0.9, "high": 1.1})
    found = keys(report.model_copy(update={"ratios": (unsure,)}))
    assert [key.detail for key in found][1] == "no difference that this run can tell"


def test_no_rate_that_meets_the_objective_is_none() -> None:
    missed = samples.capacity().model_copy(update={"rate": 0.0})
    report = samples.minimal().model_copy(update={"capacities": (missed,)})
    assert keys(report)[-1].figure == "none"
    assert "at no rate" in writing.summarise(report)
