"""The pipeline: order, fingerprint, skip or run, record. The only caller of a stage's work."""

import hashlib
import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from mlship import __version__, quarantine, usercode, visiting
from mlship.artifacts import digest, storage_error
from mlship.environments import Environment
from mlship.errors import DataError, PluginError, UsageError
from mlship.judging import judged
from mlship.manifest import File, Record
from mlship.stages import Converter, Outcome, Stage
from mlship.visiting import Terms
from mlship.workspace import ORDER, Workspace


@dataclass(frozen=True)
class Step:
    """A stage with the plugin that will do it, configured."""

    stage: str
    plugin: str
    instance: Stage


@dataclass(frozen=True)
class Done:
    """What came of a step; ``reason`` says why it ran or was skipped."""

    record: Record
    skipped: bool
    reason: str


@dataclass(frozen=True)
class Given:
    """What the user brings: the model, sample rows or none, and on what terms the model is visited."""

    model: Path | None = None
    sample: Path | None = None
    terms: Terms = field(default_factory=Terms)


class Listener(Protocol):
    """Who hears what the pipeline is doing."""

    def note(self, text: str) -> None:
        """Hear something that the user must be told."""

    def started(self, stage: str, reason: str) -> None:
        """Hear that a stage begins, and why it is not skipped."""

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Hear what the stage is doing."""

    def finished(self, done: Done) -> None:
        """Hear that a stage has ended, or was skipped."""


@dataclass(frozen=True)
class _Planned:
    """A step with its inputs, ready to be compared with the lock or run; ``idle`` says why there is nothing to do."""

    step: Step
    inputs: dict[str, Path]
    files: dict[str, File]
    versions: dict[str, str]
    fingerprint: str
    idle: str = ""
    terms: Terms = field(default_factory=Terms)
    environment: Environment | None = None


def run(
    workspace: Workspace, steps: Sequence[Step], given: Given, listener: Listener, *, force: Collection[str] = ()
) -> list[Done]:
    """Do ``steps`` in order; stages in ``force`` are not skipped.

    Raises the MlshipError of the first stage that fails; what the stages before it made stays.
    """
    with workspace.locked(listener.note):
        try:
            return [_do(workspace, step, given, listener, forced=step.stage in force) for step in steps]
        except OSError as error:
            raise storage_error(error) from error


def inputs(workspace: Workspace, step: Step, given: Given) -> dict[str, Path]:
    """Return what ``step`` would read, by kind; raises UsageError where something is not there, or nothing to do."""
    planned = _plan(workspace, step, given)
    if planned.idle:
        raise UsageError(planned.idle, "mlship convert --to onnx")
    return planned.inputs


def stale_inputs(workspace: Workspace, record: Record) -> list[str]:
    """Name the inputs of ``record`` that have changed since it ran; those that are gone are not compared."""
    paths = {file.path: workspace.located(file) for file in record.inputs.values()}
    return [
        file.path
        for kind, file in record.inputs.items()
        if paths[file.path].exists() and _digest(kind, paths[file.path]) != file.sha256
    ]


def _do(workspace: Workspace, step: Step, given: Given, listener: Listener, *, forced: bool) -> Done:
    planned = _plan(workspace, step, given)
    before = workspace.manifest().stages.get(step.stage)
    reason = "--force" if forced else _reason(workspace, planned, before)
    if before and not reason:
        done = Done(before, skipped=True, reason="nothing has changed")
        listener.finished(done)
        return done
    listener.started(step.stage, reason)
    if step.instance.publishes:
        workspace.refuse_foreign(step.instance.publishes)
    with workspace.staging(step.stage) as out:
        record, folder = _run(workspace, planned, listener, out)
        workspace.commit(record, folder, step.instance.publishes)
    done = Done(workspace.manifest().stages[step.stage], skipped=False, reason=reason)
    listener.finished(done)
    return done


def _plan(workspace: Workspace, step: Step, given: Given) -> _Planned:
    """Collect the inputs of ``step`` and compute its fingerprint."""
    there = workspace.artifacts(step.stage.partition("/")[0]) | _brought(workspace, step, given)
    idle = _IDLE if step.instance.group == "optimizers" and "native" in there else ""
    missing = _missing(step, there)
    if missing and not idle:
        raise _lacks(step, missing, there)
    wanted = (*step.instance.reads, *step.instance.either, *step.instance.uses)
    inputs = {kind: there[kind] for kind in wanted if kind in there}
    files = dict(workspace.described(kind, path) for kind, path in inputs.items())
    terms = given.terms if step.stage == "convert" else visiting.again(workspace, given.terms)
    if terms.code and "original" in inputs:
        sha256, size = usercode.fingerprint(terms.code), usercode.size(terms.code)
        files["code"] = File(path=workspace.shown(terms.code), sha256=sha256, size=size)
    own = visiting.environment(inputs["original"], terms) if "original" in inputs else None
    libraries = {*step.instance.libraries, *_helping(step.instance)}
    versions = {name: metadata.version(name) for name in sorted(libraries)} | {"mlship": __version__}
    versions |= {"scikit-learn": own.trained} if own else {}
    content = {
        "stage": step.stage,
        "plugin": step.plugin,
        "versions": versions,
        "options": step.instance.model_dump(mode="json"),
        "inputs": {kind: file.sha256 for kind, file in files.items()},
    }
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    fingerprint = hashlib.sha256(canonical.encode()).hexdigest()
    return _Planned(step, inputs, files, versions, fingerprint, idle, terms, own)


def _digest(kind: str, path: Path) -> str:
    return usercode.fingerprint(path) if kind == "code" else digest(path)


def _brought(workspace: Workspace, step: Step, given: Given) -> dict[str, Path]:
    """Return the files that the user brings, as far as ``step`` takes them; else those of the last conversion."""
    wanted = (*step.instance.reads, *step.instance.uses)
    brought = {"original": given.model, "sample": given.sample}
    if step.stage != "convert" and "convert" in workspace.manifest().stages:
        converted = workspace.manifest().stages["convert"].inputs
        earlier = {kind: workspace.located(file) for kind, file in converted.items()}
        unchanged = {
            kind: path
            for kind, path in earlier.items()
            if path.exists() and _digest(kind, path) == converted[kind].sha256
        }
        brought = {"original": unchanged.get("original"), "sample": unchanged.get("sample")}
    for path in brought.values():
        if path is not None and not path.is_file():
            raise DataError(f"there is no file '{path}'")
    return {kind: path for kind, path in brought.items() if path is not None and kind in wanted}


def _reason(workspace: Workspace, planned: _Planned, before: Record | None) -> str:
    """Say why the step must run; "" where it can be skipped.

    Raises DamagedWorkspaceError when its outputs were changed by hand.
    """
    if before is None:
        return "first run"
    if workspace.state(before) == "gone":
        return "its files are gone"
    if before.fingerprint != planned.fingerprint:
        return _difference(planned, before)
    outputs = {kind: workspace.located(file) for kind, file in before.outputs.items()}
    return "" if planned.step.instance.intact(outputs) else "what it makes is not there"


def _difference(planned: _Planned, before: Record) -> str:
    changed = [
        kind
        for kind in sorted(planned.files.keys() | before.inputs.keys())
        if kind not in planned.files
        or kind not in before.inputs
        or planned.files[kind].sha256 != before.inputs[kind].sha256
    ]
    if changed:
        return f"changed: {', '.join(changed)}"
    if planned.step.plugin != before.plugin:
        return f"another plugin: {planned.step.plugin}"
    newer = [name for name, version in planned.versions.items() if before.versions.get(name) != version]
    if newer:
        return f"another version: {', '.join(newer)}"
    return "other options"


def _run(workspace: Workspace, planned: _Planned, listener: Listener, out: Path) -> tuple[Record, Path]:
    """Run the stage into ``out``, judge its model, and describe what it wrote."""
    begun = time.monotonic()
    step = planned.step
    try:
        if planned.idle:
            outcome = Outcome({}, planned.idle)
        elif isinstance(step.instance, Converter):
            terms, own = planned.terms, planned.environment
            outcome = visiting.convert(step.plugin, step.instance, planned.inputs, terms, own, listener, out)
        else:
            with quarantine.at(visiting.place(planned.environment, planned.terms.code, listener.progress)):
                outcome = step.instance.run(planned.inputs, out, listener.progress)
        _check(step, outcome, out)
        outcome = judged(step.stage, step.plugin, outcome, planned.inputs, out)
    except step.instance.keeps as error:
        if not any(out.iterdir()):
            raise
        kept = workspace.shown(workspace.keep_failed(step.stage, out))
        hint = f"what was found is in {kept}/" + (f"; {error.hint}" if error.hint else "")
        raise type(error)(error.message, hint) from error
    outputs = {}
    for kind, name in outcome.artifacts.items():
        _, file = workspace.described(kind, out / name)
        final = workspace.shown(workspace.folder(step.stage) / name)
        outputs[kind] = file.model_copy(update={"path": final})
    record = Record(
        stage=step.stage,
        plugin=step.plugin,
        fingerprint=planned.fingerprint,
        options=step.instance.model_dump(mode="json"),
        versions=planned.versions,
        inputs=planned.files,
        outputs=outputs,
        seconds=round(time.monotonic() - begun, 3),
        summary=outcome.summary,
        facts=json.loads(json.dumps(outcome.facts, default=str)),
        notes=outcome.notes,
    )
    return record, out


def _check(step: Step, outcome: Outcome, out: Path) -> None:
    """Hold a plugin to its contract: it wrote what it says, of the kinds that it may write."""
    for kind, name in outcome.artifacts.items():
        if kind not in step.instance.writes:
            raise PluginError(f"plugin '{step.plugin}' may not write '{kind}'", f"it says: {step.instance.writes}")
        if not (out / name).exists():
            raise PluginError(f"plugin '{step.plugin}' did not write '{name}', though it says so")


def _helping(stage: Stage) -> set[str]:
    """Return the distributions that bring converters for single steps or methods of optimisation to ``stage``."""
    group = {"converters": "mlship.graphs", "optimizers": "mlship.methods"}.get(stage.group, "")
    return {point.dist.name for point in metadata.entry_points(group=group) if point.dist}


_IDLE = "nothing to optimize: the model is served by its own library"


def _missing(step: Step, there: Mapping[str, Path]) -> str:
    """Return a kind of artifact that ``step`` cannot do without, "" where all are there."""
    absent = [kind for kind in step.instance.reads if kind not in there]
    if step.instance.either and not any(kind in there for kind in step.instance.either):
        absent.append(step.instance.either[0])
    return next(iter(absent), "")


def _lacks(step: Step, kind: str, there: Mapping[str, Path]) -> UsageError:
    """Say what ``step`` lacks, and which command makes it."""
    stage, other = step.stage.partition("/")[0], next((kind for kind in ("native", "pmml") if kind in there), "")
    if kind == "onnx" and other:
        message = f"{stage}: the model is kept as {other}, and plugin '{step.plugin}' takes ONNX"
        return UsageError(message, "mlship convert --to onnx")
    if kind == "original":
        return UsageError(f"{stage}: which model?", "mlship ship model.joblib --data sample.csv, or mlship init")
    made_first = kind in ("onnx", "golden", "signature")
    first = "convert" if made_first else "scaffold" if kind == "service" else ORDER[ORDER.index(stage) - 1]
    example = f"mlship {first}" + (" MODEL --data SAMPLE" if first == "convert" else "")
    return UsageError(f"{stage}: there is no {kind} in this workspace yet", example)


def to_json(done: Done) -> dict[str, Any]:
    """Return what came of a step as JSON values."""
    return {**done.record.model_dump(mode="json"), "skipped": done.skipped, "reason": done.reason}
