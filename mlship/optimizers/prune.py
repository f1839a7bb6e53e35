"""Prune: leave out the trees, rounds of boosting, neurons or coefficients that a model can do without."""

from collections.abc import Callable, Iterator
from typing import ClassVar, Literal, assert_never

import numpy as np
import onnx
from pydantic import Field

from mlship.errors import ModelError
from mlship.optimization import Advice, Candidate, Method, Task
from mlship.quality import FEWEST_ROWS, LABELLED
from mlship.surgery.graph import Graph
from mlship.surgery.pruning import linear, networks
from mlship.surgery.pruning.boosting import truncated
from mlship.surgery.pruning.forests import mean_of, smaller
from mlship.surgery.pruning.layers import layers
from mlship.surgery.pruning.rounds import Forest, forests
from mlship.surgery.pruning.search import Pruned, Search

What = Literal["trees", "neurons", "coefficients"]

#: Fewer of these are left alone.
_FEWEST_ROUNDS, _FEWEST_NEURONS = 4, 16
#: What is not smaller than this share of the model is not worth measuring.
_GAIN = 0.95


class Prune(Method):
    """Leave out trees, rounds of boosting, neurons or coefficients, as far as the budget allows."""

    rank: ClassVar[int] = 20

    what: Literal["auto"] | What = Field("auto", description="what to leave out; auto: the first that the model has")
    minimum: int = Field(1, ge=1, description="trees, rounds, neurons in all or coefficients that stay in any case")

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Count what could be left out, and say whether there are rows to find out how much."""
        kind, why = self._what(base.model)
        if kind is None:
            return Advice(applies=False, why=why)
        if not task.rows_are_real:
            return Advice(applies=False, why=f"{why}; made-up rows don't show which are needed: give a sample")
        if len(task.fit) < FEWEST_ROWS:
            short = f"{len(task.fit)} rows are too few to find out which are needed: give {2 * FEWEST_ROWS} or more"
            return Advice(applies=False, why=f"{why}; {short}")
        if task.budget.label_changes == 0 and task.signature.task in LABELLED:
            why += "; few can go where no label may change: --max-accuracy-drop 0.5% allows more"
        return Advice(applies=True, why=why)

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield smaller models, the smallest first; what they lose on rows to search with is within the budget."""
        kind, _ = self._what(base.model)
        if kind is None:
            return
        task.progress(f"pruning {kind}")
        search = Search(task.fit, task.signature, task.budget, task.quality, task.left, self.minimum)
        for pruned in _found(kind, base.model, search):
            if pruned.model.ByteSize() < _GAIN * base.model.ByteSize():
                yield base.changed("prune", pruned.name, pruned.model, lossless=False, facts=pruned.facts)

    def _what(self, model: onnx.ModelProto) -> tuple[What | None, str]:
        """Return what can be left out of ``model``, and how much there is of it; or None, and why."""
        refusals = []
        for kind, look in _KINDS.items():
            if self.what in {"auto", kind}:
                found, why = look(model)
                if found:
                    return kind, why
                refusals.append(why)
        return None, f"nothing to prune: {', '.join(refusals)}"


def _trees(model: onnx.ModelProto) -> tuple[bool, str]:
    try:
        forest = _largest(model)
    except ModelError as error:
        return False, error.message
    if forest is None:
        return False, "no trees"
    rounds, copies = len(forest.counts), forest.copies
    alike = forest.by_copy(np.arange(rounds)) is not None
    trees = f"{rounds:,} trees" if alike else f"{rounds:,} rounds of {copies:,} trees"
    if rounds < _FEWEST_ROUNDS:
        each = "" if copies == 1 else " for each number"
        return False, f"only {rounds} tree{'s' * (rounds > 1)}{each}"
    if forest.ensemble.aggregate not in {"SUM", "AVERAGE"}:
        return False, f"of {trees} the {forest.ensemble.aggregate.lower()} counts, so none can go"
    return True, f"{trees} with {len(forest.ensemble.left):,} nodes"


def _neurons(model: onnx.ModelProto) -> tuple[bool, str]:
    widths = [layer.width for layer in layers(Graph(model))]
    if sum(widths) < _FEWEST_NEURONS:
        return False, f"only {sum(widths)} hidden neurons" if widths else "no hidden neurons between two matrices"
    return True, f"{sum(widths):,} hidden neurons in {len(widths)} layer{'s' * (len(widths) > 1)}"


def _coefficients(model: onnx.ModelProto) -> tuple[bool, str]:
    why = linear.refusal(model)
    rows = sum(len(item.weights) for item in linear.coefficients(Graph(model)))
    return not why, why or f"{rows:,} rows of coefficients"


#: What can be left out, in the order in which it is looked for.
_KINDS: dict[What, Callable[[onnx.ModelProto], tuple[bool, str]]] = {
    "trees": _trees,
    "neurons": _neurons,
    "coefficients": _coefficients,
}


def _largest(model: onnx.ModelProto) -> Forest | None:
    return max(forests(model), key=lambda forest: len(forest.ensemble.left), default=None)


def _found(kind: What, model: onnx.ModelProto, search: Search) -> Iterator[Pruned]:
    match kind:
        case "neurons":
            return networks.narrower(model, search)
        case "coefficients":
            return linear.thinner(model, search)
        case "trees":
            forest = _largest(model)
            assert forest is not None
            mean = mean_of(forest, search.rows, _classes(search))
            return truncated(forest, search) if isinstance(mean, str) else smaller(mean, search)
        case _:
            assert_never(kind)


def _classes(search: Search) -> tuple[str | int | float | bool, ...]:
    outputs = search.signature.outputs
    return next((item.classes or () for item in outputs if item.name == "probabilities"), ())
