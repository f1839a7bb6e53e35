"""The optimisation of a model: what can help this graph is tried, measured on this machine, and the best is kept."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import onnx
from pydantic import BeforeValidator, Field, ValidationError

from mlship import golden, plugins, signature
from mlship.artifacts import write_atomic
from mlship.errors import ConfigError, GateError
from mlship.golden import Golden
from mlship.optimization import Candidate, Method, Objective, Task
from mlship.optimizers import choice, material, showing
from mlship.optimizers.search import Search, advised, search
from mlship.optimizers.trials import Trial, judged, loosened, standard
from mlship.quality import LABELLED, Budget, Quality, assess
from mlship.runtime import Session, complaints
from mlship.signature import Signature
from mlship.stages import Explained, Optimizer, Outcome, Progress


def _share(value: Any) -> Any:
    """Read a share: 0.005, "0.005" or "0.5%"."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(%?)\s*", value)):
        return float(found[1]) / (100 if found[2] else 1)
    return value


def _bytes(value: Any) -> Any:
    """Read a size: 150000, "150 kB" or "1.5MB"."""
    if isinstance(value, str) and (found := re.fullmatch(r"\s*([0-9.]+)\s*([kMG]?)B?\s*", value, re.IGNORECASE)):
        return int(float(found[1]) * {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}[found[2].upper()])
    return value


Share = Annotated[float, BeforeValidator(_share), Field(ge=0, le=1)]
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]


class Planner(Optimizer):
    """Try what can help this model, measure it for the asked batch sizes, and keep the best within the budget."""

    libraries = ("onnxruntime", "onnx", "numpy", "scikit-learn")

    method: tuple[str, ...] = Field((), description="methods to try; none: all that can help")
    objective: Objective = Field("latency", description="what to improve: latency, throughput or size")
    batch: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        (1, 100), min_length=1, description="rows a call that matter to you"
    )
    max_accuracy_drop: Share | None = Field(
        None, description='allowed loss of accuracy or R2, for example "0.5%"; without a target, against the original'
    )
    max_label_changes: Share | None = Field(
        None, description="allowed share of labels that differ from the original's; none unless a drop is allowed"
    )
    max_score_change: float | None = Field(
        None,
        ge=0,
        description="allowed change of a probability, of other numbers in standard deviations; 0.01 by default",
    )
    min_speedup: float | None = Field(None, gt=0, description="gate: times as fast as the converted model")
    max_size: Bytes | None = Field(None, description='gate: bytes of the model file, for example "1MB"')
    time_budget: float = Field(60.0, gt=0, le=86_400, description="seconds that all of it may take, about")
    seconds: float = Field(1.5, gt=0, le=600, description="seconds of measuring the finalists for each batch size")
    rows: int = Field(20_000, ge=2, description="rows of the sample that are used, half to fit and half to judge")
    options: dict[str, dict[str, Any]] = Field(
        {}, description="options of the methods by name: {quantize = {calibration = 'minmax'}}"
    )
    seed: int = Field(0, description="seed of the split of the rows, of training and of the order of measurements")

    def explain(self, inputs: Mapping[str, Path]) -> Explained:
        """Say, before any time is spent, what can help this model and what cannot."""
        task, base, _ = self._prepared(inputs, lambda message, fraction=None: None)
        advice = advised(base, self._methods(), task)
        described = showing.model(base, task.signature)
        return Explained(described, {name: (item.applies, item.why) for name, item in advice.items()})

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write model.onnx, session.json, candidates/; where the choice loses something, golden.npz and signature.json.

        Raises GateError when no candidate is as fast or as small as asked; the candidates are written all the same.
        """
        task, candidate, rows = self._prepared(inputs, progress)
        base = judged(candidate, task, rows)
        found = search(base, self._methods(), task, rows, seconds=self.seconds)
        wanted = choice.Wanted(self.objective, self.min_speedup, self.max_size)
        try:
            chosen = choice.best(found.trials, base, wanted)
        except GateError as error:
            self._show(found, None, error.message, task, out)
            raise
        reason = choice.reason(chosen, found, task)
        self._show(found, chosen, reason, task, out)
        artifacts = {"onnx": "model.onnx", "session": "session.json", "candidates": "candidates"}
        write_atomic(out / "model.onnx", chosen.content)
        write_atomic(out / "session.json", _json(dict(chosen.candidate.settings)))
        if not chosen.candidate.lossless:
            artifacts |= _rewritten(chosen, rows, task.signature, out)
        return Outcome(
            artifacts,
            summary=f"{chosen.candidate.name}: {reason}" if chosen is not base else reason,
            facts=_facts(chosen, base, found, reason),
            notes=_notes(chosen, found, task, self.time_budget),
        )

    def _prepared(self, inputs: Mapping[str, Path], progress: Progress) -> tuple[Task, Candidate, Golden]:
        started = time.monotonic()
        rows, described = golden.read(inputs["golden"]), signature.read(inputs["signature"])
        progress("asking the converted model about the sample")
        fit, judge, real = material.rows(
            inputs["onnx"], rows, described, inputs.get("sample"), target=self.target, most=self.rows, seed=self.seed
        )

        def quality(model: onnx.ModelProto) -> Quality:
            session = Session(model.SerializeToString())
            with complaints("fails on the sample"):
                return assess(described, fit, session.run(session.feed(fit.inputs)))

        task = Task(
            signature=described,
            fit=fit,
            judge=judge,
            budget=self._budget(described),
            objective=self.objective,
            batches=tuple(sorted(set(self.batch))),
            seed=self.seed,
            quality=quality,
            left=lambda: self.time_budget - (time.monotonic() - started),
            progress=progress,
            rows_are_real=real,
        )
        return task, Candidate("converted", onnx.load(str(inputs["onnx"]))), rows

    def _budget(self, described: Signature) -> Budget:
        """Return what may be lost: what the user allows; by default no label, and of a number a hundredth.

        Raises ConfigError where labels may change of a model that has none.
        """
        labelled = described.task in LABELLED
        if self.max_label_changes is not None and not labelled:
            message = f"'max_label_changes': the answers of {described.model} are numbers, it has no labels"
            raise ConfigError(message, "--max-accuracy-drop 0.5% allows a loss of R2")
        if not self.max_accuracy_drop and not self.max_label_changes:
            change = 0.01 if self.max_score_change is None else self.max_score_change
            return Budget(0.0 if labelled else None, 0.0 if labelled else None, change)
        return Budget(self.max_accuracy_drop, self.max_label_changes, self.max_score_change)

    def _methods(self) -> dict[str, Method]:
        names = self.method or tuple(plugins.names("methods"))
        if unknown := self.options.keys() - set(plugins.names("methods")):
            first = min(unknown)
            raise ConfigError(f"there is no method '{first}'", plugins.nearest(first, plugins.names("methods")))
        return {name: _configured(name, self.options.get(name, {})) for name in dict.fromkeys(names)}

    def _show(self, found: Search, chosen: Trial | None, reason: str, task: Task, out: Path) -> None:
        asked = self.model_dump(mode="json", exclude={"seed", "options"})
        showing.write(found, chosen, reason, task, asked, out / "candidates")


def _configured(name: str, options: Mapping[str, Any]) -> Method:
    kind: type[Method] = plugins.load("methods", name)
    try:
        return kind.model_validate_json(json.dumps(dict(options)))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            hint = plugins.nearest(key, list(kind.model_fields))
            raise ConfigError(f"method '{name}' has no option '{key}'", hint) from error
        raise ConfigError(f"method '{name}': '{key}' cannot be {first['input']!r}: {first['msg'].lower()}") from error


def _rewritten(chosen: Trial, rows: Golden, described: Signature, out: Path) -> dict[str, str]:
    """Write what later stages hold the model against: its own answers, and how much these vary with the batch."""
    session = chosen.opened()
    golden.write(standard(rows, session.run(session.feed(rows.inputs))), out / "golden.npz")
    signature.write(loosened(described, chosen.noise, choice.loss(chosen, described)), out / "signature.json")
    return {"golden": "golden.npz", "signature": "signature.json"}


def _facts(chosen: Trial, base: Trial, found: Search, reason: str) -> dict[str, Any]:
    return {
        "chosen": chosen.candidate.name,
        "lossless": chosen.candidate.lossless,
        "reason": reason,
        "time_ratio": chosen.cost("latency") if chosen.ratios else 1.0,
        "size_ratio": chosen.size / base.size,
        "candidates": len(found.trials),
        "advice": {name: item.why for name, item in found.advice.items()},
    }


def _notes(chosen: Trial, found: Search, task: Task, budget: float) -> tuple[str, ...]:
    notes = []
    if not chosen.candidate.lossless:
        lost = choice.loss(chosen, task.signature)
        notes.append(
            f"not all answers are the original's any more: {lost}; later stages hold the service against these"
        )
    if found.cut_short:
        notes.append(f"the {budget:g} s were up at {found.cut_short}: allow more with --time-budget")
    return tuple(notes)


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, default=str) + "\n").encode()
