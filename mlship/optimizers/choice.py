"""Which candidate is kept, and why: never one that is slower at an asked batch size or beyond the budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlship import formats
from mlship.errors import GateError
from mlship.optimization import Objective, Task
from mlship.optimizers.search import Search
from mlship.optimizers.trials import Trial
from mlship.quality import LABELLED
from mlship.signature import Signature

#: Within this share of the best the simpler candidate is kept: one that loses nothing, then one of fewer steps, then
#: the better score, then nearer scores. One that loses something must gain more than that.
_ALIKE = 0.05

#: One that loses nothing must gain this much.
_WORTH = 0.02


@dataclass(frozen=True)
class Wanted:
    """What the user asks of the choice; ``speedup`` over the converted model, ``size`` in bytes."""

    objective: Objective
    speedup: float | None = None
    size: int | None = None


def best(trials: Sequence[Trial], base: Trial, wanted: Wanted) -> Trial:
    """Return the best of ``trials``; ``base``, the converted model, where none is better.

    Raises GateError where none is as fast or as small as asked.
    """
    allowed = [trial for trial in trials if not shortcoming(trial, base, wanted.objective)]
    meeting = [trial for trial in allowed or [base] if not _misses(trial, wanted)]
    if not meeting and _misses(base, wanted):
        raise _refusal(allowed or [base], wanted)
    least = min((trial.cost(wanted.objective) for trial in meeting), default=0.0)
    alike = [trial for trial in meeting if trial.cost(wanted.objective) <= least * (1 + _ALIKE)]
    return min(alike, key=lambda trial: _plainness(trial, wanted), default=base)


def shortcoming(trial: Trial, base: Trial, objective: Objective) -> str:
    """Say why ``trial`` cannot be chosen, "" where it can."""
    if trial.objection:
        return trial.objection
    if not trial.ratios:
        return "not timed: others promised more, or time was up"
    if slow := [batch for batch, ratio in trial.ratios.items() if ratio.slower]:
        return f"slower at {slow[0]:,} row{'s' * (slow[0] > 1)} a call"
    if objective == "size":
        return "" if trial.size < base.size else "not smaller"
    decisive = [max(trial.ratios)] if objective == "throughput" else list(trial.ratios)
    if not any(trial.ratios[batch].faster for batch in decisive):
        return "not faster beyond the noise"
    least = _WORTH if trial.candidate.lossless else _ALIKE
    return "" if trial.cost(objective) < 1 - least else "hardly faster" + (" for what it loses" * (least == _ALIKE))


def front(trials: Sequence[Trial], base: Trial) -> list[Trial]:
    """Return the Pareto front in quality, time and size among those within the budget that were timed."""
    field = [trial for trial in (base, *trials) if trial.ratios and not trial.objection]
    return [trial for trial in field if not any(_dominates(other, trial) for other in field)]


def reason(chosen: Trial, found: Search, task: Task) -> str:
    """Say in a sentence why ``chosen`` is kept."""
    base = found.base
    if chosen is base:
        return "the converted model stays: " + _nothing(found, task.objective)
    gains = [f"{formats.gain(1 / ratio.estimate)} at {_rows(batch)}" for batch, ratio in chosen.ratios.items()]
    lost = "the same answers" if chosen.candidate.lossless else loss(chosen, task.signature)
    return f"{', '.join(gains)}; {_sized(chosen.size, base.size)}; {lost}"


def loss(trial: Trial, signature: Signature) -> str:
    """Say what ``trial`` loses: accuracy 0.9710 (was 0.9733), 4 of 450 labels differ."""
    quality = trial.quality
    if signature.task not in LABELLED:
        return f"R2 {quality.score:.4f} (was {quality.reference:.4f})"
    changed = f"{quality.label_changes:,} of {quality.rows:,} labels differ"
    if quality.score_change:
        changed += f", probabilities by up to {quality.score_change:.1g}"
    return f"accuracy {quality.score:.4f} (was {quality.reference:.4f}), {changed}"


def _nothing(found: Search, objective: Objective) -> str:
    if not found.trials:
        refusals = [item.why for item in found.advice.values() if not item.applies]
        up = [f"time was up at {found.cut_short}"] * bool(found.cut_short)
        return "; ".join(up or refusals) or "nothing else was tried"
    within = [trial for trial in found.trials if not trial.objection]
    if not within:
        return "no candidate stays within the budget"
    if not any(trial.ratios for trial in within):
        return "time was up before the candidates could be measured"
    aim = "smaller" if objective == "size" else "faster beyond the noise"
    return f"none of {len(within)} candidates within the budget is {aim} without being slower at another batch size"


def _misses(trial: Trial, wanted: Wanted) -> str:
    """Say which of the user's gates ``trial`` does not meet."""
    time = trial.cost("latency" if wanted.objective == "size" else wanted.objective)
    if wanted.speedup is not None and not trial.ratios:
        return f"not measured, as time was up (wanted {formats.times(wanted.speedup)})"
    if wanted.speedup is not None and 1 / time < wanted.speedup:
        return f"{formats.times(1 / time)} as fast (wanted {formats.times(wanted.speedup)})"
    if wanted.size is not None and trial.size > wanted.size:
        return f"{formats.size(trial.size)} (wanted at most {formats.size(wanted.size)})"
    return ""


def _refusal(allowed: Sequence[Trial], wanted: Wanted) -> GateError:
    nearest = min(allowed, key=lambda trial: trial.cost("size" if wanted.size is not None else wanted.objective))
    message = (
        f"no candidate meets what was asked: the nearest, '{nearest.candidate.name}', is {_misses(nearest, wanted)}"
    )
    return GateError(message, "allow more: --max-accuracy-drop 1%, or ask for less")


def _plainness(trial: Trial, wanted: Wanted) -> tuple[bool, int, float, float, float]:
    lost = (
        not trial.candidate.lossless,
        len(trial.candidate.steps),
        -round(trial.quality.score, 4),
        trial.quality.score_change,
    )
    return *lost, trial.cost(wanted.objective)


def _dominates(a: Trial, b: Trial) -> bool:
    ours, theirs = _figures(a), _figures(b)
    return all(x <= y for x, y in zip(ours, theirs, strict=True)) and ours != theirs


def _figures(trial: Trial) -> tuple[float, ...]:
    return (-trial.quality.score, float(trial.size), *(ratio.estimate for ratio in trial.ratios.values()))


def _rows(batch: int) -> str:
    return f"{batch:,} row{'s' * (batch > 1)}"


def _sized(now: int, before: int) -> str:
    return f"{formats.size(now)}, {formats.shrinkage(before / now)}"
