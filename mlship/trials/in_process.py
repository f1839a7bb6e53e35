"""Time models in process, taking turns, until their medians are known narrowly enough or time is up.

ONNX files answer in sessions of this process; the original and a native model in processes of their own, so that what
they bring (threads, allocators) does not disturb the others.
"""

import gc
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlship import formats
from mlship.errors import MlshipError
from mlship.golden import Golden, Tensors
from mlship.interleaving import Burst, burst, interleaved_bursts
from mlship.measure import Sample, interval
from mlship.reports.model import Call, Curve, Measurement, Ratio
from mlship.runtime import Session
from mlship.stages import Progress
from mlship.trials import figures, quarantined
from mlship.trials.models import CONVERTED, NATIVE, OPTIMISED, ORIGINAL, Model
from mlship.trials.quarantined import Quarantined
from mlship.trials.rows import batches

#: Rounds into which the time of a measurement is divided, and the fewest after which it may end early.
ROUNDS, EARLIEST = 40, 10

#: Calls that are made however long they take.
_LEAST = 3


@dataclass(frozen=True)
class Plan:
    """What is measured: calls of each of ``sizes`` rows.

    Of each model and size for ``seconds`` at most, warm-up left out, or until the 95 % intervals of all medians and
    ratios are narrower than ``width`` (a share of the value). A call that takes more than ``longest`` seconds is told
    and not measured.
    """

    sizes: tuple[int, ...] = (1, 10, 100, 10_000)
    seconds: float = 2.0
    width: float = 0.05
    longest: float = 10.0
    seed: int = 0


@dataclass
class Measured:
    """What was measured so far."""

    measurements: list[Measurement] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)


def measure(
    inputs: Mapping[str, Path],
    models: Mapping[str, Model],
    golden: Golden,
    plan: Plan,
    progress: Progress,
    stop: threading.Event | None = None,
) -> Measured:
    """Time ``models``, and the original and native model of ``inputs`` where they are given.

    Ends early, with what there is, once ``stop`` is set. Raises ModelError when the converted or optimised model does
    not load, QuarantineError when a model dies while it is measured.
    """
    stop = stop or threading.Event()
    result = Measured()
    progress("loading the models", 0.0)
    sessions = _sessions(models, result.notes)
    patience = 600.0 + 8 * len(plan.sizes) * (plan.seconds * (len(sessions) + 2) + plan.longest)
    with quarantined.opened(inputs, golden, plan.sizes, seconds=patience, seed=plan.seed) as (visits, notes):
        result.notes += notes
        result.state = _state(models, visits)
        slow: dict[str, list[tuple[int, float]]] = {}
        for number, rows in enumerate(sorted(plan.sizes)):
            if stop.is_set():
                break
            progress(f"measuring in process, {figures.load(rows)} a call", number / len(plan.sizes))
            bursts = {name: visit.burst(rows) for name, visit in visits.items()}
            bursts |= _bursts(sessions, golden, rows, plan.seed)
            bursts = {name: each for name, each in bursts.items() if _bearable(name, each, rows, plan, slow, result)}
            _measure(bursts, rows, plan, stop, result)
    return result


def turns(session: Session, feeds: Iterable[Tensors]) -> Callable[[], object]:
    """Return a call that answers the next of ``feeds``, over and over."""
    turn = itertools.cycle(feeds)
    return lambda: session.run(next(turn))


def _sessions(models: Mapping[str, Model], notes: list[str]) -> dict[str, Session]:
    found = {}
    for name, model in models.items():
        try:
            found[name] = Session(model.path, model.settings)
        except MlshipError as error:
            if name in (CONVERTED, OPTIMISED):
                raise
            notes.append(f"the candidate '{name}' was not measured: {error.message}")
    return found


def _bursts(sessions: Mapping[str, Session], golden: Golden, rows: int, seed: int) -> dict[str, Burst]:
    """Return what times each session; those that take the same types share their rows in memory."""
    drawn = [golden.take(batch).inputs for batch in batches(golden, rows, seed)]
    feeds = {repr(session.inputs): [session.feed(inputs) for inputs in drawn] for session in sessions.values()}
    return {name: burst(turns(session, feeds[repr(session.inputs)])) for name, session in sessions.items()}


def _bearable(
    name: str, ask: Burst, rows: int, plan: Plan, seen: dict[str, list[tuple[int, float]]], result: Measured
) -> bool:
    """Say whether a call takes at most as long as the plan allows; it is not made where it would take far longer."""
    known = seen.setdefault(name, [])
    expected = _expected(known, rows)
    took = expected if expected > 2 * plan.longest else ask(1)[0]
    known.append((rows, took))
    if took <= plan.longest:
        return True
    verb = "would take about" if took == expected else "takes"
    result.notes.append(f"{name} was not measured at {figures.load(rows)}: a call {verb} {formats.seconds(took)}")
    return False


def _expected(known: Sequence[tuple[int, float]], rows: int) -> float:
    """Return the seconds of a call of ``rows`` rows by the line through the last two sizes; 0 where there are fewer."""
    if len(known) < 2:
        return 0.0
    (few, short), (many, long) = known[-2:]
    return long + max(long - short, 0.0) / (many - few) * (rows - many)


def _measure(bursts: Mapping[str, Burst], rows: int, plan: Plan, stop: threading.Event, result: Measured) -> None:
    if not bursts:
        return
    over = next(name for name in (ORIGINAL, NATIVE, *bursts) if name in bursts)

    def enough(samples: Mapping[str, Sample]) -> bool:
        done = len(samples[over].rounds)
        # the width alone decides, which leaves the intervals honest: Chow & Robbins 1965, fixed-width intervals
        return stop.is_set() or (done >= EARLIEST and done % 5 == 0 and _narrow(samples, over, plan))

    budget = plan.seconds * len(bursts)
    samples = interleaved_bursts(bursts, seconds=budget, rounds=ROUNDS, least=_LEAST, seed=plan.seed, enough=enough)
    pairs = [(of, over) for of in samples if of != over]
    if over != CONVERTED and {CONVERTED, OPTIMISED} <= samples.keys():
        pairs.append((OPTIMISED, CONVERTED))
    for name, sample in samples.items():
        result.measurements += figures.measurements(name, rows, sample)
        result.curves.append(figures.curve(name, rows, sample))
        result.calls.append(_call(name, rows, sample, plan))
    result.ratios += [figures.ratio_of_medians(of, base, rows, samples) for of, base in pairs]


def _narrow(samples: Mapping[str, Sample], over: str, plan: Plan) -> bool:
    if not all(_reached(sample, plan) for sample in samples.values()):
        return False
    ratios = [figures.ratio_of_medians(of, over, 1, samples) for of in samples if of != over]
    return all(ratio.high - ratio.low <= plan.width * ratio.estimate for ratio in ratios)


def _reached(sample: Sample, plan: Plan) -> bool:
    low, high = interval(figures.medians(sample))
    return high - low <= plan.width * sample.median


def _call(name: str, rows: int, sample: Sample, plan: Plan) -> Call:
    reached = len(sample.rounds) >= EARLIEST and _reached(sample, plan)
    calls = len(sample.seconds)
    return Call(of=name, load=figures.load(rows), rows=rows, calls=calls, stable=sample.stable, reached=reached)


def _state(models: Mapping[str, Model], visits: Mapping[str, Quarantined]) -> dict[str, str]:
    """Say how it was measured. The collector runs: a caller's does too, and what it costs belongs to a call."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    own = [f"{name}: {model.settings.threads or 'as ONNX Runtime chooses'}" for name, model in models.items()]
    others = [f"{name}: as its library chooses" for name in visits]
    return {
        "garbage collector": "on" if gc.isenabled() else "off",
        "threads": ", ".join([*others, *own]),
        "affinity": ", ".join(f"CPU {core}" for core in cores) or "not told by this system",
        "order": f"interleaved, at random, in up to {ROUNDS} rounds",
    }
