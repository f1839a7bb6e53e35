"""Tree ensembles taken apart into rounds: what each of them adds, and the model with fewer of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.surgery.graph import ML, Graph
from mlship.surgery.pruning.values import observed
from mlship.surgery.trees import Ensemble, ensembles, groups, keep, read, write

Doubles = NDArray[np.float64]
Chosen = NDArray[np.intp]

#: Numbers that the answers of all rounds for all rows may take up, and the most rounds that are told apart.
_ROOM, _MOST = 10_000_000, 2_000
_LOADED = 2_000  # trees that are loaded together


@dataclass(frozen=True)
class Forest:
    """The tree ensemble number ``place`` of ``model``, its trees grouped into rounds.

    ``round_of`` (trees,): the round of each tree. A round is one tree, or ``copies`` of them, one for each target: a
    tree whose leaves hold several values, or the trees of one step of boosting; or several such in a row, where there
    are very many.
    """

    model: onnx.ModelProto
    place: int
    ensemble: Ensemble
    round_of: NDArray[np.intp]
    copies: int

    @property
    def counts(self) -> NDArray[np.intp]:
        """Trees of each round, copies left out."""
        return np.bincount(self.round_of) // self.copies

    @property
    def node(self) -> onnx.NodeProto:
        """The node of the model that holds the trees."""
        return ensembles(Graph(self.model))[self.place]

    @property
    def sum_type(self) -> int:
        """The ONNX element type of what the trees sum up to: that of the weights in ai.onnx.ml 5, float32 before."""
        new = self.node.op_type == "TreeEnsemble"
        return int(onnx.helper.np_dtype_to_tensor_dtype(self.ensemble.weight.dtype if new else np.dtype(np.float32)))

    def trees(self, chosen: Chosen) -> NDArray[np.intp]:
        """Return the numbers of the trees of these rounds, ascending."""
        return np.flatnonzero(np.isin(self.round_of, chosen))

    def by_copy(self, chosen: Chosen) -> NDArray[np.intp] | None:
        """Return the numbers of these trees (as ``trees``) by copy, (copies, trees); None where they are no copies."""
        if self.copies > 1:
            group = groups(self.ensemble)
            if (np.bincount(group) != self.copies).any():
                return None
        trees = self.trees(chosen)
        target = self.ensemble.target[np.searchsorted(self.ensemble.node, self.ensemble.starts)]
        return trees[np.argsort(target[trees], kind="stable")].reshape(self.copies, -1)

    def coarse(self, rows: int, width: int) -> "Forest":
        """Return this with neighbouring rounds put together where there are too many to tell them apart."""
        most = max(min(_MOST, _ROOM // max(rows * max(width, self.ensemble.n_targets), 1)), 2)
        return replace(self, round_of=self.round_of // -(-len(self.counts) // most))

    def added(self, inputs: Mapping[str, NDArray[Any]]) -> Doubles:
        """Return what each round adds for rows of the model's inputs, (rows, rounds, targets), base values left out.

        All trees run once: each round gets targets of its own. They run in several ensembles, as the time in which ONNX
        Runtime loads one grows with the square of its trees (50,000: 9 s).
        """
        graph = Graph(self.model)
        node = ensembles(graph)[self.place]
        kind = "TreeEnsemble" if node.op_type == "TreeEnsemble" else "TreeEnsembleRegressor"
        parts = np.array_split(np.arange(len(self.counts)), -(-len(self.ensemble.sizes) // _LOADED))
        likes = [onnx.helper.make_node(kind, [node.input[0]], [graph.fresh("rounds")], domain=ML) for _ in parts]
        graph.replace([node], [write(self._apart(part), like) for part, like in zip(parts, likes, strict=True)])
        names = [like.output[0] for like in likes]
        graph.outputs = {name: onnx.ValueInfoProto(name=name) for name in names}
        found = observed(graph.model(), names, inputs)
        sums = [
            found[name].astype(np.float64).reshape(-1, len(part), self.ensemble.n_targets)
            for name, part in zip(names, parts, strict=True)
        ]
        shares = len(self.ensemble.sizes) if self.ensemble.aggregate == "AVERAGE" else 1
        return np.concatenate(sums, axis=1) / shares

    def _apart(self, part: Chosen) -> Ensemble:
        """Return the trees of neighbouring rounds, targets of their own for each round."""
        trees = self.trees(part)
        kept = keep(self.ensemble, trees)
        rounds = self.round_of[trees][kept.tree[kept.node]] - part[0]
        return replace(
            kept,
            target=kept.target + rounds * kept.n_targets,
            n_targets=len(part) * kept.n_targets,
            aggregate="SUM",
            post_transform="NONE",
            base_values=kept.base_values[:0],
        )

    def with_rounds(self, chosen: Chosen, *, scale: float = 1.0) -> onnx.ModelProto:
        """Return the model with these rounds only, the weights of their leaves multiplied by ``scale``."""
        kept = keep(self.ensemble, self.trees(chosen))
        graph = Graph(self.model)
        node = ensembles(graph)[self.place]
        graph.replace([node], [write(replace(kept, weight=(kept.weight * scale).astype(kept.weight.dtype)), node)])
        return graph.model()


def forests(model: onnx.ModelProto) -> list[Forest]:
    """Return the tree ensembles of ``model``; raises ModelError for one that breaks the rules of ONNX."""
    found = [read(node) for node in ensembles(Graph(model))]
    rounds = [_rounds(ensemble) for ensemble in found]
    return [Forest(model, place, found[place], *rounds[place]) for place in range(len(found))]


def _rounds(ensemble: Ensemble) -> tuple[NDArray[np.intp], int]:
    """Return the round of each tree and the copies: by target where all have as many trees, and no tree has several."""
    count, targets = len(ensemble.sizes), ensemble.n_targets
    tree = ensemble.tree[ensemble.node]
    low, high = np.full(count, targets), np.full(count, -1)
    np.minimum.at(low, tree, ensemble.target)
    np.maximum.at(high, tree, ensemble.target)
    if not np.array_equal(low, high) or (np.bincount(low, minlength=targets) * targets != count).any():
        return np.arange(count), 1
    numbers = np.empty(count, dtype=np.intp)
    numbers[np.argsort(low, kind="stable")] = np.arange(count) % (count // targets)
    return numbers, targets
