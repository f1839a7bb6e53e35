"""The stage as a whole: options, gates, what it writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlship import config, golden, runtime, signature
from mlship.converters.onnx import OnnxConverter
from mlship.errors import ConfigError, GateError, PluginError
from mlship.optimizers.planner import Planner
from mlship.parity import tolerance_of
from mlship.stages import Original, Outcome

ROWS, KINDS = load_digits(return_X_y=True)
QUICK = {"seconds": 0.4, "time_budget": 30.0}


def quiet(message: str, fraction: float | None = None) -> None:
    """Take no notice of progress."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Convert a model once; returns a function from a model's name to the artifacts that the stage reads."""
    made: dict[str, dict[str, Path]] = {}
    models = {
        "line": LinearRegression,
        "chain": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
        "forest": lambda: RandomForestClassifier(60, random_state=0),
    }

    def of(name: str) -> dict[str, Path]:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            sample = folder / "sample.csv"
            frame = pd.DataFrame(ROWS).add_prefix("p").assign(answer=KINDS)
            frame[900:].to_csv(sample, index=False)
            model = models[name]().fit(frame.drop(columns="answer")[:900], KINDS[:900])
            stage = OnnxConverter(target="answer", golden_rows=200)
            done = stage.convert(Original(folder / "model.joblib", "joblib", model), sample, folder, quiet)
            made[name] = {kind: folder / file for kind, file in done.artifacts.items()} | {"sample": sample}
        return made[name]

    return of


def run(inputs: dict[str, Path], out: Path, **options: Any) -> tuple[Outcome, dict[str, Any]]:
    out.mkdir()
    stage = config.configure("optimizers", "planner", {**QUICK, "target": "answer", **options})
    outcome = stage.run(inputs, out, quiet)
    return outcome, json.loads((out / "candidates" / "candidates.json").read_text())


def test_every_candidate_is_kept_with_its_model(inputs: Any, tmp_path: Path) -> None:
    outcome, document = run(inputs("chain"), tmp_path / "out", method=["graph", "session"])
    rows = document["candidates"]
    assert rows[0]["name"] == "converted"
    assert len(rows) > 1
    assert sum(row["chosen"] for row in rows) == 1
    assert {row["file"] for row in rows} == {path.name for path in (tmp_path / "out/candidates").glob("*.onnx")}
    assert outcome.artifacts["candidates"] == "candidates"


@pytest.mark.parametrize("name", ["forest", "chain", "line"])
@pytest.mark.parametrize("allowed", [{}, {"max_accuracy_drop": "0%"}])
def test_by_default_no_answer_changes(inputs: Any, tmp_path: Path, name: str, allowed: dict[str, str]) -> None:
    given = inputs(name)
    run(given, tmp_path / "out", method=["graph", "prune", "quantize"], time_budget=10.0, **allowed)
    rows, answers = golden.read(given["golden"]), runtime.Session(tmp_path / "out" / "model.onnx")
    found = answers.run(answers.feed(rows.inputs))["prediction"]
    np.testing.assert_allclose(found, rows.outputs["prediction"], rtol=0.01)


def test_within_a_budget_a_forest_becomes_smaller(inputs: Any, tmp_path: Path) -> None:
    given = inputs("forest")
    outcome, document = run(
        given, tmp_path / "out", max_accuracy_drop="2%", objective="size", method=["graph", "prune"]
    )
    chosen = next(row for row in document["candidates"] if row["chosen"])
    assert chosen["size_bytes"] < 0.7 * document["candidates"][0]["size_bytes"]
    assert chosen["quality"]["reference"] - chosen["quality"]["score"] <= 0.02
    assert "not all answers are the original's any more" in outcome.notes[0]


def test_what_loses_something_is_held_against_its_own_answers_from_then_on(inputs: Any, tmp_path: Path) -> None:
    outcome, _ = run(
        inputs("forest"), tmp_path / "out", max_accuracy_drop="2%", objective="size", method=["graph", "prune"]
    )
    out = tmp_path / "out"
    rows, described = (
        golden.read(out / outcome.artifacts["golden"]),
        signature.read(out / outcome.artifacts["signature"]),
    )
    assert runtime.parity(out / "model.onnx", rows, tolerance_of(described)).passed
    before = golden.read(inputs("forest")["golden"])
    assert rows.origins == before.origins
    assert any((rows.outputs[name] != before.outputs[name]).any() for name in rows.outputs)


def test_a_gate_that_is_not_met_fails_and_shows_the_candidates(inputs: Any, tmp_path: Path) -> None:
    with pytest.raises(GateError, match="wanted at most 100 B"):
        run(inputs("chain"), tmp_path / "out", max_size="100 B", method=["graph"])
    assert (tmp_path / "out" / "candidates" / "candidates.html").is_file()


def test_a_second_is_enough_for_an_answer(inputs: Any, tmp_path: Path) -> None:
    outcome, _ = run(inputs("forest"), tmp_path / "out", time_budget=0.01)
    assert outcome.facts["chosen"] == "converted"
    assert outcome.notes == ("the 0.01 s were up at graph: allow more with --time-budget",)


def test_without_a_sample_only_what_loses_nothing_is_tried(inputs: Any, tmp_path: Path) -> None:
    given = {kind: path for kind, path in inputs("forest").items() if kind != "sample"}
    _, document = run(given, tmp_path / "out", max_accuracy_drop="2%", target=None, method=["graph", "session"])
    assert all(row["lossless"] for row in document["candidates"])


def test_explaining_says_what_applies_and_what_does_not(inputs: Any) -> None:
    stage = config.configure("optimizers", "planner", {"target": "answer"})
    assert isinstance(stage, Planner)
    found = stage.explain(inputs("forest"))
    assert found.model.startswith("RandomForestClassifier, ")
    assert list(found.methods) == ["graph", "prune", "distill", "quantize", "session"]
    applies, why = found.methods["quantize"]
    assert not applies
    assert why.startswith("nothing to quantize")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": ["prun"]}, "no plugin named 'prun' in mlship.methods"),
        ({"options": {"prun": {}}}, "there is no method 'prun'"),
        ({"options": {"quantize": {"calibratoin": "minmax"}}}, "method 'quantize' has no option 'calibratoin'"),
        ({"max_accuracy_drop": "half"}, "'max_accuracy_drop' cannot be 'half'"),
        ({"max_accuracy_drop": "150%"}, "'max_accuracy_drop' cannot be"),
        ({"max_size": "1 MiB"}, "'max_size' cannot be '1 MiB'"),
        ({"objective": "speed"}, "'objective' cannot be 'speed'"),
        ({"batch": [0]}, "cannot be 0"),
    ],
)
def test_what_is_misspelt_is_named(inputs: Any, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, PluginError), match=message):
        run(inputs("chain"), tmp_path / "out", **options)


def test_a_model_without_labels_has_none_to_change(inputs: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the answers of LinearRegression are numbers, it has no labels"):
        run(inputs("line"), tmp_path / "out", max_label_changes="1%")


@pytest.mark.parametrize(
    ("text", "share"), [("0.5%", 0.005), (" 1 % ", 0.01), (0.02, 0.02), ("0.005", 0.005), (".5%", 0.005)]
)
def test_a_share_may_be_given_in_percent(text: Any, share: float) -> None:
    stage = config.configure("optimizers", "planner", {"max_accuracy_drop": text})
    assert isinstance(stage, Planner)
    assert stage.max_accuracy_drop == pytest.approx(share)


@pytest.mark.parametrize(("text", "size"), [("150 kB", 150_000), ("1.5MB", 1_500_000), (2000, 2000), ("20", 20)])
def test_a_size_may_be_given_with_a_unit(text: Any, size: int) -> None:
    stage = config.configure("optimizers", "planner", {"max_size": text})
    assert isinstance(stage, Planner)
    assert stage.max_size == size
