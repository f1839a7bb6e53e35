"""The standard benchmark: the original against every candidate in process, then the scaffolded service over HTTP."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Literal

from pydantic import Field

from mlship import footprint, formats, serving
from mlship import golden as goldens
from mlship import signature as signatures
from mlship.artifacts import size
from mlship.errors import InterruptedRunError
from mlship.golden import Golden
from mlship.parity import tolerance_of
from mlship.reports import writing
from mlship.reports.model import Measurement, Report
from mlship.signature import Signature
from mlship.stages import Benchmark, Outcome, Progress
from mlship.trials import figures, in_process, planned, quality
from mlship.trials.collected import LIBRARIES, Collected
from mlship.trials.loads import Loads, put
from mlship.trials.models import NATIVE, ORIGINAL, Model, models
from mlship.trials.objective import Objective
from mlship.trials.stopping import stopping
from mlship.trials.target import first_answer, prove, scaffolded
from mlship.verdicts.gates import Gates

_NO_SERVICE = "the service was not measured: run mlship scaffold first"

#: The share of the time in which calls in process are measured.
_CALLS = 0.5


class StandardBenchmark(Benchmark):
    """Measures latency, throughput, memory, cold start and quality; judges gates, and writes a report folder."""

    libraries = LIBRARIES
    reads = ("golden", "signature")
    either = ("onnx", "native")

    seconds: float = Field(2.0, gt=0, le=600, description="time for each measurement, in seconds")
    sizes: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        (1, 10, 100, 10_000), min_length=1, description="rows of a call in process, one measurement each"
    )
    width: float = Field(0.05, gt=0, le=1, description="of an interval in process, as a share: narrower ends it early")
    connections: tuple[Annotated[int, Field(ge=1, le=512)], ...] = Field(
        (1, 8, 64), description="numbers of connections of closed loops, one run each"
    )
    starts: int = Field(5, ge=1, le=100, description="of the service: each is a cold start, and the last one is loaded")
    rows: int = Field(100, ge=1, le=10_000, description="rows in a large request; 1: none is sent")
    rates: tuple[Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)], ...] = Field(
        (), description="requests a second, one open loop each"
    )
    arrivals: Literal["constant", "poisson"] = Field("constant", description="of the requests of an open loop")
    duration: float | None = Field(
        None,
        gt=0,
        le=604_800,
        allow_inf_nan=False,
        description="seconds of the last load, which is told over time; none: as the others",
    )
    slo: str | None = Field(None, description="latency objective, as p99=20ms: searches the highest rate that meets it")
    price: float | None = Field(
        None,
        gt=0,
        le=1e9,
        allow_inf_nan=False,
        description="of the machine, an hour: tells the cost of a million predictions",
    )
    target: str | None = Field(None, description="column of the sample that holds the true answers")
    fail_if: tuple[str, ...] = Field((), description="gates, as 'p99@c64 > 20ms' or 'throughput < -10%'")
    baseline: str | None = Field(None, description="report.json to compare with, or a history (.jsonl)")
    strict: bool = Field(default=False, description="a gate that cannot tell fails, too")
    across_hosts: bool = Field(
        default=False, description="compare with another machine, by each one's reference kernel"
    )
    seed: int = Field(0, description="draws the rows and the order of measurements")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Measure what is there, and write the report.

        Raises GateError when an answer is wrong or a gate fires, ServiceError when the service does not start or
        answer, InterruptedRunError after Ctrl-C; what was measured until then is in the report.
        """
        golden, signature = goldens.read(inputs["golden"]), signatures.read(inputs["signature"])
        gates = self._gates()
        found = Collected()

        def report(*, interrupted: bool = False) -> Report:
            return self._report(found, inputs, golden, signature, interrupted=interrupted)

        gates.require_fit(report().model_copy(update={"measurements": tuple(self._planned(inputs))}))
        with found.kept(report, lambda kept: _write(kept, out)):
            with stopping() as stop:
                self._measure(inputs, golden, signature, found, gates, progress, stop)
            told = report(interrupted=True) if stop.is_set() else gates.judged(report())
        writing.write(told, out / "report", strict=self.strict)
        if told.interrupted:
            raise InterruptedRunError("interrupted: the report holds what was measured so far")
        gates.refuse(told)
        notes = (*told.notes, *writing.doubts(told))
        return Outcome({"report": "report"}, writing.summarise(told), writing.facts(told), notes)

    def _planned(self, inputs: Mapping[str, Path]) -> Iterator[Measurement]:
        yield from planned.in_process(inputs, self.sizes)
        if "service" in inputs:
            yield from planned.service(self._loads(), started=True)

    def _gates(self) -> Gates:
        older = Path(self.baseline) if self.baseline else None
        return Gates.read(self.fail_if, older, strict=self.strict, across_hosts=self.across_hosts)

    def _measure(
        self,
        inputs: Mapping[str, Path],
        golden: Golden,
        signature: Signature,
        found: Collected,
        gates: Gates,
        progress: Progress,
        stop: threading.Event,
    ) -> None:
        loads = self._loads()
        if signature.loss:
            found.notes.append(f"the optimised model is not quite the original: {signature.loss}")
        measured = models(inputs)
        found.measurements += _sizes(inputs, measured)
        self._scores(inputs, measured, golden, signature, found)
        plan = in_process.Plan(self.sizes, self.seconds * _CALLS, self.width, seed=self.seed)
        calls = in_process.measure(inputs, measured, golden, plan, progress, stop)
        found.take(calls)
        found.state |= calls.state
        if NATIVE in inputs:
            found.notes += _native_costs(inputs[NATIVE], found)
        if "service" not in inputs:
            found.notes.append(_NO_SERVICE)
        elif not stop.is_set():
            target = _Subject(inputs["service"], golden, signature, self.starts)
            target.measure(loads, found, gates, progress, stop)

    def _loads(self) -> Loads:
        return Loads(
            self.connections,
            self.rates,
            self.arrivals,
            self.rows,
            self.seconds,
            self.duration,
            Objective.parse(self.slo) if self.slo else None,
            self.price,
            self.seed,
        )

    def _scores(
        self,
        inputs: Mapping[str, Path],
        measured: Mapping[str, Model],
        golden: Golden,
        signature: Signature,
        found: Collected,
    ) -> None:
        rows = quality.known_rows(golden, signature, inputs.get("sample"), self.target, seed=self.seed)
        if rows is not None:
            scores, notes = quality.scores(measured, rows, signature, golden)
            found.measurements += scores
            found.notes += notes

    def _report(
        self,
        found: Collected,
        inputs: Mapping[str, Path],
        golden: Golden,
        signature: Signature,
        *,
        interrupted: bool = False,
    ) -> Report:
        options = self.model_dump(mode="json")
        named = {kind: inputs[kind].name for kind in (ORIGINAL, NATIVE) if kind in inputs}
        return found.report("workspace", signature, golden, subjects=named, options=options, interrupted=interrupted)


def _write(report: Report, out: Path) -> None:
    writing.write(report, out / "report")


@dataclass(frozen=True)
class _Subject:
    """The service folder that is measured, and what it must answer; it is started ``starts`` times."""

    service: Path
    golden: Golden
    signature: Signature
    starts: int

    def measure(self, loads: Loads, found: Collected, gates: Gates, progress: Progress, stop: threading.Event) -> None:
        """Start and end it over and over, as cold starts differ, and put the loads on the last one."""
        allowed = tolerance_of(self.signature)
        ask = first_answer(self.golden, self.signature, allowed)
        cold: list[float] = []
        while len(cold) < self.starts - 1 and not stop.is_set():
            progress(f"starting the service, {len(cold) + 1} of {self.starts}", 0.5)
            with serving.running(self.service, ask=ask) as running:
                cold.append(running.cold_start)
        progress(f"starting the service, {self.starts} of {self.starts}", 0.5)
        with serving.running(self.service, ask=ask) as running:
            cold.append(running.cold_start)
            found.measurements.append(figures.figure("cold_start", "service", "", median(cold), cold))
            target = scaffolded(running.url, self.golden, self.signature, allowed, running.pid)
            found.parity = prove(target).to_json()
            put(target, loads, found, progress, tolerate=gates.tolerate, stop=stop)


def _sizes(inputs: Mapping[str, Path], measured: Mapping[str, Model]) -> list[Measurement]:
    files = {kind: inputs[kind] for kind in (ORIGINAL, NATIVE) if kind in inputs}
    files |= {name: model.path for name, model in measured.items()}
    return [Measurement(metric="size", of=name, value=size(path)) for name, path in files.items()]


def _native_costs(folder: Path, found: Collected) -> list[str]:
    """Say what it costs that the model runs in its own library."""
    pins = dict(line.split("==") for line in (folder / "requirements.txt").read_text("utf-8").split())
    single = next((each for each in found.measurements if (each.metric, each.of) == ("p50", NATIVE)), None)
    took = f"one row takes {formats.seconds(single.value)} in the model's own library, and " if single else ""
    return [f"native: {took}its image holds {footprint.comparison(pins)}"]
