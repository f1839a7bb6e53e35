import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from pydantic import ValidationError

from mlship import golden as goldens
from mlship.benchmarks.standard import StandardBenchmark
from mlship.errors import DamagedWorkspaceError, GateError, ServiceError, UsageError
from mlship.golden import Golden
from mlship.stages import Outcome
from mlship.trials import planned
from mlship.trials.loads import Loads

QUICK = StandardBenchmark(seconds=0.1, sizes=(1, 10), connections=(1, 2), rows=10)


def quiet(message: str, fraction: float | None = None) -> None:
    """Take progress and say nothing."""


@pytest.fixture
def inputs(cases: Mapping[str, Any], tmp_path: Path) -> dict[str, Path]:
    return dict(cases["mixed"].write(tmp_path))


def run(inputs: Mapping[str, Path], out: Path, stage: StandardBenchmark = QUICK) -> tuple[Outcome, dict[str, Any]]:
    outcome = stage.run(inputs, out, quiet)
    return outcome, json.loads((out / outcome.artifacts["report"] / "report.json").read_text())


def measured(report: Mapping[str, Any], metric: str = "p50") -> list[tuple[str, str]]:
    return [(each["of"], each["load"]) for each in report["measurements"] if each["metric"] == metric]


def test_without_a_service_the_report_says_what_to_do(inputs: dict[str, Path], tmp_path: Path) -> None:
    outcome, report = run(inputs, tmp_path / "out")
    assert not report["loads"]
    assert "the service was not measured: run mlship scaffold first" in outcome.notes
    assert "the service was not measured" in (tmp_path / "out/report/report.md").read_text()


def test_without_the_original_the_report_says_so(inputs: dict[str, Path], tmp_path: Path) -> None:
    outcome, report = run(inputs, tmp_path / "out")
    assert measured(report) == [("converted", "1 row"), ("converted", "10 rows")]
    assert "the original model was not measured: its file was not given" in outcome.notes


def test_an_original_that_cannot_be_loaded_is_a_note(inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(b"no model")
    outcome, report = run({**inputs, "original": tmp_path / "model.joblib"}, tmp_path / "out")
    assert {of for of, _ in measured(report)} == {"converted"}
    assert any(note.startswith("the original model was not measured: ") for note in outcome.notes)


def test_an_optimised_model_is_measured_beside_the_converted_one(inputs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "session.json").write_text('{"parallel_blocks": 2, "rows_a_run": 5}')
    given = {**inputs, "converted": inputs["onnx"], "session": tmp_path / "session.json"}
    _, report = run(given, tmp_path / "out")
    assert report["state"]["threads"] == "converted: 1, optimised: 2"
    assert {(pair["of"], pair["over"]) for pair in report["ratios"]} == {("optimised", "converted")}


def test_the_same_file_is_measured_once(inputs: dict[str, Path], tmp_path: Path) -> None:
    _, report = run({**inputs, "converted": inputs["onnx"]}, tmp_path / "out")
    assert {of for of, _ in measured(report)} == {"converted"}


@pytest.mark.parametrize("content", ["{", "[]", '{"threads": 2}', '{"parallel_blocks": 0}'])
def test_a_damaged_session_file_is_named(inputs: dict[str, Path], tmp_path: Path, content: str) -> None:
    (tmp_path / "session.json").write_text(content)
    with pytest.raises(DamagedWorkspaceError, match=r"session\.json"):
        run({**inputs, "session": tmp_path / "session.json"}, tmp_path / "out")


def test_the_service_is_measured_in_each_way(
    inputs: dict[str, Path], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    outcome, report = run({**inputs, "service": scaffolded("mixed")}, tmp_path / "out")
    assert [load["name"] for load in report["loads"]] == ["c1x10", "c1", "c2"]
    assert report["parity"]["passed"]
    assert all(load["requests"] > 1 and not load["failures"] and not load["unchecked"] for load in report["loads"])
    assert {load for of, load in measured(report, "throughput") if of == "service"} == {"c1x10", "c1", "c2"}
    plain = {each["metric"]: each["value"] for each in report["measurements"] if each["of"] == "service"}
    assert plain["rss"] >= plain["pss"] > 1e7
    assert 0 < plain["cold_start"] < 30
    [start] = [each for each in report["measurements"] if each["metric"] == "cold_start"]
    assert len(start["rounds"]) == 5
    assert start["low"] < start["value"] < start["high"]
    assert "requests/s, p99" in outcome.summary


def test_a_gate_that_fires_is_an_error_and_the_report_is_there(inputs: dict[str, Path], tmp_path: Path) -> None:
    stage = QUICK.model_copy(update={"fail_if": ("p50 > 1ns", "size > 1GB")})
    with pytest.raises(GateError, match="p50@converted/1 row"):
        stage.run(inputs, tmp_path / "out", quiet)
    report = json.loads((tmp_path / "out/report/report.json").read_text())
    assert [each["outcome"] for each in report["verdicts"]] == ["failed", "failed", "passed"]
    assert (tmp_path / "out/report/junit.xml").exists()


@pytest.mark.parametrize(
    ("gate", "named"),
    [("p98 > 1s", "p98"), ("rss > 1GB", "rss"), ("p50@c8 > 1s", "c8"), ("capacity < 1", "capacity")],
)
def test_a_gate_about_nothing_is_an_error_before_anything_is_measured(
    inputs: dict[str, Path], tmp_path: Path, gate: str, named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        QUICK.model_copy(update={"fail_if": (gate,)}).run(inputs, tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


def test_all_that_is_measured_was_planned(
    inputs: dict[str, Path], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    given = {**inputs, "service": scaffolded("mixed")}
    stage = StandardBenchmark(seconds=0.1, sizes=(1,), connections=(2,), rates=(50.0,), starts=1, rows=10, price=0.2)
    loads = Loads(stage.connections, stage.rates, rows=stage.rows, price=stage.price)
    stand_ins = [*planned.in_process(given, stage.sizes), *planned.service(loads, started=True)]
    _, report = run(given, tmp_path / "out", stage)
    assert {(each["metric"], each["of"], each["load"]) for each in report["measurements"]} <= {
        (each.metric, each.of, each.load) for each in stand_ins
    }


def test_a_service_that_answers_wrong_is_not_measured(
    inputs: dict[str, Path], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    golden = goldens.read(inputs["golden"])
    wrong = golden.outputs["probabilities"] * [1, 0.99]
    outputs = {**golden.outputs, "probabilities": wrong}
    goldens.write(Golden(golden.inputs, outputs, golden.origins), inputs["golden"])
    with pytest.raises(GateError, match="the service's first answer is wrong"):
        run({**inputs, "service": scaffolded("mixed")}, tmp_path / "out")


def test_a_service_that_does_not_start_is_an_error(
    inputs: dict[str, Path], scaffolded: Callable[[str], Path], tmp_path: Path
) -> None:
    broken = tmp_path / "service"
    shutil.copytree(scaffolded("mixed"), broken)
    (broken / "app.py").write_text("raise RuntimeError('broken by hand')")
    with pytest.raises(ServiceError, match="broken by hand"):
        run({**inputs, "service": broken}, tmp_path / "out")
    report = json.loads((tmp_path / "out/report/report.json").read_text())
    assert measured(report) == [("converted", "1 row"), ("converted", "10 rows")]
    assert any("broken by hand" in note for note in report["notes"])


def test_an_answer_that_turns_wrong_under_load_is_found(cases: Mapping[str, Any], tmp_path: Path) -> None:
    inputs = cases["numeric"].write(tmp_path)
    service = tmp_path / "service"
    (service / "model").mkdir(parents=True)
    shutil.copy(inputs["onnx"], service / "model/model.onnx")
    (service / "app.py").write_text(FLAKY)
    (service / "serve.py").write_text(SERVE)
    with pytest.raises(GateError, match="wrong under load"):
        run({**inputs, "service": service}, tmp_path / "out")
    report = json.loads((tmp_path / "out/report/report.json").read_text())
    assert not report["parity"]["passed"]
    assert {of for of, _ in measured(report)} >= {"converted"}
    suite = ElementTree.parse(tmp_path / "out/report/junit.xml").getroot()
    assert [case.get("classname") for case in suite.iter("testcase") if case.find("failure") is not None] == [
        "mlship.parity"
    ]


SERVE = """
import os

import uvicorn

uvicorn.run("app:app", host=os.environ["HOST"], port=int(os.environ["PORT"]), access_log=False)
"""

FLAKY = """
import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model/model.onnx")
asked = 0

async def app(scope, receive, send):
    global asked
    if scope["type"] != "http":
        return
    answer = {}
    if scope["path"] == "/predict":
        asked += 1
        rows = np.array(json.loads((await receive())["body"])["features"], dtype=np.float64)
        prediction, probabilities = session.run(None, {"features": rows})
        if asked == 40:
            prediction = (prediction + 1) % 3
        answer = {"prediction": prediction.tolist(), "probabilities": probabilities.tolist()}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""


def test_figures_are_in_seconds_and_bytes(inputs: dict[str, Path], tmp_path: Path) -> None:
    _, report = run(inputs, tmp_path / "out")
    values = {(each["metric"], each["load"]): each["value"] for each in report["measurements"]}
    assert report["schema_version"] == 2
    assert 1e-6 < values["p50", "1 row"] < 0.1
    assert values["size", ""] == inputs["onnx"].stat().st_size
    assert report["host"]["libraries"]["numpy"] == np.__version__
    assert all(0.001 < seconds < 1 for seconds in report["reference"])


@pytest.mark.parametrize(
    "options",
    [
        {"seconds": 0},
        {"sizes": ()},
        {"connections": (0,)},
        {"rows": 0},
        {"rates": (0.0,)},
        {"rates": (float("inf"),)},
        {"rates": (1e9,)},
        {"price": float("nan")},
        {"price": float("inf")},
        {"duration": float("inf")},
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StandardBenchmark(**options)
