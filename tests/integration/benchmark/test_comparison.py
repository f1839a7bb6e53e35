import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlship import graphs
from mlship.errors import GateError, ServiceError, UsageError
from mlship.originals.visit import visit
from mlship.plugins import load
from mlship.stages import Progress
from mlship.trials.comparison import Comparison, compare_services
from mlship.trials.plans import Plan, closed_loop, open_loop
from mlship.trials.sides import Side


@pytest.fixture
def side(scaffolded_service: Path, cases: Mapping[str, Any]) -> Side:
    return Side(scaffolded_service, cases["numeric"].golden, cases["numeric"].signature)


def compare(this: Side, other: Side, *plans: Plan, rounds: int = 1) -> Comparison:
    """Compare for so many rounds."""
    stop, told = threading.Event(), []

    def progress(message: str, fraction: float | None = None) -> None:
        told.append(message)
        if len(told) > rounds:
            stop.set()

    listening: Progress = progress
    return compare_services(this, other, loads=plans or [closed_loop(4)], progress=listening, stop=stop)


def edited(side: Side, folder: Path, edit: Callable[[Path], object]) -> Side:
    service = shutil.copytree(side.service, folder / "service")
    edit(service)
    return replace(side, service=service)


def appended(name: str, code: str) -> Callable[[Path], object]:
    def edit(service: Path) -> None:
        path = service / name
        path.write_text(path.read_text("utf-8") + code, "utf-8")

    return edit


@pytest.fixture(scope="module")
def slowed(scaffolded_service: Path, cases: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Side:
    case = cases["numeric"]
    side = Side(scaffolded_service, case.golden, case.signature)
    return edited(side, tmp_path_factory.mktemp("slowed"), appended("core/predictor.py", SLOW))


def test_a_slower_build_shows_in_every_figure(side: Side, slowed: Side) -> None:
    found = compare(slowed, side, closed_loop(4), closed_loop(1, rows=10))
    ratios = {(each.metric, each.load): each.estimate for each in found.ratios}
    assert {load for _, load in ratios} == {"", "c4", "c1x10"}
    assert ratios["p50", "c4"] > 2
    assert ratios["cpu", "c4"] > 2
    assert ratios["throughput", "c4"] < 0.5
    assert {(each.of, each.load) for each in found.curves} == {
        (of, load) for of in ("this", "other") for load in ("c4", "c1x10")
    }
    assert found.notes == ("the comparison was stopped after 1 of at least 6 rounds",)


def test_stopped_before_the_first_round_is_over_it_says_so(side: Side) -> None:
    found = compare(side, side, rounds=0)
    assert found.ratios == ()
    assert found.notes == ("the comparison was stopped before its first round was over",)


def test_a_build_that_does_not_give_its_own_answers_is_refused(side: Side) -> None:
    golden = side.golden
    turned = {name: values[::-1].copy() for name, values in golden.outputs.items()}
    with pytest.raises(GateError, match="answer"):
        compare(side, replace(side, golden=replace(golden, outputs=turned)))


@pytest.fixture
def another(cases: Mapping[str, Any], tmp_path: Path) -> Side:
    """Return the service of a model that gives other answers to the same rows."""
    iris = load_iris(as_frame=True)
    iris.data.to_csv(tmp_path / "sample.csv", index=False)
    model = LogisticRegression(max_iter=1000).fit(iris.data, (iris.target + 1) % 3)
    visited = visit(model, tmp_path / "sample.csv", target=None, rows=20, seed=1)
    wanted = [output.name for output in visited.signature.outputs]
    content = graphs.convert(model, visited.signature.tensors, visited.signature.columns, outputs=wanted).content
    inputs = replace(cases["numeric"], signature=visited.signature, golden=visited.golden, model=content).write(
        tmp_path
    )
    load("scaffolds", "asgi")().run(inputs, tmp_path, lambda message, fraction=None: None)
    return Side(tmp_path / "service", visited.golden, visited.signature)


def test_another_model_is_held_to_its_own_answers_to_the_same_rows(side: Side, another: Side) -> None:
    found = compare(side, another)
    assert {each.metric for each in found.ratios} >= {"p50", "p99", "throughput"}


def test_a_build_that_fails_under_load_is_named(side: Side, tmp_path: Path) -> None:
    failing = edited(side, tmp_path, appended("core/predictor.py", FAILING))
    with pytest.raises(
        ServiceError, match=r"'.*' \(other\) failed under load \(4 connections, 1 row a request\): .*500"
    ):
        compare(side, failing)


def test_rounds_before_a_failure_are_kept(side: Side, tmp_path: Path) -> None:
    breaking = edited(side, tmp_path, lambda service: service)
    told: list[str] = []
    kept: list[Comparison] = []

    def progress(message: str, fraction: float | None = None) -> None:
        told.append(message)
        if len(told) > 1:
            (breaking.service / "serve.py").unlink()

    with pytest.raises(ServiceError, match=r"serve\.py"):
        compare_services(side, breaking, loads=[closed_loop(4)], progress=progress, keep=kept.append)
    assert ("p50", "this", "c4") in {(each.metric, each.of, each.load) for each in kept[0].measurements}


def test_models_of_other_columns_are_refused(side: Side) -> None:
    other = side.signature.model_copy(update={"columns": side.signature.columns[1:]})
    with pytest.raises(UsageError, match="number of columns: 4 here, 3 there"):
        compare(side, replace(side, signature=other))


def test_an_open_loop_is_refused(side: Side) -> None:
    with pytest.raises(UsageError, match="closed loops only"):
        compare(side, side, open_loop(100))


SLOW = """

import time as _time

_answers = Predictor.answers


def _slowed(self, bodies, outputs):
    end = _time.thread_time_ns() + 1_000_000 * len(bodies)
    while _time.thread_time_ns() < end:
        pass
    return _answers(self, bodies, outputs)


Predictor.answers = _slowed
"""

FAILING = """

_answers = Predictor.answers
_asked = 0


def _failing(self, bodies, outputs):
    global _asked
    _asked += len(bodies)
    if _asked > 100:
        raise RuntimeError("enough")
    return _answers(self, bodies, outputs)


Predictor.answers = _failing
"""
