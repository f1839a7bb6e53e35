"""Meeting the original: through the loading gate, then in the environment and beside the code that it needs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from mlship import environments, gate, quarantine, versions
from mlship.artifacts import digest
from mlship.environments import Environment
from mlship.errors import ModelError, QuarantineError, UsageError
from mlship.quarantine import Limits, Place
from mlship.stages import Converter, Outcome, Progress
from mlship.workspace import Workspace

#: "here": as installed. "auto": models of another scikit-learn in an environment of their own.
PythonEnv = Literal["here", "auto"]


class Ears(Protocol):
    """Who hears notes and progress."""

    def note(self, text: str) -> None:
        """Hear something that the user must be told."""

    @property
    def progress(self) -> Progress:
        """What hears progress."""


@dataclass(frozen=True)
class Terms:
    """On what terms a model is visited: names that are trusted, the user's code, and which environment it gets."""

    trust: Collection[str] = ()
    code: Path | None = None
    python_env: PythonEnv = "here"


def again(workspace: Workspace, terms: Terms) -> Terms:
    """Return the terms on which the model of ``workspace`` was converted; ``terms`` where it was not yet."""
    converted = workspace.manifest().stages.get("convert")
    if converted is None:
        return terms
    code = converted.inputs.get("code")
    own: PythonEnv = "auto" if "environment" in converted.facts else "here"
    return Terms(terms.trust, workspace.located(code) if code else None, own)


def environment(model: Path, terms: Terms) -> Environment | None:
    """Return the environment of its own that ``model`` gets, None where it is visited with what is installed here."""
    if terms.python_env == "here":
        return None
    inspection = gate.inspect(model, terms.trust)
    if not gate.version_differences(inspection):
        return None
    modules = {name.partition(".")[0] for name in inspection.globals}
    return environments.of(inspection.trained_with["scikit-learn"], modules)


def place(own: Environment | None, code: Path | None, progress: Progress) -> Place:
    """Return where the visits take place; the environment is made where it is not there yet."""
    python = Place.python if own is None else environments.made(own, progress)
    return Place(python, code)


def convert(
    plugin: str,
    converter: Converter,
    inputs: Mapping[str, Path],
    terms: Terms,
    own: Environment | None,
    ears: Ears,
    out: Path,
) -> Outcome:
    """Let ``converter`` meet the model: in quarantine, and only when the loading gate lets the file through."""
    model, sample = inputs["original"], inputs.get("sample")
    inspection = gate.inspect(model, terms.trust)
    gate.require_trusted(inspection)
    differences = () if own else gate.version_differences(inspection)
    notes = versions.require_usable() + differences
    for note in notes:
        ears.note(note)
    if own and "native" in converter.writes:
        message = f"a service of a native model runs what is installed here, not {own.requirements[0]}"
        raise UsageError(message, "--to onnx, which needs no scikit-learn to run")
    request = {
        "plugin": plugin,
        "options": converter.model_dump(mode="json"),
        "model": str(model.absolute()),
        "digest": digest(model),
        "sample": None if sample is None else str(sample.absolute()),
        "out": str(out.absolute()),
    }
    with quarantine.at(place(own, terms.code, ears.progress)):
        result = _visited(request, Limits(seconds=converter.time_limit), ears, differs=bool(differences))
    facts = {**result["facts"], "network": result["network"]}
    if own:
        facts["environment"] = list(own.requirements)
        notes = (*notes, f"{model.name} was visited with scikit-learn {own.trained}, as it was saved")
    return Outcome(result["artifacts"], result["summary"], facts, (*result["notes"], *notes))


def _visited(request: Mapping[str, Any], limits: Limits, ears: Ears, *, differs: bool) -> dict[str, Any]:
    """Return what the conversion in quarantine gives; where versions differ, that is what is likely at fault."""
    try:
        with quarantine.visit("mlship.visits:convert", request, limits) as visited:
            return visited.wait(ears.progress)
    except (ModelError, QuarantineError) as error:
        if not differs:
            raise
        raise type(error)(error.message, "visit it with the scikit-learn that saved it: --python-env auto") from error
