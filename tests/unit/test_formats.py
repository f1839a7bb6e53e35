import pytest

from mlship import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.1e-7, "310 ns"), (1.23e-5, "12 µs"), (1.24e-3, "1.2 ms"), (9.999e-4, "1.0 ms"), (2.5, "2.5 s"), (75, "75 s")],
)
def test_times_are_written_short(value: float, text: str) -> None:
    assert formats.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.123, "0.12"), (1.26, "1.3"), (9.96, "10"), (12.4, "12"), (314.2, "314"), (2943, "2,940")],
)
def test_numbers_have_few_digits(value: float, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(12, "12 B"), (12_345, "12 kB"), (1.5e6, "1.5 MB"), (9.997e8, "1.0 GB"), (2e9, "2.0 GB")]
)
def test_sizes_are_in_powers_of_ten(value: float, text: str) -> None:
    assert formats.size(value) == text


@pytest.mark.parametrize(("value", "text"), [(314.2, "314x faster"), (1.25, "1.25x faster"), (0.5, "2.00x slower")])
def test_a_gain_says_its_direction(value: float, text: str) -> None:
    assert formats.gain(value) == text


@pytest.mark.parametrize(("value", "text"), [(2.0, "2.00x faster than it was"), (0.999, "as fast as it was")])
def test_a_gain_may_say_over_what(value: float, text: str) -> None:
    assert formats.gain(value, "it was") == text


@pytest.mark.parametrize("value", [1.0, 1.004, 0.9961])
def test_what_rounds_to_no_difference_is_as_fast(value: float) -> None:
    assert formats.gain(value) == "as fast"


@pytest.mark.parametrize(("factor", "text"), [(5.163, "5.16x smaller"), (0.5, "2.00x larger"), (1.003, "as large")])
def test_a_shrinkage_says_its_direction(factor: float, text: str) -> None:
    assert formats.shrinkage(factor) == text


def test_ticks_drop_a_zero() -> None:
    assert formats.tick(0.001) == "1 ms"
