from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.images.proofs.gates import check, check_size, check_time

FACTS = {"size": 152_000_000, "cold_start_seconds": 1.25, "rss_bytes": 90_000_000}


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"max_size": "152MB"},
        {"max_size": "145MiB"},
        {"max_size": "0.2GB", "max_cold_start": "2s", "max_rss": "90000kB"},
        {"max_cold_start": "1250ms"},
    ],
)
def test_what_is_within_its_limits_passes(limits: dict[str, str]) -> None:
    assert check(FACTS, **limits) is None


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_size": "150MB"}, "size is 152 MB, --max-size 150MB"),
        ({"max_size": "144MiB"}, "size is 152 MB, --max-size 144MiB"),
        ({"max_cold_start": "800ms"}, "cold start is 1.2 s, --max-cold-start 800ms"),
        ({"max_rss": "64MiB"}, "memory after the golden set is 90 MB, --max-rss 64MiB"),
    ],
)
def test_a_gate_that_is_not_met_is_named_with_both_figures(limits: dict[str, str], sentence: str) -> None:
    error = check(FACTS, **limits)
    assert error is not None
    assert error.message == f"the image does not meet its gates: {sentence}"
    assert error.exit_code == 4


def test_one_error_names_every_gate_that_is_not_met() -> None:
    error = check(FACTS, "1MB", "1ms", "1MB")
    assert error is not None
    assert all(option in error.message for option in ("--max-size 1MB", "--max-cold-start 1ms", "--max-rss 1MB"))


def test_a_figure_that_rounds_to_its_limit_is_written_out() -> None:
    error = check({"size": 150_000_001}, max_size="150MB")
    assert error is not None
    assert error.message.endswith("size is 150,000,001 bytes, --max-size 150MB")


@pytest.mark.parametrize("facts", [{}, {"cold_start_seconds": None}])
def test_what_was_not_measured_does_not_meet_its_gate(facts: dict[str, Any]) -> None:
    error = check(facts, max_cold_start="1m")
    assert error is not None
    assert "cold start was not measured, --max-cold-start 1m" in error.message


@pytest.mark.parametrize("text", ["", "150", "150mb", "MB", "-5MB", "+10%", "0MB", "2s", "> 5MB", "nanMB", "15 0MB"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(FACTS, max_size=text)
    assert caught.value.message == f"'{text}' is not a size"
    assert "150MB" in caught.value.hint


@pytest.mark.parametrize("text", ["2", "2sec", "0s", "+10%", "150MB", "soon"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_time(text)
    assert caught.value.message == f"'{text}' is not a time"
    assert "800ms" in caught.value.hint


def test_a_limit_can_be_checked_before_anything_is_built() -> None:
    assert (check_size("1.5GB"), check_time("2s")) == ("1.5GB", "2s")
    with pytest.raises(UsageError):
        check_size("2s")
