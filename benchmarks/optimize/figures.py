"""What optimisation brings to models on data that scikit-learn ships, beside what it should bring."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_friedman1
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.optimize.runs import optimised
from mlship.measure import interleaved, ratio
from mlship.runtime import Session


@dataclass(frozen=True)
class Case:
    """A model, a sample that it was not trained on, the options to optimise with, and what is asked of the result."""

    make: Callable[[], tuple[Any, pd.DataFrame]]
    options: tuple[str, ...]
    smaller: float = 0.0
    faster: tuple[tuple[int, float], ...] = ()
    target: str | None = "answer"


def main(only: tuple[str, ...] = ()) -> None:
    """Print each case: how much smaller and faster, the score, and what was asked."""
    for name, case in _cases().items():
        if not only or any(word in name for word in only):
            with tempfile.TemporaryDirectory() as folder:
                _print(name, case, Path(folder))
    if not only or "engine" in only:
        with tempfile.TemporaryDirectory() as folder:
            _engine(Path(folder))


def _print(name: str, case: Case, folder: Path) -> None:
    model, sample = case.make()
    kept = optimised(model, sample, folder, *case.options, target=case.target)
    print(f"\n{name}: mlship optimize {' '.join(case.options)}   ({kept.seconds:.0f} s)")
    print(f"  kept      {kept.row['name']}")
    quality = kept.row["quality"]
    print(f"  score     {quality['score']:.4f}, was {quality['reference']:.4f} on {quality['rows']:,} rows")
    print(f"  size      {kept.smaller:.1f}x smaller" + (f" (goal {case.smaller:g}x)" if case.smaller else ""))
    for batch, goal in case.faster:
        found = kept.faster(batch)
        interval = f"{1 / found.high:.2f} to {1 / found.low:.2f}"
        print(f"  {batch:>4} rows {1 / found.estimate:.2f}x as fast ({interval}; goal {goal:g}x)", flush=True)


def _cases() -> dict[str, Case]:
    budget = ("--max-accuracy-drop", "0.5%")
    return {
        "forest pruned": Case(
            _forest, (*budget, "--batch", "100", "--method", "graph,prune,session"), 4, ((100, 3.0),)
        ),
        "boosting truncated": Case(
            _boosting,
            ("--max-accuracy-drop", "1%", "--batch", "100", "--method", "graph,prune,session"),
            4,
            ((100, 3.0),),
        ),
        "network quantized": Case(
            _network, (*budget, "--method", "graph,quantize,session"), 3.7, ((1, 1.0), (100, 2.2))
        ),
        "chain folded": Case(_chain, ("--batch", "1", "--method", "graph"), 0, ((1, 1.3),)),
        "one-hot gathered": Case(_one_hot, ("--batch", "100", "--method", "graph"), 0, ((100, 3.0),)),
        "forest replaced": Case(
            _forest, ("--max-accuracy-drop", "1%", "--objective", "size", "--method", "graph,distill"), 100
        ),
    }


def _digits() -> tuple[Any, Any, pd.DataFrame]:
    rows, labels = load_digits(return_X_y=True)
    rows, sample, labels, answers = train_test_split(rows, labels, test_size=0.5, random_state=0, stratify=labels)
    return rows, labels, pd.DataFrame(sample).add_prefix("p").assign(answer=answers)


def _forest(trees: int = 500) -> tuple[Any, pd.DataFrame]:
    rows, labels, sample = _digits()
    return RandomForestClassifier(trees, random_state=0, n_jobs=2).fit(rows, labels), sample


def _network() -> tuple[Any, pd.DataFrame]:
    rows, labels, sample = _digits()
    return MLPClassifier((512, 512), max_iter=60, random_state=0).fit(rows / 16, labels), _scaled(sample)


def _scaled(sample: pd.DataFrame) -> pd.DataFrame:
    return sample.drop(columns="answer").div(16).assign(answer=sample["answer"])


def _chain() -> tuple[Any, pd.DataFrame]:
    rows, labels, sample = _digits()
    return make_pipeline(StandardScaler(), PCA(30), LogisticRegression(max_iter=500)).fit(rows, labels), sample


def _boosting() -> tuple[Any, pd.DataFrame]:
    rows, target = make_friedman1(100_000, n_features=10, noise=1.0, random_state=0)
    model = GradientBoostingRegressor(n_estimators=1000, subsample=0.1, random_state=0).fit(
        rows[:50_000], target[:50_000]
    )
    sample = pd.DataFrame(rows[50_000:60_000]).add_prefix("x").assign(answer=target[50_000:60_000])
    return model, sample


def _one_hot() -> tuple[Any, pd.DataFrame]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"shop": [f"shop {i}" for i in draw.integers(0, 1000, 20_000)], "amount": draw.normal(size=20_000)}
    )
    labels = (frame["amount"] + frame["shop"].str[5:].astype(int) % 7 / 3 > 1).astype(int)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["shop"]), (StandardScaler(), ["amount"])
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(frame[:15_000], labels[:15_000])
    return model, frame[15_000:].assign(answer=labels[15_000:])


def _engine(folder: Path) -> None:
    """Print how a forest answers 10,000 rows on one thread, against scikit-learn."""
    model, sample = _forest(100)
    model.set_params(n_jobs=1)
    kept = optimised(
        model, sample, folder, "--batch", "10000", "--method", "graph,session", "--set", "options={session={cores=1}}",
        target="answer",
    )  # fmt: skip
    rows = np.resize(sample.drop(columns="answer").to_numpy(), (10_000, sample.shape[1] - 1)).astype(float)
    sessions = {"kept": kept.model(), "converted": kept.converted()}
    calls = {name: _call(session, rows) for name, session in sessions.items()}
    samples = interleaved({**calls, "scikit-learn": lambda: model.predict_proba(rows)}, seconds=30)
    equal = bool((sessions["kept"].run({"features": rows})["prediction"] == model.predict(rows)).all())
    print(f"\nforest of 100 trees, 10,000 rows, one thread: kept {kept.row['name']}, labels equal: {equal}")
    for name in calls:
        found = ratio(samples["scikit-learn"], samples[name])
        print(
            f"  {name:<10} {found.estimate:.2f}x as fast as scikit-learn ({found.low:.2f} to {found.high:.2f}; goal 1x)"
        )


def _call(session: Session, rows: Any) -> Callable[[], object]:
    return lambda: session.run({"features": rows})
