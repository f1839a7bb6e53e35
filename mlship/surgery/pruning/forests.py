"""Leaves trees out of forests: of a mean over trees, a well-chosen part answers as well as the whole.

Trees are put in order by greedy forward selection: next comes the tree with which the mean of those chosen so far is
closest, by least squares, to the answers that are wanted (ordered aggregation: Martinez-Munoz, Suarez 2006; of its
criteria, that of reduced error for real-valued answers; Hernandez-Lobato, Martinez-Munoz, Suarez 2011). Then the first
few are kept.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from mlship.quality import Quality, Rows, assess
from mlship.runtime import complaints
from mlship.surgery.graph import Graph
from mlship.surgery.pruning.rounds import Chosen, Doubles, Forest
from mlship.surgery.pruning.search import Pruned, Search, grid, sizes
from mlship.surgery.pruning.shares import answered, packed, packing, put
from mlship.surgery.pruning.values import behind
from mlship.surgery.trees import ensembles, keep

#: Parts into which rows are divided to find the size; share of rows where classes may tie.
_FOLDS, _TIES = 3, 0.002
_CLOSE = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-4}


@dataclass(frozen=True)
class Decoder:
    """From sums over trees, (any, targets), to what the model answers, (any, width); ``trees``: that were summed.

    The answer is additive: each tree moves it from ``start`` by what it alone moves it.
    """

    run: Callable[[Doubles], Doubles]
    trees: int
    targets: int

    def moves(self, sums: Doubles) -> Doubles:
        """Return by how much these sums move the answer."""
        return self.run(sums) - self.start

    @property
    def start(self) -> Doubles:
        """What no tree at all answers, (1, width)."""
        return self.run(np.zeros((1, self.targets)))

    def alone(self, sums: Doubles, trees: NDArray[np.intp]) -> Doubles:
        """Return what forests of ``trees`` (any,) trees each answer, of which ``sums`` are the sums."""
        return self.start + self.moves(sums) * (self.trees / trees)[:, None]


@dataclass(frozen=True)
class Mean:
    """A forest whose answer is the mean over its trees, with what each of them answers.

    ``answers``: (rows, rounds, width), the mean over the trees of each round, of the output called ``output``.
    ``classes``: what the columns are of, for probabilities. ``linear``: the answer is a plain multiple of the sums.
    """

    forest: Forest
    output: str
    classes: tuple[Any, ...]
    answers: Doubles
    decoder: Decoder
    linear: bool

    def of(self, chosen: Chosen, rows: NDArray[np.intp]) -> Doubles:
        """Return what these rounds answer together for these rows, (rows, width)."""
        counts = self.forest.counts[chosen]
        return np.tensordot(self.answers[np.ix_(rows, chosen)], counts / counts.sum(), (1, 0))

    def order(self, wanted: Doubles, rows: NDArray[np.intp]) -> Chosen:
        """Return all rounds in the order in which their mean comes closest to ``wanted`` (rows, width) on ``rows``."""
        flat = np.swapaxes(self.answers[rows], 0, 1).reshape(self.answers.shape[1], -1)
        gram, match = flat @ flat.T, flat @ wanted[rows].ravel()
        own, overlap, order = np.diag(gram), np.zeros(len(flat)), []
        energy, matched, free = 0.0, 0.0, np.ones(len(flat), dtype=bool)
        for size in range(1, len(flat) + 1):
            error = (energy + 2 * overlap + own) / size**2 - 2 * (matched + match) / size
            best = int(np.argmin(np.where(free, error, np.inf)))
            energy += 2 * overlap[best] + own[best]
            matched += match[best]
            overlap += gram[best]
            free[best] = False
            order.append(best)
        return np.array(order, dtype=np.intp)

    def model(self, chosen: Chosen) -> onnx.ModelProto:
        """Return the model with these rounds only; leaves with several shares are packed as tightly as is possible."""
        smaller = self.packed(chosen) if self.output == "probabilities" else None
        if smaller is not None:
            return smaller
        average = self.forest.ensemble.aggregate == "AVERAGE"
        scale = 1.0 if average else self.decoder.trees / self.forest.counts[chosen].sum()
        return self.forest.with_rounds(chosen, scale=scale)

    def packed(self, chosen: Chosen) -> onnx.ModelProto | None:
        """Return the model with its class shares packed anew, None where that needs no fewer copies of the trees."""
        graph = Graph(self.forest.model)
        node, copies = ensembles(graph)[self.forest.place], self.forest.by_copy(chosen)
        place = answered(graph, self.output)
        if place is None or copies is None or node.op_type != "TreeEnsemble":
            return None
        weights = keep(self.forest.ensemble, copies.ravel()).weight.reshape(len(copies), -1).T.astype(np.float64)
        shares = np.clip(self.decoder.alone(weights, np.ones(len(weights), dtype=np.intp)), 0, 1)
        pack = packing(shares, copies.shape[1], self.forest.ensemble.threshold.dtype)
        if self.linear and pack.carriers >= len(copies):
            return None
        put(graph, node, place, packed(keep(self.forest.ensemble, copies[0]), shares, pack), pack)
        return graph.model()


def mean_of(forest: Forest, rows: Rows, classes: Sequence[Any]) -> Mean | str:
    """Return ``forest`` as a mean over its trees, as seen on ``rows``; or why its model's answer is no such mean."""
    output = next((name for name in ("probabilities", "prediction") if name in rows.outputs), "")
    wanted = rows.outputs.get(output, np.empty(0, dtype=object))
    if wanted.dtype.kind != "f" or forest.ensemble.aggregate not in {"SUM", "AVERAGE"}:
        return "its answer is no number that could be a mean over trees"
    flat = wanted.reshape(len(rows), -1).astype(np.float64)
    forest, decoder = forest.coarse(len(rows), flat.shape[1]), _decoder(forest, output)
    if decoder is None:
        return "other parts of the model take part in its answer, behind the trees"
    added, close = forest.added(rows.inputs), _CLOSE[wanted.dtype]
    moves = decoder.moves(added.reshape(-1, added.shape[2])).reshape(*added.shape[:2], -1)
    size = close * max(float(np.abs(flat).max()), 1.0)
    if moves.shape[2] != flat.shape[1] or np.abs(decoder.start + moves.sum(axis=1) - flat).max() > size:
        return "its answer is no mean over its trees"
    answers = decoder.start + moves * (decoder.trees / forest.counts)[:, None]
    if not (_are_shares(answers, close) if output == "probabilities" else _average(answers, moves, decoder.start)):
        return "its trees add up, they are not averaged"
    halves = decoder.moves(added.sum(axis=1) / 2)
    linear = bool(np.abs(2 * halves - moves.sum(axis=1)).max() <= size and np.abs(decoder.start).max() <= size)
    found = Mean(forest, output, tuple(classes), answers, decoder, linear)
    if not linear and (output != "probabilities" or found.packed(np.arange(1)) is None):
        return "its leaves hold several shares in one number, and copies of a tree are not alike"
    return found


def smaller(mean: Mean, search: Search) -> Iterator[Pruned]:
    """Yield the model with fewer trees, the smallest first, as far as the budget on the rows to search with allows.

    How many are needed is found with answers for rows that the order was not made with (cross-validation).
    """
    wanted = _wanted(mean, search)
    orders = [mean.order(wanted, rows) for rows in _folds(len(search.rows))]
    order, whole = mean.order(wanted, np.arange(len(wanted))), mean.decoder.trees
    labels = _labels(mean, search)

    def quality(size: int) -> Quality:
        if labels is None:
            return search.quality(mean.model(order[:size]))
        found = np.empty_like(wanted)
        for seen, other in zip(_folds(len(wanted)), orders, strict=True):
            unseen = np.setdiff1d(np.arange(len(wanted)), seen)
            found[unseen] = mean.of(other[:size], unseen)
        return assess(search.signature, search.rows, labels(found))

    for size in sizes(grid(search.fewest, len(order)), quality, search):
        left = int(mean.forest.counts[order[:size]].sum())
        yield Pruned(f"{left:,} of {whole:,} trees", mean.model(order[:size]), {"trees": left, "trees_before": whole})


def _wanted(mean: Mean, search: Search) -> Doubles:
    """Return what the chosen trees should answer: half the whole forest, half the truth where it is known."""
    whole, target = mean.of(np.arange(len(mean.forest.counts)), np.arange(len(search.rows))), search.rows.target
    if target is None:
        return whole
    if mean.output == "prediction":
        return (whole + np.asarray(target, dtype=np.float64).reshape(whole.shape)) / 2
    named = np.array([str(label) for label in mean.classes])
    known: Doubles = (np.array([str(value) for value in target])[:, None] == named).astype(np.float64)
    return (whole + known) / 2


def _labels(mean: Mean, search: Search) -> Callable[[Doubles], dict[str, NDArray[Any]]] | None:
    """Return what makes the model's outputs from means; None where a label is not simply the likeliest class."""
    reference = search.rows.outputs["prediction"]
    if mean.output == "prediction":
        return lambda found: {"prediction": found.reshape(reference.shape)}
    classes = np.array(mean.classes, dtype=reference.dtype)
    whole = mean.of(np.arange(len(mean.forest.counts)), np.arange(len(reference)))
    if np.mean(classes[whole.argmax(axis=1)] != reference) > _TIES:
        return None
    return lambda found: {"prediction": classes[found.argmax(axis=1)], "probabilities": found}


def _folds(rows: int) -> list[NDArray[np.intp]]:
    """Return the rows that each of a few orders is made with; each row is left out once."""
    return [np.flatnonzero(np.arange(rows) % _FOLDS != fold) for fold in range(_FOLDS)]


def _decoder(forest: Forest, output: str) -> Decoder | None:
    ensemble, node = forest.ensemble, forest.node
    trees, targets = len(ensemble.sizes) // forest.copies, ensemble.n_targets
    base = ensemble.base_values if len(ensemble.base_values) == targets else np.zeros(targets)
    if node.op_type == "TreeEnsembleClassifier":
        plain = _one_of_two if targets == 2 and len(np.unique(ensemble.target)) == 1 else _as_they_are
        return Decoder(lambda sums: plain(sums + base), trees, targets) if ensemble.post_transform == "NONE" else None
    session = behind(forest.model, node.output[0], forest.sum_type) if ensemble.post_transform == "NONE" else None
    if session is None:
        return None
    name, dtype = next(iter(session.inputs.items()))

    def run(sums: Doubles) -> Doubles:
        with complaints("fails on the sums of trees"):
            return session.run({name: (sums + base).astype(dtype)})[output].reshape(len(sums), -1).astype(np.float64)

    return Decoder(run, trees, targets)


def _as_they_are(sums: Doubles) -> Doubles:
    return sums


def _one_of_two(sums: Doubles) -> Doubles:
    """Return the shares of both classes: where all leaves are of one, that is the share of the second."""
    second = sums.sum(axis=1)
    return np.stack([1 - second, second], axis=1)


def _are_shares(answers: Doubles, close: float) -> bool:
    return bool(answers.min() >= -close * 100 and answers.max() <= 1 + close * 100)


def _average(answers: Doubles, moves: Doubles, start: Doubles) -> bool:
    """Say whether half of the rounds come closer to the whole when averaged than when summed."""
    half = answers.shape[1] // 2
    whole = start + moves.sum(axis=1)
    averaged, summed = answers[:, :half].mean(axis=1), start + moves[:, :half].sum(axis=1)
    return half > 0 and bool(np.sum((averaged - whole) ** 2) < np.sum((summed - whole) ** 2))
