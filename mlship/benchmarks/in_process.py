"""Time models in process, taking turns: the original and a native one in subprocesses, ONNX files in sessions here."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from mlship.benchmarks.plots import curve
from mlship.benchmarks.rows import batches
from mlship.golden import Golden
from mlship.measure import Burst, Sample, burst, interleaved_bursts, ratio, summary
from mlship.quarantine import Visit
from mlship.runtime import Session

ORIGINAL, NATIVE = "original", "native"


def measure(
    sessions: Mapping[str, Session],
    visits: Mapping[str, Visit],
    golden: Golden,
    rows: int,
    *,
    seconds: float,
    seed: int,
) -> dict[str, Any]:
    """Time one call of ``rows`` golden rows for every candidate, interleaved, in about ``seconds`` seconds.

    ``visits`` are those that answer in quarantine, ``sessions`` those in ONNX.
    Returns {"rows", "candidates": {name: percentiles}, "speedups": [{"of", "over", "estimate", "low", "high"}]}.
    """
    drawn = batches(golden, rows, seed)
    bursts = {name: _asking(visit, rows) for name, visit in visits.items()}
    bursts |= {name: burst(_turns(session, golden, drawn)) for name, session in sessions.items()}
    samples = interleaved_bursts(bursts, seconds=seconds, seed=seed)
    candidates = {name: _figures(sample, rows) for name, sample in samples.items()}
    return {"rows": rows, "candidates": candidates, "speedups": _speedups(samples, seed)}


def _turns(session: Session, golden: Golden, drawn: list[Any]) -> Callable[[], object]:
    feeds = itertools.cycle([session.feed(golden.take(batch).inputs) for batch in drawn])
    return lambda: session.run(next(feeds))


def _asking(visit: Visit, rows: int) -> Burst:
    def run(times: int) -> list[float]:
        return list(visit.ask({"batch": rows, "runs": times})["seconds"])

    return run


def _figures(sample: Sample, rows: int) -> dict[str, Any]:
    figures = summary(sample.seconds)
    throughput = rows / figures["mean_seconds"]
    return {**figures, "rows_per_second": throughput, "warm_up_stable": sample.stable, "curve": curve(sample.seconds)}


def _speedups(samples: Mapping[str, Sample], seed: int) -> list[dict[str, Any]]:
    """Say how many times faster each candidate is than each one before it in the list."""
    pairs = [(of, over) for over, of in itertools.combinations(samples, 2)]
    return [{"of": of, "over": over, **asdict(ratio(samples[over], samples[of], seed=seed))} for of, over in pairs]
