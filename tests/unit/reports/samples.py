"""Reports as real runs make them, of every kind: what pages are looked at with and tested on."""

import math
import random
from collections.abc import Sequence

from mlship.reports.model import (
    Call,
    Capacity,
    Curve,
    Host,
    Load,
    Measurement,
    Moment,
    Ratio,
    Report,
    Step,
    Timeline,
    Verdict,
)

HOSTILE = "</script><script>alert('x')</script> & <b>|`*_[a](http://b.example)\x0b"
LONG = "a_model_with_a_name_that_no_page_was_made_for_" * 3 + ".joblib"

HOST = Host(
    system="Linux",
    kernel="6.8.0-45-generic",
    machine="x86_64",
    cpu_model="AMD EPYC 7B13",
    cores=8,
    usable_cores=2,
    quota_cores=2.0,
    governor="performance",
    memory_bytes=16_000_000_000,
    python="3.11.9",
    libraries={"numpy": "2.4.1", "onnxruntime": "1.32.0", "scikit-learn": "1.9.1"},
)
_STEPS = (0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99)
_MODELS = {"original": 1.9e-3, "converted": 14.1e-6, "optimised": 9.8e-6}
_SERVED = {"c1": (5_930.0, 161e-6), "c8": (21_400.0, 352e-6), "c64": (27_100.0, 2.21e-3), "c1x100": (1_420.0, 690e-6)}


def full() -> Report:
    """Return a report of a workspace with everything that one can hold."""
    measurements, curves, calls, ratios = in_process(_MODELS)
    served, loads, more = service("service", _SERVED)
    return Report(
        kind="workspace",
        model="churn.joblib",
        task="classification",
        golden_rows=1_000,
        subjects={
            "service": "service/, on this machine",
            "original": "churn.joblib, in a process of its own",
            "baseline": "main.json (v1.4.0)",
        },
        options={"seconds": 2.0, "seed": 0},
        host=HOST,
        state={"garbage collector": "off in the measured processes", "threads": "1", "CPU affinity": "0, 1"},
        reference=(0.0201, 0.0203, 0.0202),
        measurements=(
            *measurements,
            *quality(),
            *served,
            *whole("service"),
            measured("capacity", "service", "", 17_200),
        ),
        curves=(*curves, *more),
        calls=tuple(calls),
        loads=tuple(loads),
        ratios=tuple(ratios),
        capacities=(capacity(),),
        timelines=(soak(),),
        verdicts=verdicts(),
        baseline=older(served),
        parity={"passed": True, "rows": 1000, "rows_off": 0},
        notes=("the optimised model is not quite the original: int8 weights, 2 of 1,000 labels differ",),
    )


def minimal() -> Report:
    """Return a report of one converted model, without a service, intervals or an original."""
    return Report(
        kind="workspace",
        model="model.onnx",
        task="regression",
        golden_rows=1,
        options={},
        host=HOST.model_copy(update={"usable_cores": 1, "quota_cores": None, "libraries": {}}),
        reference=(),
        measurements=(Measurement(metric="p50", of="converted", load="1 row", value=12e-6),),
    )


def url() -> Report:
    """Return a report of a service elsewhere: nothing in process, no memory, some failures."""
    served, loads, curves = service("service", {"500/s-poisson": (499.2, 3.1e-3), "2000/s": (1_870.0, 41e-3)})
    busy = {"bottleneck": "the load generator used 97 % of a core", "busy_share": 0.97}
    served = [each for each in served if (each.metric, each.load) != ("errors", "2000/s")]
    failing = {"failures": {"status 503": 12, "timeout": 3}, "unchecked": 40}
    return Report(
        kind="url",
        model="https://models.example/v2/models/churn",
        task="classification",
        golden_rows=200,
        subjects={"service": "https://models.example/v2/models/churn"},
        options={"rate": 500},
        host=HOST,
        reference=(0.02,),
        measurements=(*served, measured("errors", "service", "2000/s", 0.0041)),
        curves=tuple(curves),
        loads=(loads[0], loads[1].model_copy(update={**busy, **failing})),
    )


def comparison() -> Report:
    """Return a comparison of two services: one metric clearly better, one clearly worse, the others not clear."""
    this, loads, curves = service("this", {"c8": (21_400.0, 352e-6)})
    other, _, others = service("other", {"c8": (20_900.0, 361e-6)})
    shown = {
        "p50": (0.975, 0.961, 0.988),
        "p99": (1.08, 1.02, 1.15),
        "throughput": (1.024, 0.995, 1.05),
        "cpu": (1, 0.97, 1.03),
    }
    return Report(
        kind="comparison",
        model="churn.joblib",
        task="classification",
        golden_rows=1_000,
        subjects={"this": "./release-1.5", "other": "./release-1.4"},
        options={"seconds": 30},
        host=HOST,
        reference=(0.02, 0.021),
        measurements=(*this, *other),
        curves=(*curves, *others),
        loads=tuple(loads),
        ratios=tuple(
            Ratio(metric=metric, of="this", over="other", load="c8", estimate=estimate, low=low, high=high)
            for metric, (estimate, low, high) in shown.items()
        ),
        verdicts=(verdict("p99@c8 > +10%", "unclear", "p99", 0.08, 0.02, 0.15, 0.1, minutes=3.5),),
    )


def interrupted() -> Report:
    """Return what is left when a run was stopped before anything was measured."""
    return minimal().model_copy(update={"measurements": (), "interrupted": True, "notes": ("stopped by Ctrl-C",)})


def hostile() -> Report:
    """Return a full report whose names try to be markup wherever a user's words can stand."""
    report = full()
    renamed = tuple(
        each.model_copy(update={"of": HOSTILE}) if each.of == "converted" else each for each in report.measurements
    )
    wrong = verdict(HOSTILE, "failed", "p99", 0.02, 0.019, 0.021, 0.01, relative=False, sentence=HOSTILE)
    return report.model_copy(
        update={
            "model": HOSTILE,
            "measurements": renamed,
            "curves": tuple(
                curve.model_copy(update={"of": HOSTILE}) for curve in report.curves if curve.load == "1 row"
            ),
            "calls": (),
            "notes": (HOSTILE,),
            "subjects": {HOSTILE: HOSTILE},
            "state": {HOSTILE: HOSTILE},
            "verdicts": (wrong,),
        }
    )


def long() -> Report:
    """Return a full report with names that are too long for any cell, and many candidates."""
    models = {f"{number:02d} {LONG}": 5e-6 * 1.3**number for number in range(12)}
    measurements, curves, calls, ratios = in_process(_MODELS | models)
    scores = tuple(measured("accuracy", name, "", 0.9 + 0.005 * number, spread=0) for number, name in enumerate(models))
    update = {"model": LONG, "measurements": (*measurements, *quality(), *scores), "curves": tuple(curves)}
    return full().model_copy(update={**update, "calls": tuple(calls), "ratios": tuple(ratios), "timelines": ()})


def everything() -> dict[str, Report]:
    """Return one report of each kind by name."""
    kinds = (full, minimal, url, comparison, interrupted, hostile, long)
    return {kind.__name__: kind() for kind in kinds}


def measured(metric: str, of: str, load: str, value: float, *, spread: float = 0.02) -> Measurement:
    """Return a measurement with rounds around ``value``, and none where the ``spread`` is 0."""
    if not spread:
        return Measurement(metric=metric, of=of, load=load, value=value)
    drawn = random.Random(f"{metric}{of}{load}")
    rounds = tuple(value * drawn.uniform(1 - spread, 1 + spread) for _ in range(10))
    return Measurement(
        metric=metric, of=of, load=load, value=value, low=value * (1 - spread), high=value * (1 + spread), rounds=rounds
    )


def curve(of: str, load: str, median: float, *, tail: float = 0.35) -> Curve:
    """Return a curve that grows with the nines; the larger the ``tail``, the faster."""
    points = [(float(q), median * (0.8 + 0.5 * math.expm1(tail * math.log(1 / (1 - q / 100))))) for q in _STEPS]
    return Curve(of=of, load=load, points=tuple(points))


def latencies(of: str, load: str, median: float) -> list[Measurement]:
    """Return the latency metrics of one load."""
    factors = {"p50": 1.0, "p90": 1.3, "p95": 1.5, "p99": 2.4, "p99.9": 5.1, "max": 14.0}
    return [measured(metric, of, load, median * factor) for metric, factor in factors.items()]


def in_process(models: dict[str, float]) -> tuple[list[Measurement], list[Curve], list[Call], list[Ratio]]:
    """Return what is measured of ``models`` in process, from their seconds for one row."""
    measurements, curves, calls, ratios = [], [], [], []
    for rows, load, factor in (
        (1, "1 row", 1.0),
        (10, "10 rows", 1.6),
        (100, "100 rows", 6.0),
        (10_000, "10,000 rows", 420.0),
    ):
        for of, seconds in models.items():
            time = seconds * factor if of != "original" else seconds * (1 + factor / 12)
            measurements += [*latencies(of, load, time), measured("throughput", of, load, rows / time)]
            curves.append(curve(of, load, time))
            calls.append(Call(of=of, load=load, rows=rows, calls=12_400, stable=rows != 10, reached=rows != 10_000))
            if of != "original":
                estimate = time / (models["original"] * (1 + factor / 12))
                ends = {"low": estimate * 0.97, "high": estimate * 1.04}
                ratios.append(Ratio(metric="p50", of=of, over="original", load=load, estimate=estimate, **ends))
    return measurements, curves, calls, ratios


def service(of: str, served: dict[str, tuple[float, float]]) -> tuple[list[Measurement], list[Load], list[Curve]]:
    """Return what is measured of a service, from throughput and median by load."""
    measurements, loads, curves = [], [], []
    for name, (rate, median) in served.items():
        measurements += [*latencies(of, name, median), measured("throughput", of, name, rate)]
        measurements += [measured("errors", of, name, 0.0, spread=0), measured("cpu", of, name, 0.8 / rate)]
        curves.append(curve(of, name, median, tail=0.5))
        loads.append(_load(name, rate))
    return measurements, loads, curves


def whole(of: str) -> Sequence[Measurement]:
    """Return what belongs to no load."""
    figures = {"rss": 71.3e6, "pss": 58.9e6, "cold_start": 0.384, "cost": 0.0123}
    return [measured(metric, of, "", value, spread=0.01) for metric, value in figures.items()]


def quality() -> Sequence[Measurement]:
    """Return size and quality of the models."""
    figures = {
        "size": (1.9e6, 402e3, 101e3),
        "accuracy": (0.9833, 0.9833, 0.9815),
        "f1": (0.981, 0.981, 0.979),
        "auc": (0.998,) * 3,
    }
    return [
        measured(metric, of, "", value, spread=0)
        for metric, values in figures.items()
        for of, value in zip(_MODELS, values, strict=True)
    ]


def capacity() -> Capacity:
    """Return a search for the highest rate."""
    tried = [(8_000, 1.1e-3), (16_000, 6.2e-3), (24_000, 310e-3), (20_000, 88e-3), (17_900, 24e-3), (17_200, 18.1e-3)]
    steps = [Step(rate=rate, throughput=rate * 0.998, latency=seconds, met=seconds <= 0.02) for rate, seconds in tried]
    return Capacity(metric="p99", limit=0.02, rate=17_200, rows=1, steps=tuple(steps))


def soak() -> Timeline:
    """Return ten minutes with a stall, growing memory, and some failures in it."""
    drawn = random.Random(1)
    moments = []
    for number in range(1, 121):
        stalled = number == 71
        median = 352e-6 * drawn.uniform(0.97, 1.05)
        moments.append(
            Moment(
                second=number * 5.0,
                requests=0 if stalled else 10_000,
                failures=14 if number in {70, 71, 72} else 0,
                p50=None if stalled else median,
                p99=None if stalled else median * drawn.uniform(2.2, 2.9),
                longest=None if stalled else median * drawn.uniform(8, 20) * (90 if number == 72 else 1),
                rss_bytes=int(68e6 + number * 40e3),
            )
        )
    return Timeline(of="service", load="2000/s", moments=tuple(moments))


def verdicts() -> tuple[Verdict, ...]:
    """Return one verdict of each outcome."""
    return (
        verdict("p99@c64 > +10%", "passed", "p99", 0.031, 0.004, 0.058, 0.10, load="c64"),
        verdict("throughput@c64 < -5%", "failed", "throughput", -0.082, -0.101, -0.063, -0.05, load="c64"),
        verdict("p50@c8 > 350us", "unclear", "p50", 352e-6, 345e-6, 359e-6, 350e-6, relative=False, minutes=4.0),
    )


def verdict(
    expression: str,
    outcome: str,
    metric: str,
    value: float,
    low: float,
    high: float,
    limit: float,
    *,
    load: str = "c8",
    relative: bool = True,
    minutes: float | None = None,
    sentence: str = "",
) -> Verdict:
    """Return a verdict whose sentence tells what it was made of."""
    wait = f"; can't tell at this noise, about {minutes:g} more minutes would" if minutes else ""
    told = sentence or f"{metric}@{load}: {value:+.3g} ({low:+.3g} to {high:+.3g}), limit {limit:+.3g}: {outcome}{wait}"
    names = {"metric": metric, "of": "service", "load": load, "sentence": told}
    figures = {"value": value, "low": low, "high": high, "limit": limit, "relative": relative, "minutes": minutes}
    return Verdict.model_validate({"expression": expression, "outcome": outcome, **names, **figures})


def older(served: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Return a baseline of the service: latencies were a little better, throughput too, one figure was much worse."""
    factors = {"p50": 0.99, "p99": 0.97, "throughput": 1.09, "max": 3.0}
    kept = [each for each in served if each.metric in factors and each.load in {"c8", "c64"}]
    found = []
    for each in kept:
        factor = factors[each.metric]
        ends = {"value": each.value * factor, "low": (each.low or 0) * factor, "high": (each.high or 0) * factor}
        found.append(each.model_copy(update={**ends, "rounds": ()}))
    return tuple(found)


def _load(name: str, rate: float) -> Load:
    closed = name.startswith("c")
    return Load(
        name=name,
        arrivals="closed" if closed else "poisson" if "poisson" in name else "constant",
        connections=int(name[1:].split("x", maxsplit=1)[0]) if closed else 64,
        rows=100 if name.endswith("x100") else 1,
        rate=None if closed else float(name.split("/", maxsplit=1)[0]),
        seconds=2.0,
        requests=int(rate * 2),
    )
