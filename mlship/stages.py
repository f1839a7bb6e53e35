"""The plugin contract: what a stage is, and the kinds of stage that there are.

A stage plugin is one frozen, strict pydantic class. Its fields are its options. It reads artifacts, writes new ones
under ``out`` and returns them; it does not print, prompt or read the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ConfigDict, Field

from mlship.errors import GateError, InterruptedRunError, MlshipError, PluginError


class Progress(Protocol):
    """Where a stage says what it is doing; ``fraction`` is between 0 and 1 where it is known."""

    def __call__(self, message: str, fraction: float | None = None) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """What a stage leaves behind.

    ``artifacts``: by kind, paths relative to ``out``. ``facts``: JSON values for the lock and ``--json``.
    ``summary``: one line for people. ``notes``: things that the user must be told.
    """

    artifacts: Mapping[str, str]
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Stage(BaseModel):
    """Base of all stage plugins.

    ``reads`` are artifact kinds without which it cannot run, ``either`` some of which it takes the one that is there,
    ``uses`` those that it takes when they are there.
    ``writes`` are the kinds that it may write; ``publishes`` is one of them that the user gets as a folder of his own
    beside mlship.toml, where his edits are kept. ``libraries`` are distributions whose versions belong to the
    fingerprint. After an error of ``keeps``, what it had written is kept for the user.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    group: ClassVar[str]
    publishes: ClassVar[str | None] = None
    reads: ClassVar[tuple[str, ...]] = ()
    either: ClassVar[tuple[str, ...]] = ()
    uses: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()
    keeps: ClassVar[tuple[type[MlshipError], ...]] = (GateError, InterruptedRunError)

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Do the work: read ``inputs`` (path by kind), write below ``out``, return what was written.

        Raises MlshipError for whatever a user can act on; GateError when the work is done but a gate is not met.
        """
        raise NotImplementedError

    def intact(self, outputs: Mapping[str, Path]) -> bool:
        """Say whether what this stage made outside the workspace (an image, say) is still there."""
        return True


@dataclass(frozen=True)
class Original:
    """The user's model while it is loaded: the file ``path``, the plugin ``source`` that read it, and the object."""

    path: Path
    source: str
    model: Any


class Converter(Stage):
    """original (+ sample) -> signature, golden, onnx.

    The one kind of stage that meets the loaded model, so it runs in quarantine, behind the loading gate, and is given
    the model instead of its path.
    """

    group = "converters"
    reads = ("original",)
    uses = ("sample",)
    writes = ("signature", "golden", "onnx")

    #: Wall seconds that a visit to the model may take.
    time_limit: float = Field(600.0, gt=0, description="seconds that loading and converting may take")

    def convert(self, original: Original, sample: Path | None, out: Path, progress: Progress) -> Outcome:
        """Write signature.json, golden.npz and the converted model below ``out``.

        Raises UnsupportedModelError when this converter does not know the model, GateError when parity fails.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Explained:
    """What an optimizer would do: ``model`` in a line, and for each method whether it applies, and why."""

    model: str
    methods: Mapping[str, tuple[bool, str]]


class Optimizer(Stage):
    """onnx + golden -> a faster or smaller onnx, and how to run it (session).

    It is not asked about a native model, in which there is nothing to optimize. Where its choice answers otherwise than
    the original, within what the user allows, it writes the golden set and the signature anew.
    """

    group = "optimizers"
    reads = ("onnx", "golden", "signature")
    uses = ("sample",)
    writes = ("onnx", "session", "candidates", "golden", "signature")

    target: str | None = Field(None, description="column of the sample that holds the true answers")

    def explain(self, inputs: Mapping[str, Path]) -> Explained:
        """Say, before any time is spent, what can help this model and what cannot."""
        raise PluginError(f"plugin '{type(self).__name__}' does not explain itself", "run it without --explain")


class Scaffold(Stage):
    """onnx (or native, see ``either``) + signature + golden -> a service folder that runs without mlship."""

    group = "scaffolds"
    reads: ClassVar[tuple[str, ...]] = ("onnx", "golden", "signature")
    uses = ("session",)
    writes = ("service",)
    publishes = "service"


class Benchmark(Stage):
    """model and service -> report (a folder with JSON, Markdown and HTML)."""

    group = "benchmarks"
    reads: ClassVar[tuple[str, ...]] = ("onnx", "golden", "signature")
    uses = ("original", "sample", "converted", "candidates", "session", "service")
    writes = ("report",)
    keeps = (MlshipError,)


class ImageBuilder(Stage):
    """service -> a build context and an image that was started and checked."""

    group = "images"
    reads = ("service", "golden", "signature")
    writes: ClassVar[tuple[str, ...]] = ("context", "image")

    def export(self, outputs: Mapping[str, Path], target: Path, progress: Progress) -> None:
        """Write the image that this stage made to ``target``; ``outputs`` is what it wrote then, by kind."""
        raise PluginError(f"plugin '{type(self).__name__}' writes no image to a file", "leave --output out")

    def push(self, outputs: Mapping[str, Path], progress: Progress) -> dict[str, Any]:
        """Push the image that this stage made to the registry of its name; return what is told of it for --json.

        ``sentence`` is among it, for people.
        """
        raise PluginError(f"plugin '{type(self).__name__}' pushes no image", "leave --push out")


@dataclass(frozen=True)
class Checked:
    """What a validator said of deployment files: ``passed`` is None where the validator is not installed.

    ``said`` is one line, or all that it found.
    """

    validator: str
    passed: bool | None
    said: str


class Target(Stage):
    """image (+ report) -> deployment files, which pass the validators of their platform."""

    group = "targets"
    reads: ClassVar[tuple[str, ...]] = ("image", "signature")
    uses: ClassVar[tuple[str, ...]] = ("report", "service", "golden")
    writes = ("manifests",)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Have every validator that is installed look at what was written to ``folder``; name those that are not."""
        return ()

    def up(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """Start what was written to ``folder`` on this machine; return what is told of it, with its ``url``."""
        raise PluginError(f"plugin '{type(self).__name__}' starts nothing on this machine", "leave --up out")

    def down(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """End what ``up`` has started; return what is told of it."""
        raise PluginError(f"plugin '{type(self).__name__}' starts nothing on this machine", "leave --down out")
