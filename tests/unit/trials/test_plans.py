from dataclasses import replace

import numpy as np
import pytest

from mlship.golden import Golden
from mlship.parity import DOUBLE
from mlship.signature import Column, Output, Signature, Tensor
from mlship.trials.plans import Plan, closed_loop, open_loop
from mlship.trials.target import Payloads, Target

SIGNATURE = Signature(
    model="Test",
    task="regressor",
    named=False,
    columns=(Column(name="x0", type="number", tensor="features", index=0),),
    tensors=(Tensor(name="features", kind="number", width=1),),
    outputs=(Output(name="prediction", type="number"),),
)
TARGET = Target("http://127.0.0.1:8000", Golden({}, {}, ()), SIGNATURE, DOUBLE)
SENT = Payloads([np.array([0])], [b"{}"])


@pytest.mark.parametrize(
    ("plan", "name", "told"),
    [
        (closed_loop(8), "c8", "8 connections, 1 row a request"),
        (closed_loop(1, rows=100), "c1x100", "1 connection, 100 rows a request"),
        (open_loop(500), "500/s", "500 requests a second, 1 row a request"),
        (open_loop(500, arrivals="poisson"), "500/s-poisson", "500 requests a second, 1 row a request"),
        (open_loop(12.5, rows=10), "12.5/sx10", "12.5 requests a second, 10 rows a request"),
        (open_loop(1_000_000), "1000000/s", "1,000,000 requests a second, 1 row a request"),
    ],
)
def test_a_load_has_a_name_and_words(plan: Plan, name: str, told: str) -> None:
    assert (plan.name, plan.told) == (name, told)


@pytest.mark.parametrize(("seconds", "length"), [(60.0, 3.0), (2.0, 0.1), (0.5, 0.1), (0.05, 0.05)])
def test_a_run_has_twenty_slices_or_as_many_as_are_worth_it(seconds: float, length: float) -> None:
    job = closed_loop(1, seconds=seconds).job(TARGET, SENT, seed=3)
    assert job.slice_seconds == pytest.approx(length)
    assert (job.seed, job.url, job.path) == (3, TARGET.url, "/predict")


def test_there_are_no_more_processes_than_connections() -> None:
    assert closed_loop(1).job(TARGET, SENT, seed=0).processes == 1


@pytest.mark.parametrize(("plan", "most"), [(open_loop(500), 1_000), (closed_loop(8), 8)], ids=["open", "closed"])
def test_an_open_loop_may_open_further_connections(plan: Plan, most: int) -> None:
    assert plan.job(TARGET, SENT, seed=0).most_connections == most


def test_headers_of_the_target_go_with_each_request_but_are_not_shown() -> None:
    target = replace(TARGET, headers={"X-API-Key": "secret"})
    job = closed_loop(1).job(target, SENT, seed=0)
    assert job.headers == {"Content-Type": "application/json", "X-API-Key": "secret"}
    assert "secret" not in repr(target) + repr(job)
