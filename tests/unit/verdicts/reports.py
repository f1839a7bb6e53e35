"""Small reports for tests of verdicts."""

from typing import Any

from mlship.reports.model import Host, Measurement, Ratio, Report

HOST = Host(
    system="Linux",
    kernel="6.1",
    machine="x86_64",
    cpu_model="A CPU",
    cores=4,
    usable_cores=2,
    quota_cores=None,
    governor="performance",
    memory_bytes=8_000_000_000,
    python="3.11.7",
    libraries={"numpy": "2.4.0"},
)


def measured(metric: str, of: str, load: str, value: float, width: float | None = None, **more: Any) -> Measurement:
    """Make a measurement whose interval reaches ``width`` (a share of it) to either side."""
    ends = {} if width is None else {"low": value * (1 - width), "high": value * (1 + width)}
    return Measurement(metric=metric, of=of, load=load, value=value, **ends, **more)


def ratio(metric: str, load: str, estimate: float, low: float, high: float, over: str = "other") -> Ratio:
    return Ratio(metric=metric, of="this", over=over, load=load, estimate=estimate, low=low, high=high)


def report(*measurements: Measurement, **more: Any) -> Report:
    given = {
        "kind": "workspace",
        "model": "Forest",
        "task": "classification",
        "golden_rows": 10,
        "options": {},
        "host": HOST,
        "reference": (0.02,) * 9,
    }
    return Report(measurements=measurements, **(given | more))
