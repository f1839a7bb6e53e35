"""The document of a benchmark, report.json: what was measured, on what, and what was decided on it.

Seconds, bytes and shares throughout; names of metrics are those of ``mlship.reports.metrics``. Older documents are
refused, with their version, rather than guessed at.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Literal[2] = 2


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Host(_Data):
    """The machine: what must be the same for two figures to be comparable."""

    system: str
    kernel: str
    machine: str
    cpu_model: str
    cores: int = Field(description="that the kernel shows")
    usable_cores: int = Field(description="that the process may run on")
    quota_cores: float | None = Field(description="limit of the control group; null: none")
    governor: str | None = Field(None, description="of CPU frequencies; null: the kernel does not tell")
    memory_bytes: int
    python: str
    libraries: dict[str, str]


class Measurement(_Data):
    """One figure, with its value in each round, and the interval that holds it with 95 %."""

    metric: str
    of: str = Field(description="what was measured: service, original, converted, optimised, or a candidate's name")
    load: str = Field("", description="the name of a Load, or the rows of a call in process (1 row, 100 rows)")
    value: float
    low: float | None = None
    high: float | None = None
    rounds: tuple[float, ...] = ()


class Curve(_Data):
    """Latency by percentile: (percentile from 0 to 100, seconds), as far out as the number of values allows."""

    of: str
    load: str
    points: tuple[tuple[float, float], ...]


class Load(_Data):
    """What was asked of the service, and whether the load generator could keep up with it."""

    name: str = Field(description="c8: 8 connections; c8x100: of 100 rows; 500/s: open loop; 500/s-poisson")
    arrivals: Literal["closed", "constant", "poisson"]
    connections: int
    rows: int = Field(description="in a request")
    rate: float | None = Field(None, description="requests a second that were intended; null: closed loop")
    seconds: float
    elapsed: float | None = Field(
        None, description="seconds that all rounds of a comparison took, with starts and other loads; null: no rounds"
    )
    requests: int
    failures: dict[str, int] = Field({}, description="what went wrong, and how often")
    unchecked: int = Field(0, description="answers that were not compared with the golden set")
    late_share: float = Field(0.0, description="of requests sent more than a millisecond after their intended time")
    busy_share: float = Field(0.0, description="of one core that the busiest process of the generator used")
    processes: int = 1
    bottleneck: str = Field(
        "", description="why the figures may be the generator's rather than the service's; or empty"
    )


class Call(_Data):
    """How a call in process was measured."""

    of: str
    load: str = Field(description="1 row, 100 rows")
    rows: int
    calls: int
    stable: bool = Field(description="whether the warm-up settled")
    reached: bool = Field(description="whether the interval got as narrow as wanted before time was up")


class Ratio(_Data):
    """``of`` over ``over``, pair by pair of interleaved rounds, with the interval that holds it with 95 %."""

    metric: str
    of: str
    over: str
    load: str
    estimate: float
    low: float
    high: float
    rounds: tuple[float, ...] = ()


class Step(_Data):
    """One rate that was tried for a latency objective."""

    rate: float
    throughput: float
    latency: float = Field(description="of the objective's percentile, in seconds")
    met: bool
    bottleneck: str = ""


class Capacity(_Data):
    """The highest rate at which ``metric`` stays within ``limit`` seconds; 0 where none does."""

    metric: str
    limit: float
    rate: float
    rows: int
    steps: tuple[Step, ...]


class Moment(_Data):
    """One interval of a long run: it ended ``second`` seconds after the start."""

    second: float
    requests: int
    failures: int
    p50: float | None
    p99: float | None
    longest: float | None
    rss_bytes: int | None = Field(description="null: the process is not on this machine")


class Timeline(_Data):
    """How a service behaved over time under one load."""

    of: str
    load: str
    moments: tuple[Moment, ...]


class Verdict(_Data):
    """What became of a gate: it fires ("failed") only where the whole interval lies beyond the limit."""

    expression: str
    outcome: Literal["passed", "failed", "unclear"]
    metric: str
    of: str
    load: str
    value: float = Field(description="of the metric, or its change as a share where the limit is one")
    low: float
    high: float
    limit: float
    relative: bool = Field(description="whether value, low, high and limit are changes against the baseline")
    minutes: float | None = Field(None, description="more that it would need to tell, where it is unclear")
    sentence: str


class Report(_Data):
    """Everything of one benchmark."""

    schema_version: Literal[2] = SCHEMA_VERSION
    kind: Literal["workspace", "url", "comparison"]
    model: str
    task: str
    loss: str = Field("", description="in what the optimised model differs from the original; or empty")
    golden_rows: int
    subjects: dict[str, str] = Field({}, description="what the names in `of` stand for: a file, an address, a folder")
    options: dict[str, Any]
    host: Host
    state: dict[str, str] = Field({}, description="how it was measured: garbage collector, threads, CPU affinity")
    reference: tuple[float, ...] = Field(
        description="seconds of the reference kernel, one a round: what this machine was worth while it measured"
    )
    measurements: tuple[Measurement, ...]
    curves: tuple[Curve, ...] = ()
    calls: tuple[Call, ...] = ()
    loads: tuple[Load, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    baseline: tuple[Measurement, ...] = Field(
        (), description="of the older report that verdicts compare with; subjects['baseline'] says which one it is"
    )
    parity: dict[str, Any] | None = Field(None, description="how the service answered the golden set")
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    def find(self, metric: str, of: str, load: str = "") -> Measurement | None:
        """Return the measurement of that name, or None."""
        wanted = (metric, of, load)
        return next((each for each in self.measurements if (each.metric, each.of, each.load) == wanted), None)
