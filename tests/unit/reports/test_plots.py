import math

import pytest

from mlship.reports import plots
from mlship.reports.drawing import MOST_LINES, Plot
from mlship.reports.model import Curve, Step, Timeline
from tests.unit.reports import samples


def every(name: str) -> list[Plot]:
    report = samples.everything()[name]
    makers = (plots.of_calls, plots.of_service, plots.over_time, plots.of_candidates)
    return [plot for make in makers for plot in make(report)]


@pytest.mark.parametrize("name", samples.everything())
def test_x_ascends_and_each_line_has_a_value_for_each(name: str) -> None:
    for plot in every(name):
        assert list(plot.x) == sorted(plot.x)
        assert {len(line.values) for line in plot.lines} == {len(plot.x)}
        assert plot.labels == () or len(plot.labels) == len(plot.x)


@pytest.mark.parametrize("name", samples.everything())
def test_no_plot_has_two_lines_that_look_alike(name: str) -> None:
    for plot in every(name):
        looks = [(line.colour, line.drawn) for line in plot.lines]
        assert len(set(looks)) == len(looks) <= MOST_LINES


def test_a_full_report_has_all_its_plots() -> None:
    assert [plot.title for plot in every("full")] == [
        "1 row a call",
        "10 rows a call",
        "100 rows a call",
        "10,000 rows a call",
        "Latency by percentile",
        "Latency against throughput",
        "Search for p99 within 20 ms",
        "service, 2,000/s",
        "Accuracy against latency",
    ]


def test_a_minimal_report_has_no_plots() -> None:
    assert every("minimal") == []


def test_nines_are_at_equal_distances() -> None:
    points = ((0.0, 1.0), (90.0, 2.0), (99.0, 3.0), (99.9, 4.0))
    [plot] = plots.of_service(
        samples.minimal().model_copy(update={"curves": (Curve(of="a", load="c1", points=points),)})
    )
    assert plot.x == pytest.approx((0, 1, 2, 3))


def test_the_largest_value_lies_at_infinity_and_is_left_out() -> None:
    points = ((50.0, 1.0), (100.0, 2.0))
    [plot] = plots.of_service(
        samples.minimal().model_copy(update={"curves": (Curve(of="a", load="c1", points=points),)})
    )
    assert plot.lines[0].values == (1.0,)


def test_curves_of_other_percentiles_share_an_axis_and_none_goes_beyond_its_end() -> None:
    one = Curve(of="a", load="c1", points=((0.0, 1e-3), (99.0, 1e-1)))
    other = Curve(of="b", load="c1", points=((0.0, 1e-3), (90.0, 2e-3), (99.9, 4e-3)))
    [plot] = plots.of_service(samples.minimal().model_copy(update={"curves": (one, other)}))
    assert plot.lines[0].values[:3] == pytest.approx((1e-3, 1e-2, 1e-1))
    assert plot.lines[0].values[3] is None


def test_closed_loops_are_connected_in_the_order_of_connections() -> None:
    [plot] = [plot for plot in plots.of_service(samples.full()) if plot.title == "Latency against throughput"]
    assert [plot.labels[at] for at in plot.lines[0].order[0]] == ["1 connection", "8 connections", "64 connections"]


def test_open_loops_are_points_of_their_own() -> None:
    [plot] = [plot for plot in plots.of_service(samples.url()) if plot.title == "Latency against throughput"]
    assert [(line.name, line.drawn) for line in plot.lines] == [
        ("p50, open loop", "hollow"),
        ("p99, open loop", "hollow"),
    ]


def test_a_search_shows_what_met_the_objective_and_what_did_not() -> None:
    [plot] = [plot for plot in plots.of_service(samples.full()) if plot.title.startswith("Search")]
    assert [sum(value is not None for value in line.values) for line in plot.lines] == [3, 3]
    assert plot.levels == ((0.02, "20 ms"),)
    assert plot.places == ((17_200, "17,200/s"),)


def test_a_search_that_found_nothing_marks_no_rate() -> None:
    step = Step(rate=10, throughput=10, latency=1.0, met=False)
    missed = samples.capacity().model_copy(update={"rate": 0.0, "steps": (step,)})
    [plot] = plots.of_service(samples.minimal().model_copy(update={"capacities": (missed,)}))
    assert plot.places == ()
    assert [line.name for line in plot.lines] == ["beyond it"]


def test_intervals_with_failures_are_marked() -> None:
    [plot] = plots.over_time(samples.full())
    assert plot.ticks == (350.0, 355.0, 360.0)
    assert plot.second_axis is not None


def test_a_service_elsewhere_has_no_memory_in_its_plot() -> None:
    moments = tuple(each.model_copy(update={"rss_bytes": None}) for each in samples.soak().moments)
    timeline = Timeline(of="service", load="500/s", moments=moments)
    [plot] = plots.over_time(samples.minimal().model_copy(update={"timelines": (timeline,)}))
    assert plot.second_axis is None
    assert [line.name for line in plot.lines] == ["p50", "p99", "longest"]


def test_candidates_stand_in_the_order_of_their_latency() -> None:
    [plot] = plots.of_candidates(samples.full())
    assert plot.labels == ("optimised", "converted", "original")
    assert all(math.isfinite(value) for value in plot.x)
