"""Contents of candidates.json as an optimisation would write them, made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

HOST = {
    "system": "Linux",
    "kernel": "6.1.0",
    "machine": "x86_64",
    "cpu_model": "AMD EPYC 7763 64-Core Processor",
    "cores": 2,
    "usable_cores": 2,
    "quota_cores": None,
    "memory_bytes": 25_000_000_000,
    "python": "3.11.2",
    "libraries": {"numpy": "2.4.1", "onnx": "1.23.2", "onnxruntime": "1.32.0"},
}


def candidate(
    name: str,
    score: float | None,
    size: int,
    times: Mapping[int, tuple[float, float, float, float]] | None = None,
    *,
    labels: int = 0,
    reference: float = 0.9755,
    lossless: bool = False,
    within: bool = True,
    out: str = "",
    chosen: bool = False,
    front: bool = False,
    facts: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a candidate; ``times``: seconds and estimate, low and high of the ratio, by rows a call."""
    quality = {"rows": 899, "score": score, "reference": reference, "label_changes": labels}
    return {
        "name": name,
        "steps": [name],
        "lossless": lossless,
        "size_bytes": size,
        "settings": settings or {},
        "facts": facts or {},
        "within_budget": within,
        "quality": {**quality, "score_change": None if score is None else labels / 899},
        "batch_noise": 0.0,
        "times": {
            str(batch): {"seconds": seconds, "estimate": estimate, "low": low, "high": high}
            for batch, (seconds, estimate, low, high) in (times or {}).items()
        },
        "file": "",
        "chosen": chosen,
        "front": front,
        "out": out,
    }


def document(candidates: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
    """Return what candidates.json holds for a forest with a target, unless ``changes`` say otherwise."""
    asked = {
        "target": "digit",
        "method": [],
        "objective": "latency",
        "batch": [1, 100],
        "max_accuracy_drop": 0.005,
        "max_label_changes": None,
        "max_score_change": None,
        "min_speedup": None,
        "max_size": None,
        "time_budget": 60.0,
        "seconds": 1.5,
        "rows": 20000,
    }
    whole = {
        "schema_version": 1,
        "model": "RandomForestClassifier",
        "measure": "share of right labels",
        "against": "the target",
        "rows_judged": 899,
        "reason": "3.06x faster at 1 row, 4.24x faster at 100 rows; 3.1 MB, 5.16x smaller; score 0.9733 (was 0.9755), "
        "9 of 899 labels differ",
        "asked": asked,
        "budget": {"accuracy_drop": 0.005, "label_changes": None, "score_change": None},
        "advice": {
            "graph": {"applies": True, "why": "the labels are looked up after an ArgMax"},
            "prune": {"applies": True, "why": "500 trees vote, and the first 125 would be as good"},
            "quantize": {"applies": False, "why": "nothing to quantize: 500 trees compare, they don't multiply"},
        },
        "cut_short": "",
        "host": HOST,
        "candidates": list(candidates),
    }
    return whole | changes


def forest() -> dict[str, Any]:
    """Return the document of a forest of which a quarter is kept, with some of every kind of candidate."""
    return document(
        [
            candidate("converted", 0.9755, 16_000_000, {1: (3.1e-5, 1, 1, 1), 100: (1.4e-3, 1, 1, 1)}, lossless=True),
            candidate(
                "simpler graph",
                0.9755,
                15_900_000,
                {1: (2.9e-5, 0.95, 0.91, 1.02), 100: (1.4e-3, 0.99, 0.97, 1.01)},
                lossless=True,
                out="not faster beyond the noise",
                facts={"labels_direct": True},
            ),
            candidate(
                "half the trees",
                0.9744,
                7_600_000,
                {1: (1.8e-5, 0.58, 0.56, 0.6), 100: (6.4e-4, 0.46, 0.44, 0.48)},
                labels=4,
                front=True,
                facts={"trees": 250},
            ),
            candidate(
                "a quarter of the trees",
                0.9733,
                3_100_000,
                {1: (1.01e-5, 0.327, 0.31, 0.35), 100: (3.3e-4, 0.236, 0.22, 0.25)},
                labels=9,
                chosen=True,
                front=True,
                facts={"trees": 125, "method": "ordered aggregation"},
            ),
            candidate(
                "a twentieth of the trees",
                0.9611,
                800_000,
                labels=24,
                within=False,
                out="loses 1.44% (allowed 0.50%)",
            ),
            candidate(
                "logistic regression",
                0.9577,
                4_200,
                labels=31,
                within=False,
                out="loses 1.78% (allowed 0.50%)",
            ),
            candidate("single tree", 0.8421, 40_000, labels=142, within=False, out="loses 13.34% (allowed 0.50%)"),
            candidate(
                "a quarter of the trees + float32",
                0.9733,
                1_600_000,
                {1: (1.1e-5, 0.35, 0.33, 0.37), 100: (3.5e-4, 0.25, 0.23, 0.26)},
                labels=9,
                front=True,
                facts={"trees": 125},
            ),
            candidate("int8", None, 16_200_000, within=False, out="fails on the sample: no kernel for MatMulInteger"),
            candidate(
                "a quarter of the trees, 2 threads",
                0.9733,
                3_100_000,
                {1: (3.4e-5, 1.1, 1.04, 1.21), 100: (3.2e-4, 0.23, 0.21, 0.25)},
                labels=9,
                out="slower at 1 row a call",
                settings={"threads": 2},
            ),
        ]
    )
