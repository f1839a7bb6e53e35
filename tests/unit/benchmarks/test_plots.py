import numpy as np
import pytest

from mlship.benchmarks import plots


def test_a_curve_goes_no_further_than_its_values_tell() -> None:
    assert [q for q, _ in plots.curve(np.ones(100))][-1] == 99
    assert [q for q, _ in plots.curve(np.ones(1000))][-1] == 99.9
    assert [q for q, _ in plots.curve(np.ones(1))][-1] == 50


def test_a_curve_never_falls() -> None:
    values = [value for _, value in plots.curve(np.random.default_rng(0).lognormal(size=5000))]
    assert values == sorted(values)


def test_a_tenfold_latency_is_the_same_step_anywhere() -> None:
    chart = plots.latency({"a": [[0, 1e-5], [50, 1e-4], [90, 1e-3]]}, {"a": 0})
    first, second = (mark[1] for mark in chart.lines[0].marks)
    ticks = {tick.label: tick.at for tick in chart.y}
    assert ticks["100 µs"] == pytest.approx(first)
    assert ticks["1 ms"] == pytest.approx(second)
    assert ticks["10 µs"] - ticks["100 µs"] == pytest.approx(ticks["100 µs"] - ticks["1 ms"])


def test_each_nine_is_the_same_step() -> None:
    chart = plots.latency({"a": [[0, 1e-5], [99.9, 1e-4]]}, {"a": 0})
    at = {tick.label: tick.at for tick in chart.x}
    assert at["99%"] - at["90%"] == pytest.approx(at["99.9%"] - at["99%"])


def test_everything_is_drawn_inside_the_area() -> None:
    curves = {"a": plots.curve(np.full(10_000, 1e-5)), "b": plots.curve(np.geomspace(1e-6, 10, 10_000))}
    chart = plots.latency(curves, {"a": 0, "b": 1})
    for line in chart.lines:
        for point in line.path.removeprefix("M").split(" L"):
            x, y = map(float, point.split(","))
            assert chart.left - 0.1 <= x <= chart.right + 0.1
            assert chart.top - 0.1 <= y <= chart.bottom + 0.1


def test_labels_do_not_crowd() -> None:
    for top in (1.1e-5, 1e-4, 1e-3, 1e-1, 10.0):
        chart = plots.latency({"a": [[0, 1e-5], [99, top]]}, {"a": 0})
        assert 2 <= len(chart.y) <= 10
