"""Finds the smallest student within the budget: all run a short way, and only the better ones run on.

Successive halving (Jamieson and Talwalkar 2016): what is spent on a student is how many folds of a cross-validation it
is trained and examined on. Each rung keeps half, so that most of the time goes into the promising ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlship.quality import Budget, Quality, Rows, assess
from mlship.signature import Signature
from mlship.students.kinds import Plan
from mlship.students.lessons import Lesson
from mlship.students.training import Student, trained

Way = Literal["distilled", "trained plainly"]
WAYS: tuple[Way, Way] = ("distilled", "trained plainly")

#: Folds of the cross-validation, and after how many of them a rung of the race ends.
FOLDS, _RUNGS = 4, (1, 2, 4)
_KEPT = 2


@dataclass(frozen=True)
class Fold:
    """Lessons by way of training, and the rows that are held back from them."""

    lessons: Mapping[Way, Lesson]
    held_back: Rows


@dataclass(frozen=True)
class Entrant:
    """A student to be, how it is trained, and what is known of it: answers for rows that it was not trained on.

    ``size``: bytes as ONNX. ``quality``: beside the teacher, on ``fidelity`` the teacher's own answers are the truth.
    """

    plan: Plan
    way: Way
    size: int = 0
    answers: tuple[dict[str, NDArray[Any]], ...] = ()
    quality: Quality | None = None
    fidelity: float = 0.0

    @property
    def score(self) -> float:
        """Share of right labels, or R2."""
        assert self.quality is not None
        return self.quality.score

    def shortfall(self, budget: Budget) -> float:
        """Return by how much it is beyond the budget; 0 within."""
        assert self.quality is not None
        lost = 0.0 if budget.accuracy_drop is None else self.quality.drop - budget.accuracy_drop
        changed = self.quality.label_changes / max(self.quality.rows, 1)
        return max(lost, 0.0 if budget.label_changes is None else changed - budget.label_changes, 0.0)


@dataclass(frozen=True)
class Race:
    """What a race needs: ``fold`` returns one by number, ``size`` weighs a student, ``used``: share of the time.

    Students of more than ``most`` bytes are left out.
    """

    signature: Signature
    budget: Budget
    classes: NDArray[Any] | None
    seed: int
    fold: Callable[[int], Fold]
    size: Callable[[Student], int]
    most: float
    used: Callable[[], float]

    def run(self, plans: Sequence[Plan]) -> list[Entrant]:
        """Return the entrants that ran furthest first, of these the best: within the budget by size, then the others.

        Each rung may use the same time: those that have not run when it is up are left behind. One always runs. None
        are returned where all are too large.
        """
        runners = [Entrant(plan, way) for plan in plans for way in WAYS]
        for rung, folds in enumerate(_RUNGS, start=1):
            on: list[Entrant] = []
            for runner in runners:
                if on and self.used() >= rung / len(_RUNGS):
                    break
                on.append(self.further(runner, folds))
            waiting = [runner for runner in runners[len(on) :] if runner.quality is not None]
            runners = self.ranked([runner for runner in on if runner.size <= self.most]) + waiting
            if self.used() >= 1 or folds == _RUNGS[-1]:
                break
            runners = _kept(runners)
        return runners

    def further(self, runner: Entrant, folds: int) -> Entrant:
        """Train and examine ``runner`` on the folds, up to ``folds`` of them, that it has not run yet."""
        for number in range(len(runner.answers), folds):
            fold = self.fold(number)
            student = trained(runner.plan, fold.lessons[runner.way], self.signature, self.classes, self.seed)
            size = runner.size or self.size(student)
            answers = (*runner.answers, student.answer(fold.held_back.inputs))
            runner = replace(runner, size=size, answers=answers)
        rows = _joined([self.fold(number).held_back for number in range(len(runner.answers))])
        given = {name: np.concatenate([part[name] for part in runner.answers]) for name in runner.answers[0]}
        alike = assess(self.signature, replace(rows, target=None), given).score
        return replace(runner, quality=assess(self.signature, rows, given), fidelity=alike)

    def ranked(self, runners: Sequence[Entrant]) -> list[Entrant]:
        """Return those within the budget by size, then the others by how far they are beyond it."""
        return sorted(runners, key=lambda runner: (runner.shortfall(self.budget), runner.size, -runner.score))


def _kept(ranked: Sequence[Entrant]) -> list[Entrant]:
    """Keep a share: in turns the first of those that are ``ranked`` and the most accurate, as few rows mislead."""
    accurate = sorted(range(len(ranked)), key=lambda place: -ranked[place].score)
    turns = dict.fromkeys(place for pair in enumerate(accurate) for place in pair)
    return [ranked[place] for place in list(turns)[: max(len(ranked) // _KEPT, 2)]]


def _joined(parts: Sequence[Rows]) -> Rows:
    first = parts[0]
    return Rows(
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in first.inputs},
        {name: np.concatenate([part.outputs[name] for part in parts]) for name in first.outputs},
        None if first.target is None else np.concatenate([part.target for part in parts if part.target is not None]),
    )
