"""Rewrites applied until none applies any more, and kept only where the graph answers as before."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import onnx
from numpy.typing import NDArray

from mlship.errors import ModelError
from mlship.golden import Golden
from mlship.parity import Tolerance, compare
from mlship.runtime import Session, complaints
from mlship.surgery.graph import Graph

Rewrite = Callable[[Graph], int]

#: One rewrite makes room for another, but not for ever.
_ROUNDS = 20


@dataclass(frozen=True)
class Rewritten:
    """A model after rewrites, how often each applied, and the nodes before and after.

    ``dropped``: names of rewrites that changed the answers and were left out.
    """

    model: onnx.ModelProto
    counts: Mapping[str, int]
    before: int
    after: int
    dropped: tuple[str, ...] = ()


class Proof:
    """Holds models against ``model`` on ``rows``, sets of tensors by input, and on the first row of each alone.

    Sets that ``model`` refuses are left out.
    """

    def __init__(self, model: onnx.ModelProto, rows: Sequence[Mapping[str, NDArray[Any]]], allowed: Tolerance) -> None:
        self._allowed = allowed
        self._sets = []
        session = Session(model.SerializeToString())
        singles = [{name: values[:1] for name, values in inputs.items()} for inputs in rows]
        for inputs in (*rows, *singles):
            try:
                with complaints("refuses rows"):
                    answers = session.run(session.feed(inputs))
            except ModelError:
                continue
            count = len(next(iter(inputs.values())))
            self._sets.append(Golden(dict(inputs), answers, ("trial",) * count))

    def holds(self, model: onnx.ModelProto) -> bool:
        """Say whether ``model`` gives the same answers within the tolerance."""
        try:
            with complaints("cannot run the rewritten graph"):
                session = Session(model.SerializeToString())
                return bool(self._sets) and all(self._same(session, rows) for rows in self._sets)
        except ModelError:
            return False

    def _same(self, session: Session, rows: Golden) -> bool:
        return compare(rows, session.run(session.feed(rows.inputs)), self._allowed).passed


def rewritten(
    model: onnx.ModelProto, rewrites: Mapping[str, Rewrite], left: Callable[[], float] = lambda: 1.0
) -> Rewritten:
    """Apply ``rewrites``, by name, in turn until none of them applies or no seconds are ``left``.

    ``model`` stays as it is.
    """
    graph, counts = Graph(model), Counter[str]()
    before = len(graph.nodes)
    for _ in range(_ROUNDS):
        found = Counter[str]()
        for name, rewrite in rewrites.items():
            if left() > 0:
                found[name] = rewrite(graph)
                graph.tidy()
        counts += found
        if not found.total():
            break
    return Rewritten(graph.model(), dict(counts), before, len(graph.nodes))


def proven(
    model: onnx.ModelProto,
    rewrites: Mapping[str, Rewrite],
    holds: Callable[[onnx.ModelProto], bool],
    left: Callable[[], float] = lambda: 1.0,
) -> Rewritten:
    """Apply ``rewrites`` and return the result if it ``holds``, else that of those which hold one after the other.

    ``left``: seconds that remain.
    """
    every = rewritten(model, rewrites, left)
    if not every.counts or holds(every.model):
        return every
    kept: dict[str, Rewrite] = {}
    dropped = []
    for name in every.counts:
        further = {**kept, name: rewrites[name]}
        if left() > 0 and holds(rewritten(model, further, left).model):
            kept = further
        else:
            dropped.append(name)
    best = rewritten(model, kept, left)
    return Rewritten(best.model, best.counts, best.before, best.after, tuple(dropped))
