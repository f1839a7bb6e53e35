"""The rounds: in each of them every server is measured under every load, in an order that is drawn anew."""

import contextlib
import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.serving.figures import LOADS
from benchmarks.serving.loads import Measured, check, measure
from benchmarks.serving.models import Model
from benchmarks.serving.running import FailedError, Running, running
from benchmarks.serving.servers import Server


@dataclass
class Outcome:
    """What all rounds found: ``measured`` by load and server, ``starts`` (seconds, bytes) by server.

    ``failures`` say which server failed under which load, and how; its round is None there.
    """

    measured: dict[tuple[str, str], list[Measured | None]] = field(default_factory=lambda: defaultdict(list))
    starts: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)


#: Who is measured under each load, ready to be started.
Plan = Mapping[str, Mapping[str, Server]]


def run(
    plan: Plan, starting: Mapping[str, Server], models: Mapping[str, Model], rounds: int, seconds: float
) -> Outcome:
    """Measure all that ``plan`` names, ``seconds`` each, and the starts of ``starting``, so many times."""
    outcome, draw = Outcome(), random.Random(0)
    for number in range(rounds):
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name, model in models.items():
            _loads({load: plan[load] for load in plan if LOADS[load].model == name}, model, seconds, outcome, draw)
        for name in _shuffled(starting, draw):
            try:
                outcome.starts[name].append(_start(starting[name], models["logistic"]))
            except FailedError as error:
                outcome.failures.append(f"{name}, start: {error}")
    return outcome


def _loads(plan: Plan, model: Model, seconds: float, outcome: Outcome, draw: random.Random) -> None:
    """Start all servers, as nearly none of them does anything unless asked, and put each load on one after another."""
    wanted = {name: server for servers in plan.values() for name, server in servers.items()}
    with contextlib.ExitStack() as stack:
        started: dict[str, Running] = {}
        for name, server in wanted.items():
            try:
                started[name] = stack.enter_context(running(server, model.questions()[0]))
            except FailedError as error:
                outcome.failures.append(f"{name}, {', '.join(plan)}: {error}")
        for load in _shuffled(plan, draw):
            questions = model.questions(LOADS[load].rows)
            for name in _shuffled(plan[load], draw):
                found = None
                if name in started:
                    try:
                        found = measure(started[name], questions, LOADS[load], seconds)
                    except FailedError as error:
                        outcome.failures.append(f"{name}, {load}: {error}")
                outcome.measured[load, name].append(found)


def _start(server: Server, model: Model) -> tuple[float, int]:
    """Start alone, so that no pages are shared with a sibling; memory is taken after 64 clients at a time."""
    questions = model.questions()
    with running(server, questions[0]) as one:
        check(one, questions, connections=64)
        return one.seconds, one.memory()


def _shuffled(names: Mapping[str, object], draw: random.Random) -> Sequence[str]:
    return draw.sample(list(names), len(names))
