"""Write what was measured: report.json for programs, report.md for pull requests, report.html for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlship import formats
from mlship.artifacts import write_atomic
from mlship.benchmarks import views
from mlship.rendering import render

SCHEMA_VERSION = 1

Document = Mapping[str, Any]


def write(document: Document, folder: Path) -> None:
    """Write report.json, report.md and report.html into ``folder``."""
    content = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(folder / "report.json", content.encode())
    values = {**document, "format": formats, **views.values(document)}
    for name in ("report.md", "report.html"):
        write_atomic(folder / name, render(f"report/{name}.j2", values).encode())


def headline(document: Document) -> str:
    """Say the result in one line: one row: 12 µs, 310x faster than the original; service: 2,900 requests/s, ..."""
    candidate = views.shipped(document)
    words = f"one row: {formats.seconds(document['in_process'][0]['candidates'][candidate]['p50_seconds'])}"
    if (gain := views.speedup(document, candidate)) is not None:
        words += f", {formats.gain(gain['estimate'], 'the original')}"
    if document["service"] is None:
        return words
    run = views.busiest(document["service"])
    rate, latency = formats.number(run["requests_per_second"]), formats.seconds(run["latency"]["p99_seconds"])
    return f"{words}; service: {rate} requests/s, p99 {latency}"


def facts(document: Document) -> dict[str, Any]:
    """Return the few figures that the lock keeps."""
    candidate = views.shipped(document)
    figures = {"one_row_p50_seconds": document["in_process"][0]["candidates"][candidate]["p50_seconds"]}
    if (gain := views.speedup(document, candidate)) is not None:
        figures["one_row_speedup"] = gain["estimate"]
    if (service := document["service"]) is not None:
        run = views.busiest(service)
        figures |= {
            "requests_per_second": run["requests_per_second"],
            "p99_seconds": run["latency"]["p99_seconds"],
            "rss_under_load_bytes": service["rss_under_load_bytes"],
            "cold_start_seconds": service["cold_start_seconds"],
        }
    return figures
