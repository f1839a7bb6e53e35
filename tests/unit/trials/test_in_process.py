import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlship.errors import ModelError
from mlship.runtime import Settings
from mlship.trials.in_process import Measured, Plan, measure
from mlship.trials.models import Model

QUICK = Plan(sizes=(1, 10), seconds=0.05)


def quiet(message: str, fraction: float | None = None) -> None:
    """Take progress and say nothing."""


@pytest.fixture
def inputs(cases: Mapping[str, Any], tmp_path: Path) -> dict[str, Path]:
    return dict(cases["numeric"].write(tmp_path))


@pytest.fixture
def with_original(inputs: dict[str, Path], tmp_path: Path) -> dict[str, Path]:
    iris = load_iris(as_frame=True)
    path = tmp_path / "model.joblib"
    joblib.dump(LogisticRegression(max_iter=1000).fit(iris.data, iris.target), path)
    return {**inputs, "original": path}


def run(
    cases: Mapping[str, Any],
    inputs: Mapping[str, Path],
    plan: Plan = QUICK,
    models: Mapping[str, Model] | None = None,
    stop: threading.Event | None = None,
) -> Measured:
    chosen = {"converted": Model(inputs["onnx"])} if models is None else models
    return measure(inputs, chosen, cases["numeric"].golden, plan, quiet, stop)


def test_every_model_is_measured_at_every_size(cases: Mapping[str, Any], with_original: dict[str, Path]) -> None:
    found = run(cases, with_original)
    measured = {(each.of, each.load) for each in found.measurements if each.metric == "p50"}
    assert measured == {(of, load) for of in ("original", "converted") for load in ("1 row", "10 rows")}
    assert {(each.of, each.load) for each in found.curves} == measured
    assert all(each.calls >= 3 for each in found.calls)
    assert found.notes == []


def test_each_model_is_held_against_the_original(cases: Mapping[str, Any], with_original: dict[str, Path]) -> None:
    both = {"converted": Model(with_original["onnx"]), "optimised": Model(with_original["onnx"], Settings())}
    found = run(cases, with_original, replace(QUICK, sizes=(1,)), both)
    assert [(each.of, each.over) for each in found.ratios] == [
        ("converted", "original"),
        ("optimised", "original"),
        ("optimised", "converted"),
    ]


def test_without_the_original_that_is_said(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    found = run(cases, inputs)
    assert {each.of for each in found.measurements} == {"converted"}
    assert found.notes == ["the original model was not measured: its file was not given"]


def test_an_original_that_cannot_be_loaded_is_a_note(
    cases: Mapping[str, Any], inputs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "model.joblib").write_bytes(b"no model")
    found = run(cases, {**inputs, "original": tmp_path / "model.joblib"})
    assert {each.of for each in found.measurements} == {"converted"}
    assert found.notes[0].startswith("the original model was not measured: ")


def test_a_candidate_that_does_not_load_is_a_note(
    cases: Mapping[str, Any], inputs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    models = {"converted": Model(inputs["onnx"]), "int4": Model(tmp_path / "broken.onnx")}
    found = run(cases, inputs, models=models)
    assert {each.of for each in found.measurements} == {"converted"}
    assert any(note.startswith("the candidate 'int4' was not measured: ") for note in found.notes)


def test_a_converted_model_that_does_not_load_is_an_error(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    inputs["onnx"].write_bytes(b"no model")
    with pytest.raises(ModelError):
        run(cases, inputs)


def test_a_call_that_takes_too_long_is_told_and_not_measured(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    found = run(cases, inputs, replace(QUICK, sizes=(1, 10_000), longest=1e-9))
    assert found.measurements == []
    assert any(note.startswith("converted was not measured at 10,000 rows: a call takes ") for note in found.notes)


def test_it_says_whether_the_interval_got_as_narrow_as_wanted(
    cases: Mapping[str, Any], inputs: dict[str, Path]
) -> None:
    wide = run(cases, inputs, Plan(sizes=(1,), seconds=0.5, width=100.0))
    assert [each.reached for each in wide.calls] == [True]
    narrow = run(cases, inputs, Plan(sizes=(1,), seconds=0.1, width=1e-9))
    assert [each.reached for each in narrow.calls] == [False]


def test_what_is_known_narrowly_enough_is_not_measured_on(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    found = run(cases, inputs, Plan(sizes=(1,), seconds=1.0, width=100.0))
    [p50] = [each for each in found.measurements if each.metric == "p50"]
    assert len(p50.rounds) == 10


def test_it_ends_at_once_when_it_is_stopped(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    stop = threading.Event()
    stop.set()
    assert run(cases, inputs, Plan(seconds=60.0), stop=stop).measurements == []


def test_the_state_is_told(cases: Mapping[str, Any], inputs: dict[str, Path]) -> None:
    found = run(cases, inputs, models={"converted": Model(inputs["onnx"], Settings(intra_op_num_threads=2))})
    assert found.state["garbage collector"] == "on"
    assert found.state["threads"] == "converted: 2"
    assert "CPU" in found.state["affinity"]
