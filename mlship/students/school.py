"""From a teacher and rows to trained students, as ONNX: the better way of training first, the other one beside it."""

import functools
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from mlship.optimization import Task
from mlship.quality import Rows
from mlship.runtime import Session
from mlship.students.exported import exported
from mlship.students.kinds import Kind, plans
from mlship.students.lessons import Lesson, classes_of, distilled, plain
from mlship.students.munge import munged
from mlship.students.race import FOLDS, WAYS, Entrant, Fold, Race, Way
from mlship.students.training import trained

#: Most rows of the sample that students see, and most rows that are made up.
_MOST, _MOST_MADE = 10_000, 8_000

#: Rows made up for one of the sample, fewer where the teacher is too slow to answer for them all.
_COPIES = (4, 1)

#: Shares of the time that is left: for finding a student, and for the teacher's answers.
_SEARCHING, _ASKING = 0.4, 0.1
_ASKED = 64

#: What is larger than this share of the teacher is not worth having.
_SMALLER = 0.5


@dataclass(frozen=True)
class Graduate:
    """A trained student; ``entrant``: how it did on rows it was not trained on; ``made``: rows made up for it."""

    model: onnx.ModelProto
    entrant: Entrant
    made: int


@dataclass(frozen=True)
class School:
    """A teacher, the rows to learn from, and how many more of these are made up for each, for the teacher to answer."""

    teacher: onnx.ModelProto
    session: Session
    task: Task
    rows: Rows
    copies: int

    def lessons(self, rows: Rows, seed: int) -> dict[Way, Lesson]:
        """Return what is learnt from ``rows`` in each way."""
        signature, count = self.task.signature, self.made(rows)
        inputs = munged(rows.inputs, signature.columns, count=count, seed=seed)
        made = Rows(inputs, self.session.run(self.session.feed(inputs)))
        return {"distilled": distilled(rows, made, signature), "trained plainly": plain(rows, signature)}

    def made(self, rows: Rows) -> int:
        """Return how many rows are made up to go with ``rows``."""
        return min(self.copies * len(rows), _MOST_MADE)

    def race(self) -> Race:
        """Return the race by which a student is found."""
        task, start = self.task, self.task.left()
        folds = list(self._folds())

        def fold(number: int) -> Fold:
            learn, hold = folds[number]
            return Fold(self.lessons(self.rows.take(learn), task.seed + number), self.rows.take(hold))

        return Race(
            signature=task.signature,
            budget=task.budget,
            classes=classes_of(task.signature, self.rows) if task.signature.task == "classifier" else None,
            seed=task.seed,
            fold=functools.cache(fold),
            size=lambda student: exported(student, self.teacher).ByteSize(),
            most=self.teacher.ByteSize() * _SMALLER,
            used=lambda: (start - task.left()) / max(start * _SEARCHING, 1e-9),
        )

    def _folds(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        count = len(self.rows)
        if self.task.signature.task == "classifier":
            split = StratifiedKFold(FOLDS, shuffle=True, random_state=self.task.seed)
            yield from split.split(np.zeros(count), self.rows.outputs["prediction"].astype(str))
            return
        yield from KFold(FOLDS, shuffle=True, random_state=self.task.seed).split(np.zeros(count))


def school(teacher: onnx.ModelProto, task: Task) -> School:
    """Open a school: the teacher is asked about some rows, to see for how many it can answer."""
    rows = _finite(task.fit)
    if len(rows) > _MOST:
        picked = np.random.default_rng(task.seed).choice(len(rows), size=_MOST, replace=False)
        rows = rows.take(np.sort(picked))
    session = Session(teacher.SerializeToString())
    feed = session.feed({name: values[:_ASKED] for name, values in rows.inputs.items()})
    quickest = min(timeit.repeat(lambda: session.run(feed), number=1, repeat=5))  # others wait for the machine
    seconds = quickest / min(_ASKED, len(rows)) * (FOLDS + 1)
    able = (copies for copies in _COPIES if min(copies * len(rows), _MOST_MADE) * seconds < _ASKING * task.left())
    return School(teacher, session, task, rows, next(able, 0))


def graduates(place: School, kinds: Sequence[Kind]) -> Iterator[Graduate]:
    """Train students of ``kinds`` and yield the smallest one within the budget, and the most accurate other one.

    Each is trained in both ways on all rows; the way that did better on rows held back comes first. None
    are yielded where all that were tried are too large.
    Raises MissingDependencyError for a torch student without torch.
    """
    task, race = place.task, place.race()
    classifies = task.signature.task == "classifier"
    width = next(item.width for item in task.signature.outputs if item.name == "prediction")
    entered = [plan for kind in kinds for plan in plans(kind, classifies=classifies, width=width)]
    task.progress(f"training {len(entered)} students, distilled and plainly")
    found = _finalists(race.run(entered))
    lessons, made = place.lessons(place.rows, task.seed), place.made(place.rows)
    for finalist in found:
        other = next(way for way in WAYS if way != finalist.way)
        twin = race.further(Entrant(finalist.plan, other), len(finalist.answers))
        for entrant in race.ranked([finalist, twin]):
            student = trained(entrant.plan, lessons[entrant.way], task.signature, race.classes, task.seed)
            yield Graduate(exported(student, place.teacher), entrant, made if entrant.way == "distilled" else 0)


def _finalists(ranked: Sequence[Entrant]) -> list[Entrant]:
    """Return the winner, and the most accurate one of another size that ran as far: small samples mislead."""
    if not ranked:
        return []
    first = ranked[0]
    equals = [item for item in ranked if len(item.answers) == len(first.answers)]
    others = [item for item in equals if item.plan.title != first.plan.title]
    best = max(others, key=lambda entrant: (entrant.score, -entrant.size), default=None)
    return [first] if best is None else [first, best]


def _finite(rows: Rows) -> Rows:
    """Leave out rows with an infinite number, and rows without a number for an answer."""
    fine = np.ones(len(rows), dtype=bool)
    for values in rows.inputs.values():
        if values.dtype != object:
            fine &= ~np.isinf(values).any(axis=1)
    for values in rows.outputs.values():
        if values.dtype.kind == "f":
            fine &= np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return rows if fine.all() else rows.take(fine)
