"""Candidates on trial: their answers held against the original's, their size, and their speed taking turns."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship import parity, runtime
from mlship.errors import ModelError
from mlship.golden import Golden
from mlship.interleaving import interleaved
from mlship.measure import Ratio, ratio
from mlship.optimization import Candidate, Objective, Task
from mlship.quality import FEWEST_ROWS, Budget, Quality, Rows, assess
from mlship.runtime import Session, Settings
from mlship.signature import Signature

#: Rows that a candidate is asked about one by one.
_SINGLES = 16


@dataclass
class Trial:
    """A candidate and what is known of it so far.

    ``size``: bytes of its ONNX file. ``objection``: why it is out, "" while it is not. ``noise``: the largest
    difference between its answers for a row alone and among others. ``ratios``: its time a call against that of the
    converted model, by rows a call; ``seconds``: medians.
    """

    candidate: Candidate
    content: bytes
    quality: Quality
    objection: str
    verdict: parity.Verdict | None = None
    noise: float = 0.0
    ratios: dict[int, Ratio] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def slower(self) -> bool:
        """Whether it is slower than the converted model at some asked batch size, beyond the noise."""
        return any(ratio.slower for ratio in self.ratios.values())

    def cost(self, objective: Objective) -> float:
        """Return what the objective minimises: time relative to the converted model, or bytes.

        The time is the geometric mean over the batch sizes; for throughput that of the largest one.
        """
        if objective == "size":
            return float(self.size)
        if not self.ratios:
            return math.inf
        if objective == "throughput":
            return self.ratios[max(self.ratios)].estimate
        return math.prod(ratio.estimate for ratio in self.ratios.values()) ** (1 / len(self.ratios))

    def opened(self) -> Session:
        """Return a session with the candidate's settings."""
        return Session(self.content, Settings(**self.candidate.settings))


def judged(candidate: Candidate, task: Task, golden: Golden) -> Trial:
    """Ask ``candidate`` about the rows to judge with and the golden set; say what speaks against it.

    A lossless one must pass parity. Of another one the answers must stay within the budget, a row must be answered
    alike alone and among others, and it must have a number for each hard row for which the original has one.
    """
    content = candidate.model.SerializeToString()
    refused = Quality(len(task.judge), math.nan, math.nan, 0, 0.0)
    try:
        session = Session(content, Settings(**candidate.settings))
        with runtime.complaints("fails on the sample"):
            answers = session.run(session.feed(task.judge.inputs))
            hard = session.run(session.feed(golden.inputs))
        quality = assess(task.signature, task.judge, answers)
        verdict = runtime.parity(session, golden, parity.tolerance_of(task.signature))
        trial = Trial(candidate, content, quality, "", verdict, _noise(session, task, answers))
        trial.objection = _objection(trial, task, golden, session, hard)
    except ModelError as error:
        return Trial(candidate, content, refused, error.message)
    return trial


def standard(golden: Golden, answers: Mapping[str, NDArray[Any]]) -> Golden:
    """Return what later stages hold a candidate that is not lossless against: its own ``answers`` for golden rows."""
    outputs = {name: answers[name].astype(values.dtype) for name, values in golden.outputs.items()}
    return Golden(golden.inputs, outputs, golden.origins, golden.target)


def loosened(described: Signature, noise: float, loss: str) -> Signature:
    """Return the signature of such a candidate: what it loses, and how far its answers vary with the rows of a call."""
    update = {"precision": "float32", "noise": max(described.noise, noise), "loss": loss}
    return described.model_copy(update=update)


def timed(trials: Sequence[Trial], base: Trial, task: Task, seconds: float) -> None:
    """Time ``trials`` and ``base`` against each other at each batch size, ``seconds`` for each of these."""
    sessions = {str(number): trial.opened() for number, trial in enumerate([base, *trials])}
    for batch in task.batches:
        task.progress(f"measuring {len(sessions)} candidates, {batch:,} row{'s' * (batch > 1)} a call")
        calls = {name: _calls(session, task, batch) for name, session in sessions.items()}
        samples = interleaved(calls, seconds=seconds, seed=task.seed)
        for name, trial in zip(sessions, [base, *trials], strict=True):
            trial.ratios[batch] = ratio(samples[name], samples["0"])
            trial.seconds[batch] = samples[name].median


def _objection(trial: Trial, task: Task, golden: Golden, session: Session, hard: Mapping[str, NDArray[Any]]) -> str:
    if trial.candidate.lossless:
        verdict = trial.verdict
        return "" if verdict is None or verdict.passed else f"is not as exact as it says: {verdict.sentence()}"
    if len(task.judge) < FEWEST_ROWS:
        return f"cannot be judged on {len(task.judge)} rows: give {2 * FEWEST_ROWS} or more"
    if objection := task.budget.objection(trial.quality):
        return objection
    everywhere = task.budget if task.budget.strict else Budget(None, None, None)
    on_hard_rows = assess(task.signature, Rows(golden.inputs, golden.outputs), hard)
    if objection := everywhere.objection(on_hard_rows):
        return f"on hard rows: {objection}"
    own = standard(golden, hard)
    steady = runtime.parity(session, own, parity.tolerance_of(loosened(task.signature, trial.noise, "")))
    return "" if steady.passed else f"its answers depend on the other rows of a call: {steady.sentence()}"


def _noise(session: Session, task: Task, together: Mapping[str, NDArray[Any]]) -> float:
    """Ask about some rows one by one; return the largest difference of a number to asking about all together."""
    rows = np.unique(np.linspace(0, len(task.judge) - 1, num=_SINGLES, dtype=np.int64))
    feed = session.feed(task.judge.take(rows).inputs)
    parts = [session.run({name: values[[i]] for name, values in feed.items()}) for i in range(len(rows))]
    singles = {name: np.concatenate([part[name] for part in parts]) for name in session.outputs}
    return max((_difference(singles[name], together[name][rows]) for name in singles), default=0.0)


def _difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    if a.dtype.kind != "f":
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.nanmax(np.abs(a.astype(np.float64) - b), initial=0.0))


def _calls(session: Session, task: Task, batch: int) -> Callable[[], object]:
    """Return a call that answers the next ``batch`` rows; rows rotate, as repeating one flatters trees."""
    count = len(task.judge)
    starts = range(0, min(count, 50 * batch), batch)
    picked = [np.arange(start, start + batch) % count for start in starts]
    feeds = itertools.cycle([session.feed(task.judge.take(rows).inputs) for rows in picked])
    return lambda: session.run(next(feeds))
