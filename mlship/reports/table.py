"""report.csv: one line a measurement, plain numbers in seconds, bytes and shares."""

import csv
import io

from mlship.reports.metrics import METRICS
from mlship.reports.model import Report

COLUMNS = ("metric", "of", "load", "value", "low", "high", "unit")


def text(report: Report) -> str:
    """Return the table with a header, lines ending in a single line feed; no interval leaves its cells empty."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in report.measurements:
        unit = METRICS[each.metric].unit if each.metric in METRICS else ""
        writer.writerow([each.metric, each.of, each.load, each.value, each.low, each.high, unit])
    return stream.getvalue()
