import pytest

from mlship.errors import UsageError
from mlship.trials.objective import Objective


@pytest.mark.parametrize(
    ("text", "metric", "limit"),
    [
        ("p99=20ms", "p99", 0.02),
        ("p99.9 = 1.5 s", "p99.9", 1.5),
        ("p50=250us", "p50", 250e-6),
        ("p50=250µs", "p50", 250e-6),
        ("max=1e3ns", "max", 1e-6),
    ],
)
def test_an_objective_is_a_percentile_and_a_time(text: str, metric: str, limit: float) -> None:
    found = Objective.parse(text)
    assert (found.metric, found.limit) == (metric, pytest.approx(limit))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("p99", "'p99' is not a latency objective: it has no '='", "write it as p99=20ms"),
        ("p99 < 20ms", "'p99 < 20ms' is not a latency objective: it has no '='", "write it as p99=20ms"),
        ("p98=20ms", "'p98=20ms': there is no latency 'p98'", ""),
        ("troughput=20", "'troughput=20': there is no latency 'troughput'", ""),
        ("p99.=20ms", "'p99.=20ms': there is no latency 'p99.'", "did you mean 'p99.9'?"),
        ("p99=20", "'p99=20': '20' lacks a unit", "ns, us, µs, ms, s, m: 20ms?"),
        ("p99=20mss", "'p99=20mss': there is no unit 'mss'", "did you mean 'ms'?"),
        ("p99=fast", "'p99=fast': 'fast' is not a time", "write it as p99=20ms"),
        ("p99=-20ms", "'p99=-20ms': '-20ms' is not a time", "write it as p99=20ms"),
        ("p99=0ms", "'p99=0ms': the limit must be above 0", "write it as p99=20ms"),
    ],
)
def test_what_is_none_is_quoted_with_what_was_meant(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        Objective.parse(text)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_an_objective_is_written_as_it_is_read() -> None:
    assert str(Objective("p99", 0.02)) == "p99=20 ms"
