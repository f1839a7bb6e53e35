import io
import json
from array import array
from dataclasses import replace

from mlship.load.job import Job, Result
from mlship.load.tally import Counted
from mlship.load.wire import (
    Share,
    read_counted,
    read_result,
    read_share,
    write_counted,
    write_result,
    write_share,
)


def test_a_share_arrives_as_it_was_sent() -> None:
    job = Job("http://h", "/p", [b"\x00\xff\n", b""], headers={"X": "é"}, arrivals="poisson", rate=2.5)
    share = Share(job, body=3, first=17)
    line = write_share(share)
    assert line.count(b"\n") == 1
    assert read_share(line) == share


def test_latencies_follow_their_line() -> None:
    counted = Counted(2, 0.4, 0.2, 3, 1, array("q", [10, 2**40, 10]))
    stream = io.BytesIO(write_counted(counted) + b"next")
    assert read_counted(json.loads(stream.readline())["counted"], stream) == counted
    assert stream.read() == b"next"


def test_a_result_arrives_without_its_slices() -> None:
    result = Result([], 1.5, 7, [[b"\xff"], []], late=2, failures={"timeout": 1}, failed={"timeout": "\n"})
    assert read_result(json.loads(write_result(replace(result, slices=())))["result"]) == result
