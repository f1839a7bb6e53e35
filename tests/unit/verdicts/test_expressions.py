import pytest

from mlship.errors import UsageError
from mlship.verdicts.expressions import parse, parse_all


@pytest.mark.parametrize(
    ("expression", "metric", "where", "operator", "limit", "relative"),
    [
        ("p99 > 20ms", "p99", "", ">", 0.02, False),
        ("p99>20 ms", "p99", "", ">", 0.02, False),
        ("p99.9 >= .5s", "p99.9", "", ">=", 0.5, False),
        ("max > 2m", "max", "", ">", 120.0, False),
        ("p50 > 12µs", "p50", "", ">", 12e-6, False),
        ("p50 > 12us", "p50", "", ">", 12e-6, False),
        ("p50 > 300ns", "p50", "", ">", 3e-7, False),
        ("p99@c64 > +10%", "p99", "c64", ">", 0.1, True),
        ("p99 @ 500/s-poisson > 1s", "p99", "500/s-poisson", ">", 1.0, False),
        ("p50@converted/1 row > 1ms", "p50", "converted/1 row", ">", 0.001, False),
        ("throughput < 5000", "throughput", "", "<", 5000.0, False),
        ("throughput <= 5e3/s", "throughput", "", "<=", 5000.0, False),
        ("throughput < -5%", "throughput", "", "<", -0.05, True),
        ("throughput < \N{MINUS SIGN}5%", "throughput", "", "<", -0.05, True),
        ("throughput < +5%", "throughput", "", "<", 0.05, True),
        ("p99 > -5%", "p99", "", ">", -0.05, True),
        ("p99 ≥ 1s", "p99", "", ">=", 1.0, False),
        ("rss > 200MB", "rss", "", ">", 200e6, False),
        ("size > 1.5 MiB", "size", "", ">", 1.5 * 2**20, False),
        ("errors > 0.1%", "errors", "", ">", 0.001, False),
        ("errors > 0", "errors", "", ">", 0.0, False),
        ("accuracy < 95%", "accuracy", "", "<", 0.95, False),
        ("accuracy < -1%", "accuracy", "", "<", -0.01, True),
        ("r2 < -0.5", "r2", "", "<", -0.5, False),
        ("cost > 0.5", "cost", "", ">", 0.5, False),
    ],
)
def test_a_gate_is_read(expression: str, metric: str, where: str, operator: str, limit: float, relative: bool) -> None:
    gate = parse(expression)
    assert (gate.metric.name, gate.where, gate.operator, gate.relative) == (metric, where, operator, relative)
    assert gate.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("p98 > 20ms", "no metric 'p98'", "did you mean 'p99'?"),
        ("troughput < 5000", "no metric 'troughput'", "did you mean 'throughput'?"),
        ("speed < 5000", "no metric 'speed'", "there is: p50, p90"),
        ("p99 > 20", "p99 is a time: its unit is missing", "'20ms', '20s'"),
        ("rss > 200", "rss is a size in bytes: its unit is missing", "'200MB', '200GB'"),
        ("p99 > 20sec", "'sec' is no unit of it", "units are: ns, us"),
        ("p99 > 20MS", "'MS' is no unit of it", "did you mean 'ms'?"),
        ("rss > 200mb", "'mb' is no unit of it", "did you mean 'MB'?"),
        ("throughput < 5k", "throughput is a plain number, and 'k' is no unit of it", "units are: /s"),
        ("cost > 3 EUR", "cost is a plain number, and 'EUR' is no unit of it", "such as 0.1"),
        ("p99 > 10%", "a change needs its sign", "'+10%'"),
        ("p99 > +20ms", "only a change in % has a sign", "such as 20ms"),
        ("p99 > -20ms", "only a change in % has a sign", "such as 20ms"),
        ("p99 > fast", "'fast' is not a limit", "such as 20ms"),
        ("p99 > 1.2.3s", "'1.2.3s' is not a limit", "such as 20ms"),
        ("p99 >", "'' is not a limit", "such as 20ms"),
        ("p99@ > 20ms", "nothing stands after the @", "p99@c64"),
        ("p99 => 20ms", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("p99 == 20ms", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("p99 != 20ms", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("p99", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("> 20ms", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("", "is not a gate", "METRIC[@LOAD] > LIMIT"),
        ("p99 < 20ms", "would fail where p99 is good", "did you mean 'p99 > 20ms'?"),
        ("p99@c8 <= 20ms", "would fail where p99 is good", "did you mean 'p99@c8 >= 20ms'?"),
        ("throughput > 5000", "would fail where throughput is good", "did you mean 'throughput < 5000'?"),
        ("throughput > -5%", "would fail where throughput is good", "did you mean 'throughput < -5%'?"),
        ("throughput > +5%", "would fail where throughput is good", "did you mean 'throughput < -5%'?"),
        ("p99 < -5%", "would fail where p99 is good", "did you mean 'p99 > +5%'?"),
    ],
)
def test_what_is_not_a_gate_is_refused_with_what_was_meant(expression: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(expression)
    assert message in caught.value.message
    assert f"'{expression.strip()}'" in caught.value.message
    assert hint in caught.value.hint


def test_a_change_needs_something_to_compare_with() -> None:
    with pytest.raises(UsageError, match=r"'p99 > \+10%' is a change") as caught:
        parse_all(["rss > 200MB", "p99 > +10%"], compared=False)
    assert "--baseline" in caught.value.hint
    assert len(parse_all(["rss > 200MB", "p99 > +10%"], compared=True)) == 2


@pytest.mark.parametrize(
    ("expression", "value", "beyond"),
    [
        ("p99 > 20ms", 0.02, False),
        ("p99 >= 20ms", 0.02, True),
        ("throughput < 50", 50.0, False),
        ("throughput <= 50", 50.0, True),
        ("p99 > +10%", 0.11, True),
    ],
)
def test_a_gate_forbids_what_lies_beyond_its_limit(expression: str, value: float, beyond: bool) -> None:
    assert parse(expression).beyond(value) is beyond
