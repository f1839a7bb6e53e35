"""report.csv: one line a measurement, plain numbers in seconds, bytes and shares."""

import csv
import io

from mlship.reports.metrics import METRICS
from mlship.reports.model import Report

COLUMNS = ("metric", "of", "load", "value", "low", "high", "unit")

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def text(report: Report) -> str:
    """Return the table with a header, lines ending in a single line feed; no interval leaves its cells empty.

    A name that a spreadsheet would take for a formula has an apostrophe before it (OWASP, "CSV Injection").
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in report.measurements:
        unit = METRICS[each.metric].unit if each.metric in METRICS else ""
        names = (_inert(name) for name in (each.metric, each.of, each.load))
        writer.writerow([*names, each.value, each.low, each.high, unit])
    return stream.getvalue()


def _inert(name: str) -> str:
    inert = f"'{name}" if name.startswith(_FORMULA) else name
    return inert.replace("\r", " ")  # which the csv module leaves unquoted, and then cannot read
