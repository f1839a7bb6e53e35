"""What a method of optimisation is given, and what it gives: candidates, each a model with how to run it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import onnx
from pydantic import BaseModel, ConfigDict

from mlship.quality import Budget, Quality, Rows
from mlship.signature import Signature
from mlship.stages import Progress

Objective = Literal["latency", "throughput", "size"]


@dataclass(frozen=True)
class Candidate:
    """A model and how to run it.

    ``name`` says in a few words what is special about it. ``steps`` are the methods that made it, in order.
    ``lossless``: its answers are the converted model's, to its precision. ``settings``: what session.json will say.
    ``facts``: JSON values for people and for the report (trees left, layers kept in float, ...).
    """

    name: str
    model: onnx.ModelProto
    steps: tuple[str, ...] = ()
    lossless: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def changed(
        self, step: str, name: str, model: onnx.ModelProto, *, lossless: bool, facts: Mapping[str, Any] | None = None
    ) -> "Candidate":
        """Return what ``step`` made of this candidate; it is lossless where both are."""
        label = f"{self.name} + {name}" if self.steps else name
        facts = {**self.facts, **(facts or {})}
        return replace(
            self, name=label, model=model, steps=(*self.steps, step), lossless=self.lossless and lossless, facts=facts
        )


@dataclass(frozen=True)
class Advice:
    """Whether a method can help a model, and why (one clause)."""

    applies: bool
    why: str


@dataclass(frozen=True)
class Task:
    """What is asked for, and what methods work with.

    ``fit`` and ``judge`` are rows that share none: methods search and train on ``fit``, the planner judges on
    ``judge``. ``batches``: rows a call that matter. ``quality``: how a model's answers for ``fit`` compare. ``left``:
    seconds that remain. ``rows_are_real``: False where the rows were made up, as no sample was given.
    """

    signature: Signature
    fit: Rows
    judge: Rows
    budget: Budget
    objective: Objective
    batches: tuple[int, ...]
    seed: int
    quality: Callable[[onnx.ModelProto], Quality]
    left: Callable[[], float]
    progress: Progress
    rows_are_real: bool = True

    def affords(self, model: onnx.ModelProto) -> bool:
        """Say whether ``model`` stays within the budget on the rows to fit with."""
        return not self.budget.objection(self.quality(model))


class Method(BaseModel):
    """Base of the methods of optimisation; the fields are its options, under [optimize.<name>] in mlship.toml.

    ``rank`` orders methods that build on each other: what is pruned (20) can be quantized (40) after; ``again`` is the
    rank at which a method is asked about what others made. One that ``replaces`` the model is asked about the whole
    model only; one that ``tunes`` how a model is run is asked about those that proved best. It is asked for advice
    first, and for candidates only where it applies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    rank: ClassVar[int]
    again: ClassVar[int | None] = None
    replaces: ClassVar[bool] = False
    tunes: ClassVar[bool] = False

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Say quickly whether this method can make anything of ``base``, and why, or why not."""
        raise NotImplementedError

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield candidates made of ``base``, the most promising first; the caller may stop at any of them.

        Raises MissingDependencyError where an option needs an extra that is not installed.
        """
        raise NotImplementedError
