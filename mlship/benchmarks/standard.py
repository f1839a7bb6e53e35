"""The standard benchmark: the original against what is served in process, then the scaffolded service over HTTP."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from mlship import footprint, formats, quarantine, serving
from mlship import golden as goldens
from mlship import signature as signatures
from mlship.artifacts import digest, size
from mlship.benchmarks import in_process, report
from mlship.benchmarks.over_http import Http
from mlship.benchmarks.rows import batches
from mlship.errors import DamagedWorkspaceError, MlshipError
from mlship.golden import Golden
from mlship.measure import host, resident
from mlship.parity import tolerance_of
from mlship.runtime import Session, Settings
from mlship.signature import Signature
from mlship.stages import Benchmark, Outcome, Progress

CONVERTED, OPTIMISED = "converted", "optimised"

_LIBRARIES = ("onnxruntime", "numpy", "scikit-learn", "fastapi", "uvicorn", "httptools")
_NO_SERVICE = "the service was not measured: run mlship scaffold first"


class StandardBenchmark(Benchmark):
    """Measures latency and throughput in process and over HTTP, memory and cold start; writes a report folder."""

    libraries = _LIBRARIES
    reads = ("golden", "signature")
    either = ("onnx", "native")

    seconds: float = Field(2.0, gt=0, le=600, description="time for each measurement, in seconds")
    connections: tuple[Annotated[int, Field(ge=1, le=512)], ...] = Field(
        (1, 8), min_length=1, description="numbers of connections, one run each"
    )
    rows: int = Field(100, ge=2, le=10_000, description="rows in a large request")
    seed: int = Field(0, description="draws the rows and the order of measurements")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Measure what is there, and write report/report.json, report.md and report.html.

        Raises GateError when the service answers wrong, ServiceError when it does not start or answer.
        """
        golden, signature = goldens.read(inputs["golden"]), signatures.read(inputs["signature"])
        notes = [f"the optimised model is not quite the original: {signature.loss}"] if signature.loss else []
        models = _models(inputs)
        document: dict[str, Any] = {
            "schema_version": report.SCHEMA_VERSION,
            "model": signature.model,
            "loss": signature.loss,
            "task": signature.task,
            "outputs": [output.name for output in signature.outputs],
            "golden_rows": len(golden),
            "options": self.model_dump(mode="json"),
            "host": host(_LIBRARIES),
            "sizes_bytes": _sizes(inputs, models),
            "threads": {name: settings.threads for name, (_, settings) in models.items()},
            "in_process": self._in_process(inputs, models, golden, progress, notes),
            "service": self._service(inputs, golden, signature, progress, notes),
            "notes": notes,
        }
        report.write(document, out / "report")
        return Outcome({"report": "report"}, report.headline(document), report.facts(document), tuple(notes))

    def _in_process(
        self,
        inputs: Mapping[str, Path],
        models: Mapping[str, tuple[Path, Settings]],
        golden: Golden,
        progress: Progress,
        notes: list[str],
    ) -> list[dict[str, Any]]:
        with ExitStack() as stack:
            progress("loading the models", 0.05)
            visits = self._visits(inputs, golden, stack, notes)
            sessions = {name: Session(path, settings) for name, (path, settings) in models.items()}
            runs = []
            for fraction, rows in ((0.15, 1), (0.3, self.rows)):
                progress(f"measuring in process, {rows} row{'s' * (rows > 1)} a call", fraction)
                measured = in_process.measure(sessions, visits, golden, rows, seconds=self.seconds, seed=self.seed)
                runs.append(measured)
            if "native" in inputs:
                notes.append(_native_costs(inputs["native"], runs[0]["candidates"][in_process.NATIVE]))
            return runs

    def _visits(
        self, inputs: Mapping[str, Path], golden: Golden, stack: ExitStack, notes: list[str]
    ) -> dict[str, quarantine.Visit]:
        """Return the models that are asked in quarantine, by name."""
        files = {"model": "original", "native": "native", "golden": "golden", "signature": "signature"}
        request: dict[str, Any] = {key: str(inputs[kind].resolve()) for key, kind in files.items() if kind in inputs}
        request["batches"] = {
            rows: [drawn.tolist() for drawn in batches(golden, rows, self.seed)] for rows in (1, self.rows)
        }
        visits = {}
        if "original" in inputs:
            request["digest"] = digest(inputs["original"])
            try:
                visits[in_process.ORIGINAL] = self._visit("time_original", request, stack)
            except MlshipError as error:
                notes.append(f"the original model was not measured: {error.message}")
        else:
            notes.append("the original model was not measured: its file was not given")
        if "native" in inputs:
            visits[in_process.NATIVE] = self._visit("time_native", request, stack)
        return visits

    def _visit(self, target: str, request: Mapping[str, Any], stack: ExitStack) -> quarantine.Visit:
        visit = stack.enter_context(quarantine.visit(f"mlship.visits:{target}", request))
        for rows in (1, self.rows):
            visit.ask({"batch": rows, "runs": 1})
        return visit

    def _service(
        self, inputs: Mapping[str, Path], golden: Golden, signature: Signature, progress: Progress, notes: list[str]
    ) -> dict[str, Any] | None:
        if "service" not in inputs:
            notes.append(_NO_SERVICE)
            return None
        progress("starting the service", 0.5)
        with serving.running(inputs["service"]) as running:
            http = Http(running, golden, signature, tolerance_of(signature))
            verdict = http.prove()
            plan = [*((number, 1) for number in self.connections), (1, self.rows)]
            runs = []
            for done, (connections, rows) in enumerate(plan):
                what = (
                    f"measuring the service, {connections} connection{'s' * (connections > 1)}, rows a request: {rows}"
                )
                progress(what, 0.55 + 0.4 * done / len(plan))
                runs.append(http.load(connections, rows, seconds=self.seconds, seed=self.seed))
            return {
                "cold_start_seconds": running.cold_start,
                "rss_at_start_bytes": http.rss_at_start,
                "rss_under_load_bytes": resident(running.pid),
                "parity": verdict,
                "runs": runs,
            }


def _models(inputs: Mapping[str, Path]) -> dict[str, tuple[Path, Settings]]:
    """Return the ONNX files to measure by name, each with how it is run; what is the same only once."""
    if "native" in inputs:
        return {}
    settings = _settings(inputs.get("session"))
    if "converted" not in inputs:
        return {CONVERTED: (inputs["onnx"], settings)}
    if settings == Settings() and digest(inputs["converted"]) == digest(inputs["onnx"]):
        return {CONVERTED: (inputs["onnx"], settings)}
    return {CONVERTED: (inputs["converted"], Settings()), OPTIMISED: (inputs["onnx"], settings)}


def _settings(session: Path | None) -> Settings:
    if session is None:
        return Settings()
    try:
        return Settings.model_validate_json(session.read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedWorkspaceError(f"'{session}' is not a session file: {error}", "mlship optimize --force") from error


def _native_costs(folder: Path, figures: Mapping[str, Any]) -> str:
    """Say what it costs that the model runs in its own library."""
    pins = dict(line.split("==") for line in (folder / "requirements.txt").read_text("utf-8").split())
    return (
        f"native: one row takes {formats.seconds(figures['p50_seconds'])} in the model's own library, and its image "
        f"holds {footprint.comparison(pins)}"
    )


def _sizes(inputs: Mapping[str, Path], models: Mapping[str, tuple[Path, Settings]]) -> dict[str, int]:
    original = {in_process.ORIGINAL: inputs["original"]} if "original" in inputs else {}
    native = {in_process.NATIVE: inputs["native"]} if "native" in inputs else {}
    files = original | native | {name: path for name, (path, _) in models.items()}
    return {name: size(path) for name, path in files.items()}
