"""Distil: small models that learn from the large one, and the same models trained without it beside them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from mlship.optimization import Advice, Candidate, Method, Task
from mlship.students.fitness import smallest, why_not
from mlship.students.kinds import CHEAP, plans
from mlship.students.school import Graduate, graduates, school

#: By how many times the students that win are larger than the smallest there is, roughly.
_USUALLY = 3


class Distill(Method):
    """Train small students of the model, distilled and plainly, and propose the best pair of each size."""

    rank: ClassVar[int] = 30
    replaces: ClassVar[bool] = True

    student: Literal["auto", "linear", "tree", "forest", "boosted", "mlp", "torch"] = Field(
        "auto", description="kind of student: auto tries linear, tree, forest, mlp and boosted, the cheapest first"
    )

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Say whether a student may be small enough, good enough, and has enough rows to learn from."""
        why = why_not(base.model, task) or self._refusal(task)
        if why:
            return Advice(applies=False, why=why)
        times = base.model.ByteSize() / (_USUALLY * smallest(task.signature))
        reason = f"{len(task.fit):,} rows for a student to learn from, perhaps {max(times, 1):,.0f} times smaller"
        return Advice(applies=True, why=reason)

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield the smallest student within the budget, distilled and trained plainly, then the most accurate other.

        Raises MissingDependencyError for a torch student without torch.
        """
        kinds = CHEAP if self.student == "auto" else (self.student,)
        for graduate in graduates(school(base.model, task), kinds):
            entrant = graduate.entrant
            name = f"student: {entrant.plan.title}, {entrant.way}"
            facts = _facts(graduate, task)
            # nothing of the model that it was asked about is left, so its steps and facts are not the student's
            yield replace(base, name=name, model=graduate.model, steps=("distill",), lossless=False, facts=facts)

    def _refusal(self, task: Task) -> str:
        """Say why the kind of student that is asked for is none for this task."""
        classifies = task.signature.task == "classifier"
        width = next(item.width for item in task.signature.outputs if item.name == "prediction")
        if self.student == "torch" and not classifies:
            return "temperature softens probabilities, and there are none: student=mlp is the same network"
        if self.student != "auto" and not plans(self.student, classifies=classifies, width=width):
            return f"boosted trees answer with one number a row, and this model with {width}"
        return ""


def _facts(graduate: Graduate, task: Task) -> dict[str, Any]:
    """Return what was measured on rows of the fold that the student was not trained on (cross-validation)."""
    entrant = graduate.entrant
    assert entrant.quality is not None
    return {
        "student": entrant.plan.title,
        "settings": dict(entrant.plan.settings),
        "way": entrant.way,
        "fidelity": entrant.fidelity,
        "accuracy" if task.signature.task == "classifier" else "r2": entrant.quality.score,
        "rows_held_back": entrant.quality.rows,
        "rows_made_up": graduate.made,
    }
