import math
from itertools import pairwise

import pytest

from mlship import axes


def test_a_scale_maps_its_ends_and_keeps_proportions() -> None:
    place = axes.scale(1.0, 3.0, 100.0, 0.0)
    assert [place(value) for value in (1.0, 2.0, 3.0)] == [100.0, 50.0, 0.0]


@pytest.mark.parametrize("largest", [1e-5, 1.1e-5, 3.0])
def test_a_logarithmic_axis_has_room_on_both_sides_and_at_least_a_decade(largest: float) -> None:
    low, high = axes.decades(1e-5, largest)
    assert low <= -5.1 + 1e-9
    assert high >= math.log10(largest) + 0.1 - 1e-9
    assert high - low >= 1.0 - 1e-9


@pytest.mark.parametrize("span", [1.0, 1.29, 1.5, 2.19, 2.3, 4.4, 4.9, 7.0])
def test_labels_side_by_side_are_a_fifth_of_the_axis_apart_or_more(span: float) -> None:
    for start in (-6.1, 2.93, 3.5):
        places = [math.log10(value) for value in axes.labels(start, start + span, beside=True)]
        assert len(places) >= 2
        assert min(b - a for a, b in pairwise(places)) >= span / 5 - 1e-9


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.0), (0.98, 0.9852), (-3.0, 1.0), (0.0, 1e-3), (0.9999, 1.0)])
def test_round_values_are_few_and_inside(low: float, high: float) -> None:
    values = axes.rounds(low, high)
    assert 3 <= len(values) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)


def test_round_values_are_round() -> None:
    assert axes.rounds(0.913, 0.987, most=5) == pytest.approx([0.92, 0.94, 0.96, 0.98])
