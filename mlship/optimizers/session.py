"""Tunes how a model is run: threads, and blocks of rows; for large calls only, trees that see all rows in turn."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import onnx
from pydantic import Field

from mlship import formats
from mlship.errors import ModelError
from mlship.measure import usable_cores
from mlship.optimization import Advice, Candidate, Method, Task
from mlship.runtime import STEP
from mlship.surgery import work
from mlship.surgery.graph import Graph
from mlship.surgery.rewrites.blocks import split
from mlship.surgery.work import Work

#: What a thread must be given to do, in seconds: to wake it takes some 50 us.
_WORTH = 100e-6

#: Bytes of the widest values of a block, which the cache of a core then holds, and of a call that is worth cutting.
_CACHE, _LARGE = 2 * 2**20, 8 * 2**20

#: Seconds a byte that it takes to part trees.
_SPLIT = 2e-7

#: Rows a call from which trees one after another are faster, and from which several sizes of blocks are tried.
_MANY, _MORE = 500, 1000


@dataclass(frozen=True)
class _Idea:
    """What to try and why: ``settings`` to change, and whether trees are taken ``apart``."""

    name: str
    why: str
    settings: dict[str, Any] = field(default_factory=dict)
    apart: bool = False


class SessionTuning(Method):
    """Try threads and blocks of rows, on no more cores than affinity and the CPU limit of the container allow."""

    rank: ClassVar[int] = 50
    tunes: ClassVar[bool] = True

    cores: int = Field(
        0, ge=0, le=1024, description="cores for one process of the service; 0: all that this process may use"
    )

    def advise(self, base: Candidate, task: Task) -> Advice:
        """Say whether calls of the asked sizes are worth sharing among cores, or cutting to what the cache holds."""
        found, most, cores = work.of(base.model), max(task.batches), self._cores()
        if task.objective == "size":
            return Advice(applies=False, why="how a model is run does not change the size of its file")
        takes = f"a call of {most:,} row{'s' * (most > 1)} takes about {formats.seconds(found.seconds * most)}"
        if _shared(found, most, cores):
            return Advice(applies=True, why=f"{takes}, worth sharing among {cores} cores")
        if self._ideas(base, found, task):
            return Advice(applies=True, why=f"{takes}, less where the processor's cache holds what is needed")
        return Advice(applies=False, why=f"{takes}, " + ("on the only core" if cores == 1 else "too little to share"))

    def propose(self, base: Candidate, task: Task) -> Iterator[Candidate]:
        """Yield the model with other settings, those of large calls first."""
        apart: onnx.ModelProto | None = None
        for idea in self._ideas(base, work.of(base.model), task):
            if idea.apart and apart is None:
                apart = _apart(base.model, task)
            model = apart if idea.apart else base.model
            if model is not None:
                made = base.changed("session", idea.name, model, lossless=True, facts={"session": idea.why})
                yield replace(made, settings={**base.settings, **idea.settings})

    def _cores(self) -> int:
        return min(self.cores or usable_cores(), usable_cores())

    def _ideas(self, base: Candidate, found: Work, task: Task) -> list[_Idea]:
        """Return what can help calls of the asked sizes; blocks leave smaller calls as they are, threads do not."""
        most, cores = max(task.batches), self._cores()
        if task.objective == "size":
            return []
        shared = _shared(found, most, cores)
        cut = []
        if found.rows_are_free and not base.facts.get("depends_on_batch"):
            cut = _cached(found, most, cores) if found.wide * most > _LARGE else []
            several = not cut and task.objective == "throughput" and most >= _MORE
            cut += _spread(most, cores, several=several) if shared else []
        cut = list({idea.name: idea for idea in cut}.values())
        ideas = cut + _threads(cores) if shared else cut
        if found.trees > 1 and min(task.batches) >= _MANY:
            alone = _Idea("tree after tree", "each tree stays in the cache while it sees all rows", apart=True)
            return [*(_among(idea) for idea in cut), alone, *ideas]
        return ideas


def _shared(found: Work, rows: int, cores: int) -> bool:
    return cores > 1 and found.seconds * rows / cores > _WORTH


def _cached(found: Work, most: int, cores: int) -> list[_Idea]:
    """Cut calls so that the values between two products stay in the cache."""
    rows = max(_CACHE // found.wide // STEP, 4) * STEP
    ideas = [_blocks(rows, 1)] if rows < most else []
    if _shared(found, most, cores):
        ideas.insert(0, _blocks(min(rows, -(-most // cores)), cores))
    return ideas


def _spread(most: int, cores: int, *, several: bool) -> list[_Idea]:
    """Cut calls into as many blocks as there are cores; ``several``: and into more, which even out."""
    shares = (1, 4) if several else (1,)
    return [_blocks(-(-most // cores // share), cores) for share in shares]


def _blocks(rows: int, threads: int) -> _Idea:
    rows = -(-rows // STEP) * STEP
    why = "blocks run side by side" if threads > 1 else "the values of a block stay in the cache"
    name = f"blocks of {rows:,} rows" + f" on {threads} threads" * (threads > 1)
    return _Idea(name, why, {"rows_a_run": rows, "parallel_blocks": threads})


def _threads(cores: int) -> list[_Idea]:
    settings = {"intra_op_num_threads": cores}
    asleep = {**settings, "allow_spinning": False}
    return [
        _Idea(f"{cores} threads, asleep when idle", "operators are shared, and neighbours keep their cores", asleep),
        _Idea(f"{cores} threads", "operators are shared", settings),
    ]


def _among(idea: _Idea) -> _Idea:
    return replace(idea, name=f"tree after tree, {idea.name}", why=f"trees stay in the cache, {idea.why}", apart=True)


def _apart(model: onnx.ModelProto, task: Task) -> onnx.ModelProto | None:
    """Let each tree see all rows of a call before the next one does; None where that cannot be, or takes too long."""
    if model.ByteSize() * _SPLIT > task.left() / 4:
        return None
    graph = Graph(model)
    try:
        return graph.model() if split(graph, trees_a_node=1) else None
    except ModelError:
        return None
