"""Compare two services on a noisy machine: they take short turns, and both are started anew for each round.

What is decided, and why it is honest:

- Turns of 50 ms alternate in random order. A background load that comes and goes within tenths of a second then hits
  both alike: with one on two cores, ratios of p50 vary by 1 to 2 % from round to round, with turns of 0.4 s by 25 %.
- A round has processes of its own: where in memory a process lies makes it faster or slower for its whole life
  (Mytkowicz et al. 2009, "Producing wrong data without doing anything obviously wrong!"; Kalibera and Jones 2013,
  "Rigorous benchmarking in reasonable time"). So rounds, not turns, are what the interval counts as independent.
- The whole time is used, whatever the figures look like meanwhile: who stops as soon as a gate fires raises it too
  often, and with some ten rounds a level that pays for looking early could hardly ever decide.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from mlship import serving
from mlship.errors import MlshipError, ServiceError, UsageError
from mlship.golden import Golden
from mlship.intervals import FEWEST_RANKED
from mlship.load.job import Result
from mlship.load.turns import take_turns
from mlship.measure import cpu_seconds, resident
from mlship.parity import tolerance_of
from mlship.reports.model import Curve, Load, Measurement, Ratio
from mlship.stages import Progress
from mlship.trials import paired
from mlship.trials.paired import OTHER, THIS
from mlship.trials.plans import Plan
from mlship.trials.service import bottleneck, failures
from mlship.trials.sides import Side, answered, require_alike
from mlship.trials.target import Payloads, Target, check, first_answer, payloads, prove, scaffolded

#: Seconds of a turn: the shortest, the longest, and how many median latencies it should be long.
SHORTEST, LONGEST, LATENCIES = 0.05, 0.5, 10
#: Pairs of turns in a round, over all loads; the fewest of one load; turns of each side that nobody counts.
PAIRS, FEWEST_PAIRS, WARM_UP = 20, 6, 6

_SETTLE = 0.005


@dataclass(frozen=True)
class Comparison:
    """What became of it: each of ``ratios`` is "this" over "other"."""

    ratios: tuple[Ratio, ...]
    measurements: tuple[Measurement, ...]
    loads: tuple[Load, ...] = ()
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()


def compare_services(
    this: Side,
    other: Side,
    *,
    loads: Sequence[Plan],
    seconds: float = 40.0,
    seed: int = 0,
    progress: Progress,
    stop: threading.Event | None = None,
    keep: Callable[[Comparison], None] | None = None,
) -> Comparison:
    """Put the closed loops ``loads`` on both services in turns, for ``seconds`` and at least six rounds.

    Both get the rows of ``this``; each must give its own answers for its own golden set first, and the same answers to
    those rows under load. Once ``stop`` is set the rounds so far count. Raises UsageError where their signatures differ
    or a load is no closed loop, GateError for a wrong answer, ServiceError for a service that fails; then ``keep`` is
    given the rounds so far.
    """
    require_alike(this.signature, other.signature)
    if any(plan.rate is not None for plan in loads):
        raise UsageError("a comparison has closed loops only", "name numbers of connections")
    stop = stop or threading.Event()
    duel = _Duel({THIS: this, OTHER: other}, loads, seed)
    rounds: list[paired.Round] = []
    started = time.monotonic()
    while not stop.is_set():
        spent = time.monotonic() - started
        each = spent / max(len(rounds), 1)
        if len(rounds) >= FEWEST_RANKED and spent + each / 2 > seconds:
            break
        about = max(round(seconds / each), FEWEST_RANKED) if rounds else FEWEST_RANKED
        progress(f"comparing, round {len(rounds) + 1} of about {about}", min(len(rounds) / about, 1.0))
        try:
            found = duel.round(stop)
        except MlshipError:
            if rounds and keep is not None:
                keep(_summary(rounds, loads))
            raise
        if found is not None:
            rounds.append(found)
    return _summary(rounds, loads)


class _Duel:
    """Two services that are started anew for each round."""

    def __init__(self, sides: Mapping[str, Side], loads: Sequence[Plan], seed: int) -> None:
        self._sides, self._loads, self._seed = sides, loads, seed
        self._random = random.Random(seed)  # noqa: S311
        self._turns: dict[str, float] = {}
        #: What each service must answer to the rows of "this".
        self._expected: dict[str, Golden] = {}

    def round(self, stop: threading.Event) -> paired.Round | None:
        """Start both services and let them take turns under each load; None where ``stop`` was set meanwhile."""
        names, started = self._shuffled(), time.monotonic()
        with ExitStack() as stack:
            running = {name: stack.enter_context(self._start(name)) for name in names}
            targets = {name: self._target(name, running[name]) for name in (THIS, OTHER)}
            cold = {name: running[name].cold_start for name in targets}
            results: dict[str, Mapping[str, paired.Turns]] = {}
            for plan in self._loads:
                found = self._under(plan, targets, stop)
                if found is None:
                    return None
                results[plan.name] = found
            memory = {name: resident(running[name].pid) for name in targets}
            return paired.Round(cold, memory, results, time.monotonic() - started)

    def _start(self, name: str) -> AbstractContextManager[serving.Running]:
        side = self._sides[name]
        ask = first_answer(side.golden, side.signature, tolerance_of(side.signature))
        return serving.running(side.service, ask=ask)

    def _target(self, name: str, running: serving.Running) -> Target:
        side, rows = self._sides[name], self._sides[THIS].golden
        own = scaffolded(running.url, side.golden, side.signature, tolerance_of(side.signature), running.pid)
        if name not in self._expected:
            prove(own)
            self._expected[name] = rows if name == THIS else answered(own, rows)
        return replace(own, golden=self._expected[name])

    def _under(
        self, plan: Plan, targets: Mapping[str, Target], stop: threading.Event
    ) -> Mapping[str, paired.Turns] | None:
        sent = payloads(targets[THIS], plan.rows, self._seed)
        if plan.name not in self._turns:
            probed = self._take(plan, targets, sent, SHORTEST, FEWEST_PAIRS, stop)
            if probed is None:
                return None
            slowest = max(turns.histogram.percentiles([50.0])[0] for turns in probed.values())
            self._turns[plan.name] = min(max(SHORTEST, LATENCIES * slowest), LONGEST)
        pairs = max(PAIRS // len(self._loads), FEWEST_PAIRS)
        return self._take(plan, targets, sent, self._turns[plan.name], pairs, stop)

    def _take(
        self,
        plan: Plan,
        targets: Mapping[str, Target],
        sent: Payloads,
        turn: float,
        pairs: int,
        stop: threading.Event,
    ) -> Mapping[str, paired.Turns] | None:
        timed = replace(plan, seconds=turn, slice_seconds=turn, warm_up_seconds=_SETTLE)
        jobs = [timed.job(target, sent, self._seed) for target in targets.values()]
        order = [0, 1] * WARM_UP
        for _ in range(pairs):
            order += self._random.choice(([0, 1], [1, 0]))
        before = {name: _cpu(target) for name, target in targets.items()}
        results = take_turns(jobs, order, stop=stop)
        if not results:
            return None
        found = {}
        for (name, target), result in zip(targets.items(), results, strict=True):
            _require_answers(name, self._sides[name], plan, result)
            check(target, sent, result.answers)
            used = (_cpu(target) - before[name]) / result.sent
            found[name] = paired.Turns(result, WARM_UP, used, bottleneck(result))
        return found

    def _shuffled(self) -> list[str]:
        return self._random.sample([THIS, OTHER], 2)


def _cpu(target: Target) -> float:
    assert target.pid is not None
    return cpu_seconds(target.pid)


def _require_answers(name: str, side: Side, plan: Plan, result: Result) -> None:
    message = f"'{side.service}' ({name}) failed under load ({plan.told})"
    if result.failures:
        raise ServiceError(f"{message}: {failures(result.failures, result.failed)}", "see the service's own log")
    if not all(told.answers for told in result.slices[WARM_UP:]):
        raise ServiceError(f"{message}: nothing was answered in a whole turn", "see the service's own log")


def _summary(rounds: Sequence[paired.Round], loads: Sequence[Plan]) -> Comparison:
    if not rounds:
        return Comparison((), (), notes=("the comparison was stopped before its first round was over",))
    notes = []
    if len(rounds) < FEWEST_RANKED:
        notes.append(f"the comparison was stopped after {len(rounds)} of at least {FEWEST_RANKED} rounds")
    plain = [paired.started(rounds), *(paired.under(plan, rounds) for plan in loads)]
    return Comparison(
        tuple(ratio for each in plain for ratio in each.ratios),
        tuple(figure for each in plain for figure in each.measurements),
        tuple(load for each in plain for load in each.loads),
        tuple(curve for each in plain for curve in each.curves),
        tuple(notes),
    )
