"""An older benchmark to compare with, and whether its figures may be held against those of today."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship.errors import UsageError
from mlship.reports import history, reading
from mlship.reports.model import Host, Measurement, Report

#: Fields of a host that another value of makes figures incomparable; the others are told.
_MACHINE = {
    "system": "system",
    "machine": "architecture",
    "cpu_model": "CPU",
    "usable_cores": "usable cores",
    "quota_cores": "quota of cores",
    "governor": "governor of the clock",
}
_TOLD = {"cores": "cores", "memory_bytes": "bytes of memory", "kernel": "kernel", "python": "Python"}


@dataclass(frozen=True)
class Baseline:
    """The figures of an older benchmark; ``name`` is what the user called it."""

    name: str
    model: str
    task: str
    host: Host
    reference: tuple[float, ...]
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True)
class Difference:
    """Something that is ``here`` otherwise than it was ``there``; ``refuses`` where figures are then not comparable."""

    what: str
    here: str
    there: str
    refuses: bool

    def sentence(self) -> str:
        """Say it: kernel: 6.1 here, 5.10 there."""
        return f"{self.what}: {self.here} here, {self.there} there"


def read(path: Path, *, kind: str = "workspace", address: str | None = None) -> Baseline:
    """Read report.json, a folder that holds one, or a history (.jsonl): its last line of that ``kind``.

    ``address`` is that of the service, for benchmarks of an address: the last line of the same one is taken.
    Raises UsageError when it is not there, damaged, without such a line, or of another schema version.
    """
    if path.suffix != ".jsonl":
        return of(reading.read(path), str(path))
    entries = history.read(path)
    if not entries:
        raise UsageError(f"the history '{path}' is empty", "mlship benchmark --save adds a line")
    alike = [each for each in entries if each.kind == kind and each.address == address]
    if not alike:
        said = f"a benchmark of {address}" if address else f"a benchmark of a {kind}"
        raise UsageError(f"the history '{path}' has no line of {said}", "mlship benchmark --save adds a line")
    last = alike[-1]
    name = f"{last.revision} in {path}"
    return Baseline(name, last.model, last.task, last.host, last.reference, last.measurements)


def of(report: Report, name: str) -> Baseline:
    """Take a report as a baseline."""
    return Baseline(name, report.model, report.task, report.host, report.reference, report.measurements)


def comparable(here: Host, there: Host) -> list[Difference]:
    """Return in what two hosts differ, what refuses first.

    What decides how fast the same code runs, and is not the project's to change, refuses: system, architecture, CPU,
    usable cores, quota and the governor of the clock (where both kernels tell it). What is told only: the kernel, which
    runners of CI exchange every week; Python and the libraries, since a release that exchanges them must be comparable
    with the last one, for that is when it matters; cores and memory that the process cannot use anyway.
    """
    found = _differences(here, there, _MACHINE, refuses=True) + _differences(here, there, _TOLD, refuses=False)
    for name in sorted(here.libraries.keys() | there.libraries.keys()):
        versions = (here.libraries.get(name, "none"), there.libraries.get(name, "none"))
        if versions[0] != versions[1]:
            found.append(Difference(name, *versions, refuses=False))
    return found


def require_comparable(report: Report, baseline: Baseline, *, across_hosts: bool = False) -> list[Difference]:
    """Return what is to be told of a comparison.

    Raises UsageError where the tasks differ, where the machines do unless ``across_hosts``, and for the latter where
    one of the two has no reference kernel to divide by.
    """
    if report.task != baseline.task:
        raise UsageError(
            f"'{baseline.name}' is of a model for {baseline.task}, this one is for {report.task}",
            "compare with a benchmark of the same project",
        )
    found = comparable(report.host, baseline.host)
    refusing = [each.sentence() for each in found if each.refuses]
    if refusing and not across_hosts:
        hint = "measure both here, with --against; or --across-hosts compares by each machine's own reference kernel"
        raise UsageError(f"'{baseline.name}' was measured on another machine: {'; '.join(refusing)}", hint)
    if refusing and not (report.reference and baseline.reference):
        lacking = "this benchmark" if not report.reference else f"'{baseline.name}'"
        raise UsageError(f"{lacking} holds no times of the reference kernel", "measure again: mlship benchmark")
    if report.model != baseline.model:
        found.append(Difference("model", report.model, baseline.model, refuses=False))
    return found


def _differences(here: Host, there: Host, fields: dict[str, str], *, refuses: bool) -> list[Difference]:
    pairs = [(what, getattr(here, field), getattr(there, field)) for field, what in fields.items()]
    unknown = fields.get("governor")
    return [
        Difference(what, _words(one), _words(other), refuses)
        for what, one, other in pairs
        if one != other and not (what == unknown and None in {one, other})
    ]


def _words(value: Any) -> str:
    return "none" if value is None else str(value)
