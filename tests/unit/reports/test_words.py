import pytest

from mlship.reports import words
from tests.unit.reports import samples


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("p50", 14.2e-3, "14.2 ms"),
        ("p50", 999.7e-6, "1.00 ms"),
        ("p50", 3.1e-9, "3.10 ns"),
        ("p50", 75.0, "75.0 s"),
        ("p50", 0.0, "0 s"),
        ("throughput", 5_934.0, "5,930/s"),
        ("throughput", 0.0, "0/s"),
        ("rss", 71_340_000, "71.3 MB"),
        ("rss", 12_000_000_000, "12.0 GB"),
        ("size", 812, "812 B"),
        ("size", 0, "0 B"),
        ("errors", 0.0012, "0.12 %"),
        ("errors", 0.0, "0 %"),
        ("accuracy", 0.98333, "0.9833"),
        ("r2", -0.2, "-0.2"),
        ("cost", 0.0123, "0.0123"),
        ("of a plugin", 12.345, "12.35"),
    ],
)
def test_figures_have_three_digits_and_their_unit(metric: str, value: float, told: str) -> None:
    assert words.figure(metric, value) == told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("c1", "1 connection"),
        ("c8x100", "8 connections, 100 rows"),
        ("2000/s", "2,000/s"),
        ("0.5/s", "0.5/s"),
        ("500/s-poisson", "500/s, random arrivals"),
        ("500/sx10", "500/s, 10 rows"),
        ("1 row", "1 row"),
        ("anything else", "anything else"),
    ],
)
def test_loads_are_said_in_words(name: str, told: str) -> None:
    assert words.load(name) == told


@pytest.mark.parametrize(("name", "rows"), [("1 row", 1), ("10,000 rows", 10_000), ("c8", None), ("", None)])
def test_calls_in_process_are_known_by_their_rows(name: str, rows: int | None) -> None:
    assert words.rows_of(name) == rows


@pytest.mark.parametrize(
    ("ratio", "told"),
    [
        (1.031, "+3.1 %"),
        (0.88, "\N{MINUS SIGN}12 %"),
        (1.0, "0 %"),
        (2.4, "2.40x"),
        (0.33, "0.33x"),
        (0.01, "1/100"),
        (0, "0"),
    ],
)
def test_a_change_has_its_sign(ratio: float, told: str) -> None:
    assert words.change(ratio) == told


def test_times_that_are_far_apart_are_said_as_faster() -> None:
    assert words.faster("p50", 1 / 210) == "210x faster"
    assert words.faster("p50", 3.0) == "3.00x slower"
    assert words.faster("throughput", 3.0) == "3.00x"
    assert words.faster("of a plugin", 3.0) == "3.00x"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (1.012, 1.058, "+1.2 to +5.8 %"),
        (0.88, 2.5, "\N{MINUS SIGN}12 % to 2.50x"),
        (1 / 217, 1 / 202, "202x to 217x"),
        (0.0, 0.25, "4.00x or more"),
    ],
)
def test_the_interval_of_a_change_names_its_unit_once(low: float, high: float, told: str) -> None:
    assert words.changes(low, high) == told


@pytest.mark.parametrize(
    ("metric", "low", "high", "effect"),
    [
        ("p99", 0.9, 0.95, "better"),
        ("p99", 1.01, 1.2, "worse"),
        ("p99", 0.99, 1.2, "unclear"),
        ("throughput", 1.01, 1.2, "better"),
        ("throughput", 0.9, 0.95, "worse"),
        ("throughput", 1.0, 1.2, "unclear"),
        ("of a plugin", 1.1, 1.2, "unclear"),
    ],
)
def test_only_an_interval_on_one_side_is_an_effect(metric: str, low: float, high: float, effect: str) -> None:
    assert words.effect(metric, low, high) == effect


def test_an_interval_names_its_unit_once() -> None:
    found = samples.measured("p50", "service", "c8", 14.2e-3)
    assert words.interval(found) == "13.9 to 14.5 ms"
    assert words.interval(found, short=True) == "13.9 to 14.5"


def test_an_interval_over_a_border_of_units_names_both() -> None:
    found = samples.measured("p50", "service", "c8", 1e-3)
    assert words.interval(found, short=True) == "980 µs to 1.02 ms"


def test_no_interval_is_no_words() -> None:
    assert not words.interval(samples.measured("size", "converted", "", 12.0, spread=0))
