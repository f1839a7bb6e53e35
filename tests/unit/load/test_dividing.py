import itertools

from mlship.load import arrivals
from mlship.load.dividing import divide
from mlship.load.job import Job

JOB = Job("http://127.0.0.1:1", "/predict", [b"a", b"b", b"c", b"d"], connections=5, requests=11, rate=30.0, seed=3)
WIDE = Job(**{**vars(JOB), "most_connections": 100})


def test_the_parts_make_the_whole() -> None:
    shares = divide(Job(**{**vars(JOB), "processes": 3}))
    assert sum(share.job.connections for share in shares) == 5
    assert sum(share.job.requests for share in shares) == 11
    assert sum(share.job.rate or 0 for share in shares) == 30.0
    assert len({share.job.seed for share in shares}) == 3
    assert [share.body for share in shares] == [0, 1, 2]


def test_there_is_no_process_without_a_connection() -> None:
    shares = divide(Job(**{**vars(JOB), "processes": 9}))
    assert [share.job.connections for share in shares] == [1] * 5


def test_constant_arrivals_of_all_processes_are_those_of_one() -> None:
    shares = divide(Job(**{**vars(JOB), "processes": 3}))
    moments = [itertools.islice(arrivals.constant(share.job.rate or 0, share.first), 4) for share in shares]
    together = sorted(itertools.chain(*moments))
    expected = itertools.islice(arrivals.constant(30.0), 12)
    assert all(abs(one - other) <= 1 for one, other in zip(together, expected, strict=True))


def test_a_closed_loop_has_no_rate() -> None:
    shares = divide(Job(**{**vars(JOB), "processes": 2, "rate": None}))
    assert [(share.job.rate, share.first) for share in shares] == [(None, 0), (None, 0)]


def test_the_connections_that_may_be_opened_are_divided_too() -> None:
    shares = divide(Job(**{**vars(WIDE), "processes": 3}))
    assert sum(share.job.most_connections for share in shares) == 100
