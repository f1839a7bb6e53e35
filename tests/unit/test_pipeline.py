from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from mlship import manifest, pipeline
from mlship.errors import DamagedWorkspaceError, DataError, GateError, PluginError, UsageError, WorkspaceError
from mlship.pipeline import Done, Given, Step
from mlship.stages import Outcome, Progress, Stage
from mlship.workspace import ORDER, Workspace


class Ears:
    """A listener that remembers what it heard."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.reasons: dict[str, str] = {}

    def note(self, text: str) -> None:
        self.notes.append(text)

    def started(self, stage: str, reason: str) -> None:
        self.reasons[stage] = reason

    def progress(self, message: str, fraction: float | None = None) -> None:
        pass

    def finished(self, done: Done) -> None:
        if done.skipped:
            self.reasons[done.record.stage] = "skipped"


class Copy(Stage):
    """Copies what it reads; stands for a stage that works."""

    group: ClassVar[str] = "scaffolds"
    reads: ClassVar[tuple[str, ...]] = ("original",)
    writes: ClassVar[tuple[str, ...]] = ("service",)
    libraries: ClassVar[tuple[str, ...]] = ("numpy",)
    suffix: str = ""
    there: bool = True

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        progress("copying")
        (out / "copy").write_text(inputs["original"].read_text() + self.suffix)
        return Outcome({"service": "copy"}, f"copied {inputs['original'].name}")

    def intact(self, outputs: Mapping[str, Path]) -> bool:
        return self.there


class Lies(Copy):
    """Breaks the contract in the way that ``how`` says."""

    how: str

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        (out / "something").write_text("x")
        return Outcome({"image": "something"} if self.how == "other kind" else {"service": "nothing"}, "")


class Misses(Copy):
    """Does its work and misses its gate."""

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        (out / "report.json").write_text("why")
        raise GateError("too slow")


class Fills(Copy):
    """Finds the disk full."""

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        raise OSError(28, "No space left on device", "model.onnx")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "model").write_text("model")
    return Workspace(tmp_path)


def do(workspace: Workspace, stage: Stage, *, force: tuple[str, ...] = ()) -> tuple[Done, Ears]:
    ears = Ears()
    step = Step("convert", type(stage).__name__, stage)
    done = pipeline.run(workspace, [step], Given(model=workspace.root / "model"), ears, force=force)
    return done[0], ears


def test_the_same_again_is_skipped(workspace: Workspace) -> None:
    assert do(workspace, Copy())[1].reasons == {"convert": "first run"}
    done, ears = do(workspace, Copy())
    assert (done.skipped, ears.reasons) == (True, {"convert": "skipped"})


def test_force_runs_it_again(workspace: Workspace) -> None:
    do(workspace, Copy())
    assert do(workspace, Copy(), force=("convert",))[1].reasons == {"convert": "--force"}


def test_another_input_option_or_plugin_runs_it_again_and_the_reason_says_which(workspace: Workspace) -> None:
    do(workspace, Copy())
    assert do(workspace, Copy(suffix="!"))[1].reasons == {"convert": "other options"}
    (workspace.root / "model").write_text("retrained")
    assert do(workspace, Copy(suffix="!"))[1].reasons == {"convert": "changed: original"}
    (workspace.root / ".mlship/convert/copy").unlink()
    (workspace.root / ".mlship/convert").rmdir()
    assert do(workspace, Copy(suffix="!"))[1].reasons == {"convert": "its files are gone"}


def test_what_was_made_elsewhere_and_is_gone_is_made_again(workspace: Workspace) -> None:
    do(workspace, Copy(there=False))
    assert do(workspace, Copy(there=False))[1].reasons == {"convert": "what it makes is not there"}


def test_a_changed_artifact_stops_the_run_unless_forced(workspace: Workspace) -> None:
    do(workspace, Copy())
    (workspace.root / ".mlship/convert/copy").write_text("by hand")
    with pytest.raises(DamagedWorkspaceError, match="copy"):
        do(workspace, Copy())
    assert not do(workspace, Copy(), force=("convert",))[0].skipped


def test_a_missed_gate_keeps_the_evidence_and_the_earlier_artifacts(workspace: Workspace) -> None:
    do(workspace, Copy())
    with pytest.raises(GateError) as caught:
        do(workspace, Misses())
    assert (workspace.root / ".mlship/failed/convert/report.json").read_text() == "why"
    assert ".mlship/failed/convert" in caught.value.hint
    assert (workspace.root / ".mlship/convert/copy").read_text() == "model"


@pytest.mark.parametrize(("how", "words"), [("other kind", "may not write 'image'"), ("nothing", "did not write")])
def test_a_plugin_that_breaks_the_contract_is_named(workspace: Workspace, how: str, words: str) -> None:
    with pytest.raises(PluginError, match=words):
        do(workspace, Lies(how=how))


def test_a_full_disk_is_told_and_leaves_the_workspace_as_it_was(workspace: Workspace) -> None:
    do(workspace, Copy())
    with pytest.raises(WorkspaceError, match="disk is full"):
        do(workspace, Fills())
    assert workspace.state(workspace.manifest().stages["convert"]) == "intact"


def test_a_model_that_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(DataError, match="nowhere"):
        pipeline.run(workspace, [Step("convert", "Copy", Copy())], Given(Path("nowhere")), Ears())


def test_a_stage_before_its_time_says_what_comes_first(workspace: Workspace) -> None:
    class Later(Copy):
        reads: ClassVar[tuple[str, ...]] = ("onnx",)

    with pytest.raises(UsageError) as caught:
        pipeline.run(workspace, [Step("optimize", "Later", Later())], Given(), Ears())
    assert caught.value.hint == "mlship convert MODEL --data SAMPLE"


def test_inputs_that_changed_since_are_stale(workspace: Workspace) -> None:
    record = do(workspace, Copy())[0].record
    assert pipeline.stale_inputs(workspace, record) == []
    (workspace.root / "model").write_text("retrained")
    assert pipeline.stale_inputs(workspace, record) == ["model"]


class Faster(Copy):
    """An optimizer of somebody else, which knows ONNX only."""

    group: ClassVar[str] = "optimizers"
    reads: ClassVar[tuple[str, ...]] = ("onnx",)


class Takes(Copy):
    """Takes one of two kinds."""

    reads: ClassVar[tuple[str, ...]] = ()
    either: ClassVar[tuple[str, ...]] = ("onnx", "signature")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        (out / "copy").write_text(" ".join(inputs))
        return Outcome({"service": "copy"}, " ".join(inputs))


class TestWithoutOnnx:
    @pytest.fixture
    def native(self, workspace: Workspace) -> Workspace:
        """A workspace whose model is native; that it is right is shown elsewhere."""
        record = do(workspace, Copy())[0].record
        kept = record.model_copy(
            update={"outputs": {"native": record.outputs["service"], "signature": record.outputs["service"]}}
        )
        manifest.write(workspace.manifest().with_record(kept, ORDER), workspace.lock_file)
        return workspace

    def run(self, workspace: Workspace, stage: str, plugin: Stage) -> Done:
        return pipeline.run(workspace, [Step(stage, type(plugin).__name__, plugin)], Given(), Ears())[0]

    def test_an_optimizer_is_not_asked_about_a_native_model(self, native: Workspace) -> None:
        done = self.run(native, "optimize", Faster())
        assert done.record.outputs == {}
        assert done.record.summary == "nothing to optimize: the model is served by its own library"
        assert self.run(native, "optimize", Faster()).skipped

    def test_a_stage_gets_the_one_of_two_kinds_that_is_there(self, native: Workspace) -> None:
        assert self.run(native, "scaffold", Takes()).record.summary == "signature"

    def test_a_stage_that_knows_onnx_only_says_so(self, native: Workspace) -> None:
        stage = type("Onnx", (Takes,), {"either": ("onnx",)})()
        with pytest.raises(UsageError, match="the model is kept as native, and plugin 'Onnx' takes ONNX"):
            self.run(native, "scaffold", stage)

    def test_what_was_once_optimised_does_not_count(self, native: Workspace) -> None:
        done = self.run(native, "optimize", Faster())
        stale = done.record.model_copy(
            update={"outputs": {"onnx": native.manifest().stages["convert"].outputs["native"]}}
        )
        manifest.write(native.manifest().with_record(stale, ORDER), native.lock_file)
        assert "onnx" not in native.artifacts("scaffold")
