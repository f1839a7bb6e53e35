"""The contract suite for stage plugins: subclass ``StageContract`` in your tests, name your plugin, and run pytest."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import joblib
import pytest
from pydantic import ValidationError
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from mlship import config, pipeline, plugins
from mlship.artifacts import digest
from mlship.cli.console import Screen
from mlship.errors import MlshipError
from mlship.judging import SERVED, judge
from mlship.pipeline import Given, Step
from mlship.stages import Converter, Original, Outcome, Stage
from mlship.workspace import Workspace

#: What a builder says of an image that it made and started.
_IMAGE = {
    "built": True,
    "builder": "docker",
    "tags": ["team/tree:1"],
    "cold_start_seconds": 0.5,
    "rss_bytes": 80_000_000,
}


def quiet(message: str, fraction: float | None = None) -> None:
    """Take progress and say nothing."""


def example(folder: Path) -> dict[str, Path]:
    """Train a small tree below ``folder`` and take it to a scaffolded service; return the artifacts by kind.

    The image among them is one that a builder might have made: there is none.
    """
    flowers = load_iris(as_frame=True)
    model, sample = folder / "model.joblib", folder / "sample.csv"
    joblib.dump(DecisionTreeClassifier(max_depth=3, random_state=0).fit(flowers.data, flowers.target), model)
    flowers.frame.to_csv(sample, index=False)
    workspace = Workspace(folder)
    options: dict[str, dict[str, Any]] = {
        "convert": {"target": "target"},
        "optimize": {"seconds": 0.1, "method": ["graph"]},
        "scaffold": {},
    }
    steps = []
    for stage, chosen in options.items():
        group, name = config.STAGES[stage]
        steps.append(Step(stage, name, config.configure(group, name, chosen)))
    pipeline.run(workspace, steps, Given(model, sample), Screen(as_json=False, verbosity=-1))
    image = folder / "image.json"
    image.write_text(json.dumps(_IMAGE), encoding="utf-8")
    return {**workspace.artifacts("build"), "original": model, "sample": sample, "image": image}


class StageContract:
    """What every stage plugin keeps to. ``options`` are those that the suite runs the plugin with."""

    group: ClassVar[plugins.Group]
    name: ClassVar[str]
    options: ClassVar[Mapping[str, Any]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def artifacts(cls, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
        """Make the artifacts of a small model, by kind."""
        return example(tmp_path_factory.mktemp("contract"))

    @pytest.fixture
    def stage(self) -> Stage:
        """Configure the plugin."""
        return config.configure(self.group, self.name, self.options)

    @pytest.fixture
    def inputs(self, stage: Stage, artifacts: dict[str, Path]) -> Iterator[dict[str, Path]]:
        """Give what the plugin reads; the test fails when any of it has changed afterwards."""
        inputs = {kind: artifacts[kind] for kind in (*stage.reads, *stage.either, *stage.uses) if kind in artifacts}
        before = {kind: digest(path) for kind, path in inputs.items()}
        yield inputs
        assert {kind: digest(path) for kind, path in inputs.items()} == before, "a stage leaves its inputs alone"

    def test_it_is_frozen_and_strict(self, stage: Stage) -> None:
        assert stage.model_config.get("frozen")
        assert stage.model_config.get("strict")
        assert stage.model_config.get("extra") == "forbid"
        with pytest.raises(ValidationError):
            type(stage).model_validate({"no_such_option": 1})

    def test_it_says_what_it_and_each_option_is_for(self, stage: Stage) -> None:
        assert (type(stage).__doc__ or "").strip()
        undescribed = [name for name, field in type(stage).model_fields.items() if not field.description]
        assert undescribed == []

    def test_its_options_survive_json(self, stage: Stage) -> None:
        assert type(stage).model_validate_json(stage.model_dump_json()) == stage

    def test_the_versions_in_its_fingerprint_can_be_told(self, stage: Stage) -> None:
        assert all(version(name) for name in stage.libraries)

    def test_it_writes_what_it_says_and_prints_nothing(
        self, stage: Stage, inputs: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        outcome = _run(stage, inputs, tmp_path)
        assert outcome.summary
        assert "\n" not in outcome.summary
        assert outcome.artifacts.keys() <= set(stage.writes)
        for name in outcome.artifacts.values():
            assert (tmp_path / name).exists()
            assert not Path(name).is_absolute()
        assert capfd.readouterr() == ("", "")

    def test_its_model_gives_the_originals_answers(self, stage: Stage, inputs: dict[str, Path], tmp_path: Path) -> None:
        outcome = _run(stage, inputs, tmp_path)
        if not outcome.artifacts.keys() & SERVED:
            assert not set(stage.writes) & {*SERVED}
            return
        found = {**inputs, **{kind: tmp_path / name for kind, name in outcome.artifacts.items()}}
        assert judge(found).passed

    def test_a_damaged_golden_set_is_named_by_who_reads_it(
        self, stage: Stage, inputs: dict[str, Path], tmp_path: Path
    ) -> None:
        broken = tmp_path / "golden.npz"
        broken.write_bytes(b"not a golden set")
        complaint = _complaint(stage, {**inputs, "golden": broken}, tmp_path)
        assert complaint is None or "golden.npz" in complaint


def _run(stage: Stage, inputs: Mapping[str, Path], out: Path) -> Outcome:
    if isinstance(stage, Converter):
        original = Original(inputs["original"], "joblib", joblib.load(inputs["original"]))
        return stage.convert(original, inputs.get("sample"), out, quiet)
    return stage.run(inputs, out, quiet)


def _complaint(stage: Stage, inputs: Mapping[str, Path], out: Path) -> str | None:
    try:
        _run(stage, inputs, out)
    except MlshipError as error:
        return error.message
    return None
