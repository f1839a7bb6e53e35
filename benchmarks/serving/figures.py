"""What is asked of mlship's services, and how ratios are taken: round by round, between runs that took turns."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.serving.loads import Load, Measured

PLAIN, FAST = "mlship fastapi", "mlship fastapi, fast path"
_NGINX, _FASTAPI, _FLASK = "nginx, constant", "FastAPI + joblib", "Flask + gunicorn + joblib"
_BATCHING = ("MLServer, batching", "BentoML, batching")

#: The connections and rows of each load; those with ``rate`` are open loops.
LOADS = {
    "c64": Load("logistic", 64),
    "c8": Load("logistic", 8),
    "c1": Load("logistic", 1),
    "rows100": Load("logistic", 64, rows=100),
    "open": Load("logistic", 64, rate=1000.0),
    "forest": Load("forest", 64),
}

Value = Callable[[Measured], float]


def rate(measured: Measured) -> float:
    """Answers a second: more is better."""
    return measured.rate


def p50(measured: Measured) -> float:
    """Median latency in milliseconds."""
    return measured.p50


def p99(measured: Measured) -> float:
    """99th percentile of the latency in milliseconds."""
    return measured.p99


def cpu(measured: Measured) -> float:
    """CPU microseconds an answer."""
    return measured.cpu


@dataclass(frozen=True)
class Figure:
    """A row of the table: ``value`` of ``plain`` and of ``fast``, over that of the best of ``peers`` if there are any.

    ``plain`` and ``fast`` are names of servers, "" where there is none; ``goals`` are theirs, None where nothing is
    asked. Of rates more is better, of all else less.
    """

    title: str
    load: str
    peers: tuple[str, ...] = ()
    goals: tuple[float | None, float | None] = (None, None)
    value: Value = rate
    plain: str = PLAIN
    fast: str = FAST

    @property
    def at_least(self) -> bool:
        """Whether the goals are lower bounds."""
        return self.value is rate


FIGURES = (
    Figure("c=64 vs FastAPI + joblib", "c64", (_FASTAPI,), (15, 50)),
    Figure("c=64 vs FastAPI + joblib, tuned", "c64", ("FastAPI + joblib, tuned",)),
    Figure("c=64 vs FastAPI + joblib, async def", "c64", ("FastAPI + joblib, async def",)),
    Figure("c=64 vs Flask + gunicorn + joblib", "c64", (_FLASK,), (14, 45)),
    Figure("c=64 vs MLServer", "c64", ("MLServer",), (15, 50)),
    Figure("c=64 vs BentoML", "c64", ("BentoML",), (28, 90)),
    Figure("c=64 vs FastAPI + onnxruntime", "c64", ("FastAPI + onnxruntime",)),
    Figure("c=64 vs nginx, a constant", "c64", (_NGINX,), (0.16, 0.55)),
    Figure("c=64 CPU us an answer", "c64", (), (None, 17), cpu),
    Figure("c=1 p50 vs nginx's", "c1", (_NGINX,), (2.4, 1.7), p50),
    Figure("c=8 vs FastAPI + joblib", "c8", (_FASTAPI,), (9, 22)),
    Figure("forest vs Flask + gunicorn + joblib", "forest", (_FLASK,), (80, 230)),
    Figure("forest vs the best peer that batches", "forest", _BATCHING, (12, 28)),
    Figure("100 rows vs FastAPI + joblib", "rows100", (_FASTAPI,), (8, 13)),
    Figure("1,000/s p99 vs FastAPI + onnxruntime", "open", ("FastAPI + onnxruntime",), (1, 0.8), p99),
    Figure(
        "flask vs Flask + granian + joblib",
        "c64",
        ("Flask + granian + joblib",),
        (2, None),
        plain="mlship flask",
        fast="",
    ),
    Figure(
        "django vs Django + granian + joblib",
        "c64",
        ("Django + granian + joblib",),
        (2, None),
        plain="mlship django",
        fast="",
    ),
)

#: What is in the tables of absolute figures without being part of a ratio.
ALSO = {
    "c64": ("mlship asgi", "mlship asgi, fast path"),
    "c1": ("mlship asgi", "mlship asgi, fast path", "FastAPI + onnxruntime", _FASTAPI),
    "c8": (_NGINX, "FastAPI + onnxruntime"),
    "rows100": (_NGINX, "FastAPI + onnxruntime"),
    "open": (_NGINX,),
    "forest": ("FastAPI + joblib", "MLServer", "BentoML"),
}

#: Goals of the start: seconds to the first answered prediction, and bytes a worker.
START_SECONDS, MEMORY = 0.45, 80e6

#: The rounds of each load and server; None where a server failed.
Rounds = Mapping[tuple[str, str], Sequence[Measured | None]]


@dataclass(frozen=True)
class Found:
    """The median of the rounds, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    def reaches(self, goal: float, *, at_least: bool) -> bool:
        """Say whether the median is as good as ``goal``."""
        return self.median >= goal if at_least else self.median <= goal


def servers(load: str, *, also: bool = True) -> set[str]:
    """Return who is measured under ``load``; without ``also`` only who is part of a ratio."""
    ours = {name for figure in FIGURES if figure.load == load for name in (figure.plain, figure.fast) if name}
    return (
        ours
        | {peer for figure in FIGURES if figure.load == load for peer in figure.peers}
        | ({*ALSO[load]} if also else set())
    )


def summary(values: Sequence[float]) -> Found | None:
    """Return the median and the ends of ``values``, None where there are none."""
    return Found(statistics.median(values), min(values), max(values)) if values else None


def ratio(figure: Figure, ours: str, rounds: Rounds) -> Found | None:
    """Return what ``figure`` is for the server ``ours``; None where either side was not measured in any round."""
    mine = rounds.get((figure.load, ours), ())
    theirs = [rounds.get((figure.load, peer), [None] * len(mine)) for peer in figure.peers]
    found = []
    for number, one in enumerate(mine):
        others = [values[number] for values in theirs]
        measured = [other for other in others if other is not None]
        if one is None or (figure.peers and not measured):
            continue
        best = (max if figure.at_least else min)([figure.value(other) for other in measured], default=1.0)
        found.append(figure.value(one) / best)
    return summary(found)


def cpu_ratio(figure: Figure, ours: str, rounds: Rounds) -> Found | None:
    """Return how many times the CPU time of ``ours`` the best peer takes: on a busy machine steadier than ``ratio``.

    None where ``figure`` is not about rates.
    """
    if figure.value is not rate or not figure.peers:
        return None
    spent = Figure(figure.title, figure.load, figure.peers, value=cpu)
    told = ratio(spent, ours, rounds)
    return Found(1 / told.median, 1 / told.high, 1 / told.low) if told else None
