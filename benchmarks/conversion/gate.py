"""The loading gate: clean models in every packing, files that would run something, and its speed."""

import bz2
import gzip
import io
import lzma
import pickle
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer

from benchmarks.conversion import boosters, estimators, pipelines
from mlship import gate
from mlship.errors import MlshipError

NAMES = Path(__file__).parents[2] / "tests/unit/sources/malicious_names.txt"
BIG = 10  # MB
WORDS = 500_000

#: One of each kind that people save.
_CLEAN = (
    "textbook, logistic regression", "textbook, random forest", "textbook, gradient boosting", "textbook, svc with rbf",
    "textbook, neighbours", "textbook, mlp", "textbook, linear svc, calibrated", "iterative imputer", "knn imputer",
    "target encoder", "ordinal codes, hist gradient boosting", "grid search over a pipeline",
    "random search over a forest", "threshold tuned", "stacking over column transformers", "voting, hard",
    "pandas between the steps", "log of money", "price through quantiles", "gaussian process", "isolation forest",
    "texts beside numbers", "texts alone, hashed", "textbook, xgboost after a sparse encoder", "textbook, lightgbm",
    "textbook, catboost",
)  # fmt: skip


def main(only: tuple[str, ...] = ()) -> None:
    """Print clean files that are stopped, malicious ones that pass, and the seconds for 10 MB."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "model.joblib"
        clean, stopped = 0, 0
        for name, content in _clean(only or _CLEAN):
            clean += 1
            stopped += _passes(path, content, name) is False
        kinds = f"{len(only or _CLEAN)} kinds in {len(_packings())} packings"
        print(f"gate: {clean - stopped} of {clean} clean files pass ({kinds})")
        if only:
            return
        fitted, held = 0, 0
        for name, model in _every_estimator():
            fitted += 1
            held += _passes(path, _joblib(model), name) is False
        print(f"gate: {fitted - held} of {fitted} fitted estimators of scikit-learn pass")
        missed = [name for name, content in _malicious() if _passes(path, content)]
        count = sum(1 for _ in _malicious())
        print(f"gate: {len(missed)} of {count} malicious files missed (goal 0) {' '.join(missed)}")
        for name, model in _large():
            joblib.dump(model, path)
            seconds, size = _seconds(path), path.stat().st_size / 1e6
            print(
                f"gate: {name}: {seconds:.3f} s for {size:.1f} MB, {seconds / size * BIG:.2f} s for {BIG} MB (goal 1)"
            )


def _passes(path: Path, content: bytes, name: str = "") -> bool:
    path.write_bytes(content)
    try:
        gate.require_trusted(gate.inspect(path))
    except MlshipError as error:
        if name:
            print(f"{name:<44} stopped: {error.message[:150]}", flush=True)
        return False
    return True


def _packings() -> dict[str, Callable[[Any], bytes]]:
    packings: dict[str, Callable[[Any], bytes]] = {"joblib": _joblib, "cloudpickle": cloudpickle.dumps}
    for method in ("zlib", "gzip", "bz2", "lzma", "xz"):
        packings[f"joblib {method}"] = lambda model, method=method: _joblib(model, compress=(method, 3))
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        packings[f"pickle {protocol}"] = lambda model, protocol=protocol: pickle.dumps(model, protocol)
    return packings


def _clean(names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for name in names:
        model = pipelines.fitted(name)[0]
        for packing, packed in _packings().items():
            yield f"{name}, {packing}", packed(model)
    for name in ("xgboost ranker", "lightgbm two classes", "catboost two classes"):
        make, data = boosters.kinds()[name]
        yield name, _joblib(make(*data))


def _every_estimator() -> Iterator[tuple[str, Any]]:
    kinds = estimators.kinds()
    for name in estimators.names():
        for rows, target in estimators.data_for(name).values():
            model = estimators.fitted(kinds[name], rows[:100], None if target is None else target[:100])
            if model is not None:
                yield name, model
                break


class _Calls:
    """Pickles to a call of a function found by name."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def _malicious() -> Iterator[tuple[str, bytes]]:
    """Yield files that would run something, alone and hidden in a model, in packings that scanners overlook."""
    for line in NAMES.read_text().split("\n"):
        if line and not line.startswith("#"):
            module, _, name = line.split()[0].rpartition(".")
            yield line, b"c" + f"{module}\n{name}\n".encode() + b"(S'true'\ntR."
    hidden = RandomForestClassifier(2).fit(np.eye(4), [0, 1, 0, 1])
    hidden.note_ = _Calls(eval, "1")
    pack = {"zlib": zlib.compress, "gzip": gzip.compress, "bz2": bz2.compress, "lzma": lzma.compress}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps(hidden, protocol)
        yield f"hidden, protocol {protocol}", content
        for name, packed in pack.items():
            yield f"hidden, protocol {protocol}, {name}", packed(content)
    yield "hidden, joblib", _joblib(hidden)
    yield "hidden, joblib zlib", _joblib(hidden, compress=3)
    yield "cloudpickle lambda", cloudpickle.dumps(lambda rows: rows)
    yield "second pickle after the first", pickle.dumps([1]) + pickle.dumps(_Calls(eval, "1"))


def _large() -> Iterator[tuple[str, Any]]:
    """Yield a model that is arrays mostly, and such as are millions of instructions."""
    draw = np.random.default_rng(0)
    rows, target = draw.normal(size=(20_000, 10)), draw.integers(0, 5, 20_000)
    yield "forest", RandomForestClassifier(12, random_state=0).fit(rows, target)
    letters = draw.integers(ord("a"), ord("z") + 1, (WORDS + WORDS // 100, 8), dtype=np.uint8)
    words = np.unique(letters.view("S8").ravel().astype(str))[:WORDS].tolist()
    for limit in (None, WORDS):
        counts = CountVectorizer(max_features=limit).fit([" ".join(words)])
        kind = type(next(iter(counts.vocabulary_.values()))).__name__
        yield f"vocabulary of {len(counts.vocabulary_):,} words and {kind}", counts


def _seconds(path: Path) -> float:
    best = []
    for _ in range(5):
        started = time.perf_counter()
        gate.inspect(path)
        best.append(time.perf_counter() - started)
    return sorted(best)[2]


def _joblib(model: Any, compress: Any = 0) -> bytes:
    stream = io.BytesIO()
    joblib.dump(model, stream, compress=compress)
    return stream.getvalue()
