"""Compare two models in process: both take short turns, and both are loaded anew for each round."""

import itertools
import random
import threading
import time
from collections.abc import Sequence

import numpy as np

from mlship.golden import Golden
from mlship.interleaving import burst, interleaved_bursts
from mlship.intervals import FEWEST_RANKED
from mlship.measure import Sample
from mlship.reports.model import Ratio
from mlship.runtime import Session
from mlship.stages import Progress
from mlship.trials import figures
from mlship.trials.comparison import Comparison
from mlship.trials.in_process import turns
from mlship.trials.models import Model
from mlship.trials.paired import OTHER, THIS
from mlship.trials.rows import batches

#: Seconds of a round for each size, and the turns of each model that it is divided into.
ROUND, TURNS = 0.5, 20


def compare_models(
    this: Model,
    other: Model,
    golden: Golden,
    *,
    sizes: Sequence[int] = (1, 100),
    seconds: float = 20.0,
    seed: int = 0,
    progress: Progress,
    stop: threading.Event | None = None,
) -> Comparison:
    """Time calls of ``sizes`` golden rows for ``seconds``, and at least six rounds; rounds are what is independent.

    Once ``stop`` is set the rounds so far count. Raises ModelError when a model does not load or takes other inputs.
    """
    stop = stop or threading.Event()
    rounds: dict[int, list[dict[str, Sample]]] = {rows: [] for rows in sizes}
    started, shuffle = time.monotonic(), random.Random(seed)  # noqa: S311
    for done in itertools.count():
        spent = time.monotonic() - started
        if stop.is_set() or (done >= FEWEST_RANKED and spent + spent / done / 2 > seconds):
            break
        progress(f"comparing the models, round {done + 1}", min(spent / seconds, 1.0))
        names = shuffle.sample([THIS, OTHER], 2)  # which one lies first in memory
        sessions = {name: _session(this if name == THIS else other) for name in names}
        for rows in sizes:
            rounds[rows].append(_round(sessions, golden, rows, seed + done))
    return _summary(rounds)


def _session(model: Model) -> Session:
    return Session(model.path, model.settings)


def _round(sessions: dict[str, Session], golden: Golden, rows: int, seed: int) -> dict[str, Sample]:
    calls = {}
    for name, session in sessions.items():
        feeds = [session.feed(golden.take(batch).inputs) for batch in batches(golden, rows, seed)]
        calls[name] = burst(turns(session, feeds))
    return interleaved_bursts(calls, seconds=ROUND, rounds=TURNS, seed=seed)


def _summary(rounds: dict[int, list[dict[str, Sample]]]) -> Comparison:
    if not any(rounds.values()):
        return Comparison((), (), notes=("the comparison was stopped before its first round was over",))
    measurements, curves, ratios = [], [], []
    for rows, every in rounds.items():
        for name in (THIS, OTHER):
            whole = Sample(tuple(each[name].seconds for each in every))
            measurements += figures.measurements(name, rows, whole)
            curves.append(figures.curve(name, rows, whole))
        ratios += _ratios(rows, every)
    return Comparison(tuple(ratios), tuple(measurements), curves=tuple(curves))


def _ratios(rows: int, every: Sequence[dict[str, Sample]]) -> list[Ratio]:
    """Return the ratio of p50, round by round the median over pairs of turns, and that of throughput."""
    medians = [_pairs(each) for each in every]
    rates = [float(each[OTHER].seconds.mean() / each[THIS].seconds.mean()) for each in every]
    load = figures.load(rows)
    return [figures.ratio("p50", THIS, OTHER, load, medians), figures.ratio("throughput", THIS, OTHER, load, rates)]


def _pairs(samples: dict[str, Sample]) -> float:
    pairs = zip(figures.medians(samples[THIS]), figures.medians(samples[OTHER]), strict=True)
    return float(np.median([a / b for a, b in pairs]))
