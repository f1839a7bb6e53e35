"""Asks the methods for candidates, each building on what those before it made, for as long as time allows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlship.errors import MissingDependencyError, ModelError
from mlship.golden import Golden
from mlship.optimization import Advice, Candidate, Method, Task
from mlship.optimizers.trials import Trial, judged, timed

#: Share of the time budget that is kept for measuring, and the fewest seconds that a measurement is worth.
_MEASURING, _FEWEST_SECONDS = 0.4, 0.1

#: Candidates that are timed at all, those that are timed at length, and those whose session is tuned.
_QUICKLY, _AT_LENGTH, _TUNED = 12, 4, 2


@dataclass
class Search:
    """What was tried: ``base`` is the converted model; ``advice`` by method; ``cut_short``: what time was up for."""

    base: Trial
    trials: list[Trial] = field(default_factory=list)
    advice: dict[str, Advice] = field(default_factory=dict)
    cut_short: str = ""


def search(base: Trial, methods: Mapping[str, Method], task: Task, golden: Golden, *, seconds: float) -> Search:
    """Try ``methods`` in the order of their rank, and time what stays within the budget.

    A method builds on the converted model, and on the smallest one within the budget of each method before it (a
    beam search). Those ranked behind one that is asked ``again`` build on what is lossless in place of the converted
    model. Candidates are timed briefly, the best of them at length: ``seconds`` for each batch size (successive
    halving, Jamieson & Talwalkar 2016).
    """
    found, reserve = Search(base), _MEASURING * task.left()
    for rank, name, method in _ordered(methods):
        if method.tunes:
            reserve /= 2
            _time(found, task, _QUICKLY, seconds / 4)
        rewritten = any(other.again is not None and other.again < rank for other in methods.values())
        sources = _made(found) if rank == method.again else _sources(found, method, task, rewritten=rewritten)
        for source in sources:
            if task.left() <= reserve:
                found.cut_short = found.cut_short or name
            else:
                _try(found, name, method, source, task, golden, reserve)
    _time(found, task, _QUICKLY, seconds / 4)
    _time(found, task, _AT_LENGTH, seconds)
    return found


def advised(base: Candidate, methods: Mapping[str, Method], task: Task) -> dict[str, Advice]:
    """Return what each method says of ``base``, in the order in which they would be tried."""
    return {name: method.advise(base, task) for rank, name, method in _ordered(methods) if rank == method.rank}


def _ordered(methods: Mapping[str, Method]) -> list[tuple[int, str, Method]]:
    every = [(rank, name, method) for name, method in methods.items() for rank in (method.rank, method.again)]
    return sorted(((r, n, m) for r, n, m in every if r is not None), key=lambda item: item[:2])


def _try(
    found: Search, name: str, method: Method, source: Candidate, task: Task, golden: Golden, reserve: float
) -> None:
    advice = method.advise(source, task)
    if name not in found.advice or (advice.applies and not found.advice[name].applies):
        found.advice[name] = advice
    if not advice.applies:
        return
    task.progress(f"{name}: {advice.why}")
    try:
        for candidate in method.propose(source, task):
            trial = judged(candidate, task, golden)
            if not any(_same(trial, known) for known in (found.base, *found.trials)):
                found.trials.append(trial)
            if task.left() <= reserve:
                found.cut_short = found.cut_short or name
                return
    except (MissingDependencyError, ModelError) as error:
        found.advice[name] = Advice(applies=False, why=": ".join(filter(None, (error.message, error.hint))))


def _same(a: Trial, b: Trial) -> bool:
    return a.content == b.content and dict(a.candidate.settings) == dict(b.candidate.settings)


def _sources(found: Search, method: Method, task: Task, *, rewritten: bool) -> list[Candidate]:
    """Return what ``method`` is asked to build on, lossless candidates among it where they count as ``rewritten``."""
    within = [trial for trial in found.trials if not trial.objection]
    if method.tunes:
        timed_ones = [trial for trial in (found.base, *within) if trial.ratios]
        ranked = sorted(timed_ones, key=lambda trial: trial.cost(task.objective))
        return [trial.candidate for trial in ranked[:_TUNED]] or [found.base.candidate]
    lossless = (trial.candidate for trial in within if trial.candidate.lossless and rewritten)
    plain = next(lossless, found.base.candidate)
    return [plain] if method.replaces else [plain, *_made(found)]


def _made(found: Search) -> list[Candidate]:
    """Return the smallest candidate within the budget that each method made, of those that lose something."""
    smallest: dict[str, Trial] = {}
    for trial in found.trials:
        step, lossy = trial.candidate.steps[-1], not trial.candidate.lossless and not trial.objection
        if lossy and (step not in smallest or trial.size < smallest[step].size):
            smallest[step] = trial
    return [trial.candidate for trial in smallest.values()]


def _time(found: Search, task: Task, most: int, seconds: float) -> None:
    """Time the ``most`` promising candidates within the budget, ``seconds`` a batch size, or what time is left."""
    promising = [trial for trial in found.trials if not trial.objection and not trial.slower]
    promising.sort(key=lambda trial: (trial.cost(task.objective), trial.size))
    room = task.left() / len(task.batches) / 2
    share = min(seconds, room)
    if room < min(seconds, _FEWEST_SECONDS):
        found.cut_short = found.cut_short or "measuring"
    elif promising:
        timed(promising[:most], found.base, task, share)
