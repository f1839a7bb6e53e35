from typing import Any

import pytest

from mlship.benchmarks import report


def measured(estimate: float) -> dict[str, Any]:
    """Return what the headline reads of a report without a service."""
    pair = {"of": "converted", "over": "original", "estimate": estimate, "low": estimate, "high": estimate}
    candidates = {"original": {"p50_seconds": 1e-5 * estimate}, "converted": {"p50_seconds": 1e-5}}
    return {"in_process": [{"candidates": candidates, "speedups": [pair]}], "service": None}


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (471.0, "one row: 10 µs, 471x faster than the original"),
        (0.5, "one row: 10 µs, 2.00x slower than the original"),
        (0.998, "one row: 10 µs, as fast as the original"),
    ],
)
def test_the_headline_says_how_fast_against_the_original(estimate: float, words: str) -> None:
    assert report.headline(measured(estimate)) == words
