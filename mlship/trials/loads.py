"""All loads that are put on one service: closed and open loops, a long one, and the search for its capacity."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mlship.reports.model import Measurement, Step
from mlship.stages import Progress
from mlship.trials import objective as objectives
from mlship.trials import service, soak
from mlship.trials.collected import Collected
from mlship.trials.cost import cost
from mlship.trials.objective import Objective
from mlship.trials.plans import Plan, closed_loop, open_loop
from mlship.trials.service import Measured
from mlship.trials.target import Target
from mlship.trials.watch import Watch


@dataclass(frozen=True)
class Loads:
    """What is asked of a service.

    ``connections``: of closed loops, for ``seconds`` each; ``rates``: of open loops, in requests a second. Both send
    single rows; ``rows`` are those of one more closed loop, of one connection (1: none). ``duration``: seconds that
    the last load is kept up, and told over time (None: ``seconds``). ``objective``: search the highest rate that meets
    it. ``price``: of the machine, an hour.
    """

    connections: Sequence[int]
    rates: Sequence[float] = ()
    arrivals: Literal["constant", "poisson"] = "constant"
    rows: int = 1
    seconds: float = 2.0
    duration: float | None = None
    objective: Objective | None = None
    price: float | None = None
    seed: int = 0

    def plans(self) -> list[Plan]:
        """Return the loads in their order: the last one is that which ``duration`` prolongs."""
        closed = [closed_loop(number, seconds=self.seconds) for number in sorted(self.connections)]
        many = [closed_loop(1, rows=self.rows, seconds=self.seconds)] if closed and self.rows > 1 else []
        opened = [open_loop(rate, arrivals=self.arrivals, seconds=self.seconds) for rate in self.rates]
        return [*many, *closed, *opened]


def put(
    target: Target,
    loads: Loads,
    found: Collected,
    progress: Progress,
    *,
    tolerate: bool = False,
    stop: threading.Event | None = None,
) -> None:
    """Put all loads on the service, one after the other, and add what comes to ``found``.

    Ends early once ``stop`` is set. Raises GateError for a wrong answer, ServiceError when a request fails, unless
    ``tolerate`` makes a figure of that.
    """
    stop = stop or threading.Event()
    plans = loads.plans()
    with Watch(target.pid) as watch:
        try:
            for number, plan in enumerate(plans):
                if stop.is_set():
                    return
                progress(f"measuring the service, {plan.told}", 0.9 * number / len(plans))
                last = number == len(plans) - 1
                measured = _measured(target, plan, loads, found, last=last, tolerate=tolerate, stop=stop)
                _keep(measured, loads, found)
            if loads.objective and not stop.is_set():
                _search(target, loads.objective, loads, found, progress, stop)
        finally:
            found.measurements += service.memory("service", watch.peak)


def _measured(
    target: Target, plan: Plan, loads: Loads, found: Collected, *, last: bool, tolerate: bool, stop: threading.Event
) -> Measured:
    if not (last and loads.duration):
        return service.measure(target, plan, seed=loads.seed, tolerate=tolerate, stop=stop)
    prolonged = _prolonged(plan, loads.duration)
    soaked = soak.soak(target, prolonged, seed=loads.seed, tolerate=tolerate, stop=stop)
    found.timelines.append(soaked.timeline)
    found.notes += soaked.notes
    return soaked.measured


def _prolonged(plan: Plan, seconds: float) -> Plan:
    return Plan(plan.arrivals, plan.connections, plan.rows, seconds, plan.rate)


def _keep(measured: Measured, loads: Loads, found: Collected) -> None:
    found.measurements += [*measured.measurements, *_costs(measured, loads.price)]
    found.loads.append(measured.load)
    if measured.curve is not None:
        found.curves.append(measured.curve)


def _costs(measured: Measured, price: float | None) -> Iterator[Measurement]:
    rates = (each for each in measured.measurements if each.metric == "throughput" and each.value > 0)
    if price is not None and measured.load.arrivals == "closed":
        yield from (cost(price, rate, rows=measured.load.rows) for rate in rates)


def _search(
    target: Target, objective: Objective, loads: Loads, found: Collected, progress: Progress, stop: threading.Event
) -> None:
    def tell(step: Step) -> None:
        progress(f"searching the rate for {objective}: {step.rate:,.0f} a second {'is' if step.met else 'is not'} met")

    progress(f"searching the highest rate for {objective}", 0.9)
    result = objectives.search(
        target, objective, seconds=max(loads.seconds, 1.0), seed=loads.seed, stop=stop, tell=tell
    )
    found.capacities.append(result.capacity)
    found.notes += result.notes
    if result.measurement is not None:
        found.measurements.append(result.measurement)
