"""Measure a running service under one load: latency, throughput, failures and CPU time; every answer is checked."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mlship.client import KEY, LIMITED
from mlship.errors import ServiceError
from mlship.load.job import Result, Slice
from mlship.load.running import run
from mlship.measure import cpu_seconds
from mlship.reports.model import Curve, Load, Measurement
from mlship.trials import slices
from mlship.trials.plans import Plan
from mlship.trials.target import Target, check, payloads
from mlship.trials.watch import Memory

#: Beyond this share of a core, or of requests that were sent late, a figure may be the generator's own.
BUSY, LATE = 0.85, 0.01

#: Fewer late requests than this may be chance.
_SOME = 5


@dataclass(frozen=True)
class Measured:
    """What one load showed: figures, the curve of latencies (None: nothing was answered), and the load itself."""

    measurements: tuple[Measurement, ...]
    curve: Curve | None
    load: Load


def measure(
    target: Target,
    plan: Plan,
    *,
    seed: int = 0,
    of: str = "service",
    tolerate: bool = False,
    stop: threading.Event | None = None,
) -> Measured:
    """Put the load of ``plan`` on the service; where ``stop`` is set meanwhile, return what was measured so far.

    Raises ServiceError as soon as a request fails, unless ``tolerate`` makes a figure of that; GateError for a wrong
    answer.
    """
    marks: list[tuple[Slice, float]] = []

    def mark(told: Slice) -> None:
        if target.pid is not None:
            marks.append((told, cpu_seconds(target.pid)))

    result = ask(target, plan, seed=seed, tolerate=tolerate, stop=stop, on_slice=mark)
    return summarised(of, plan, result, marks)


def ask(
    target: Target,
    plan: Plan,
    *,
    seed: int = 0,
    tolerate: bool = False,
    stop: threading.Event | None = None,
    on_slice: Callable[[Slice], None] | None = None,
) -> Result:
    """Put the load of ``plan`` on the service, check the answers, and return what came; raises as ``measure`` does."""
    sent = payloads(target, plan.rows, seed)
    result = run(plan.job(target, sent, seed, until_failure=not tolerate), stop=stop, on_slice=on_slice)
    stopped = stop is not None and stop.is_set()
    if not tolerate:
        refuse(target, plan, result, stopped=stopped)
    check(target, sent, result.answers)
    return result


def summarised(of: str, plan: Plan, result: Result, marks: list[tuple[Slice, float]]) -> Measured:
    """Return the figures of a result; ``marks`` are the CPU seconds of the service when each slice had been told."""
    load = Load(
        name=plan.name,
        arrivals=plan.arrivals,
        connections=max(plan.connections, result.connections),
        rows=plan.rows,
        rate=plan.rate,
        seconds=sum(each.seconds for each in result.slices),
        requests=sum(each.answers + each.failures for each in result.slices),
        failures=dict(result.failures),
        unchecked=result.unchecked,
        late_share=_late_share(result),
        busy_share=result.busy_share,
        processes=result.processes,
        bottleneck=bottleneck(result),
    )
    found = [*slices.latencies(of, plan.name, result.slices), *slices.rates(of, plan.name, result.slices)]
    found += slices.cpu(of, plan.name, marks)
    return Measured(tuple(found), slices.curve(of, plan.name, result.slices), load)


def refuse(target: Target, plan: Plan, result: Result, *, stopped: bool = False) -> None:
    """Raise ServiceError where a request failed, or none was answered though the run was not ``stopped``."""
    answered = any(each.answers for each in result.slices)
    message = f"'{target.url}' failed under load ({plan.told})"
    if result.failures:
        told = failures(result.failures, result.failed)
        raise ServiceError(f"{message}: of {result.sent:,} requests, {told}", _hint(result.failures))
    if not answered and not stopped:
        raise ServiceError(f"{message}: nothing was answered in {plan.seconds:g} s", _hint({}))


def bottleneck(result: Result) -> str:
    """Say why the figures of a load may be those of the generator rather than of the service; "" where they are not."""
    said = []
    if result.busy_share > BUSY:
        said.append(f"the load generator used {result.busy_share:.0%} of a core")
    if _late_share(result) > LATE and result.late >= _SOME:
        said.append(f"{_late_share(result):.1%} of the requests were sent late")
    if result.waited > LATE * result.sent and result.waited >= _SOME:
        said.append(f"{result.waited:,} requests waited while all {result.connections:,} connections were busy")
    return f"{' and '.join(said)}: the figures may be its own rather than the service's" if said else ""


def memory(of: str, peak: Memory) -> list[Measurement]:
    """Return the peaks of a watch as measurements, those that could be read."""
    values = {"rss": peak.rss, "pss": peak.pss}
    return [Measurement(metric=name, of=of, value=value) for name, value in values.items() if value]


def failures(kinds: Mapping[str, int], words: Mapping[str, str]) -> str:
    """Say what went wrong how often, and what was answered first: 12 x status 503 ('busy'), 2 x timeout."""
    said = {kind: f" ('{' '.join(words[kind].split())[:200]}')" for kind in kinds if words.get(kind, "").strip()}
    return ", ".join(f"{count:,} x {kind}{said.get(kind, '')}" for kind, count in sorted(kinds.items()))


def _hint(kinds: Mapping[str, int]) -> str:
    if any(kind.startswith("status 3") for kind in kinds):
        return "give the address that it redirects to"
    if "refused" in kinds:
        return "did the service end? see its own log"
    if kinds.keys() & {"status 401", "status 403"}:
        return KEY
    if "status 429" in kinds:
        return LIMITED
    return "see the service's own log; a gate such as 'errors > 0.1%' tolerates some failures"


def _late_share(result: Result) -> float:
    return min(result.late / result.sent, 1.0) if result.sent else 0.0
