import time
from dataclasses import replace
from typing import Any

from mlship.load.histograms import Histogram
from mlship.load.job import Result

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"prediction":[1]}'


def latencies(result: Result) -> Histogram:
    return Histogram.decode(*(told.histogram for told in result.slices))


def answered(result: Result) -> int:
    return sum(told.answers for told in result.slices)


def test_a_known_delay_is_the_latency(serve: Any, load: Any) -> None:
    result = load(replace(serve(lambda number, body: time.sleep(0.02) or OK).job, seconds=1.0))
    assert not result.failures
    assert 0.02 <= latencies(result).percentiles([50])[0] < 0.03
    assert answered(result) <= 51
    assert result.busy_share < 0.5


def test_two_kinds_of_delay_show_in_the_percentiles(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.1 if number % 10 == 9 else 0.005) or OK).job
    fast, slow = latencies(load(replace(job, seconds=30.0, requests=60))).percentiles([50, 95])
    assert 0.005 <= fast < 0.05
    assert 0.1 <= slow < 0.2


def test_connections_are_asked_at_the_same_time(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.1) or OK).job
    result = load(replace(job, connections=8, requests=16, seconds=30.0))
    assert answered(result) == 16
    assert result.seconds < 1.0


def test_bodies_take_turns(serve: Any, load: Any) -> None:
    served = serve(lambda number, body: OK)
    load(replace(served.job, requests=7, seconds=30.0))
    assert served.server.bodies == [b"a", b"bb", b"ccc", b"a", b"bb", b"ccc", b"a"]


def test_the_warm_up_is_not_measured(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.2 if number == 0 else 0.001) or OK).job
    result = load(replace(job, warm_up_seconds=0.25, seconds=0.3))
    assert latencies(result).longest < 0.15
    assert result.sent > answered(result)


def test_slices_have_the_length_that_was_asked_for(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(0.001) or OK).job
    result = load(replace(job, seconds=0.3, slice_seconds=0.1))
    assert [round(told.second, 3) for told in result.slices] == [0.0, 0.1, 0.2]
    assert [told.seconds for told in result.slices[:2]] == [0.1, 0.1]
    assert all(told.answers > 5 for told in result.slices)


def test_those_that_are_under_way_at_the_end_are_waited_for(serve: Any, load: Any) -> None:
    result = load(replace(serve(lambda number, body: time.sleep(0.3) or OK).job, seconds=0.1, slice_seconds=0.1))
    assert answered(result) == 1
    assert result.slices[-1].seconds >= 0.3


def test_every_distinct_answer_is_kept_by_the_body_that_it_answers(serve: Any, load: Any) -> None:
    def script(number: int, body: bytes) -> bytes:
        content = str(len(body) if number != 3 else "wrong").encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)

    result = load(replace(serve(script).job, requests=9, seconds=30.0))
    assert result.answers == [[b"1", b"wrong"], [b"2"], [b"3"]]
    assert result.unchecked == 0


def test_an_answer_that_differs_only_in_its_last_byte_is_seen(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: OK if number != 100 else OK.replace(b"[1]", b"[2]")).job
    result = load(replace(job, bodies=[b"a"], requests=200, seconds=30.0))
    assert result.answers == [[b'{"prediction":[1]}', b'{"prediction":[2]}']]


def test_answers_that_never_repeat_are_counted_beyond_some(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%04d" % number).job
    result = load(replace(job, bodies=[b"a"], requests=20, seconds=30.0))
    assert len(result.answers[0]) == 16
    assert result.unchecked == 4


def test_heads_that_never_repeat_are_read(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: OK.replace(b"OK\r\n", b"OK\r\nX-Request-Id: %d\r\n" % number)).job
    result = load(replace(job, requests=30, seconds=30.0))
    assert answered(result) == 30
    assert result.answers == [[b'{"prediction":[1]}']] * 3
