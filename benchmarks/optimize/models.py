"""Forty models of all kinds, optimised by default or with a budget: is what is kept ever slower, or over the budget?"""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.conversion import pipelines
from benchmarks.optimize.runs import Kept, optimised

#: Every so many-th pipeline of the conversion's list, which is sorted by data set, and the second: 40 of all kinds.
_STEP = 3
_BUDGET = 0.005
_BATCHES = (1, 100)

#: Beyond this share a ratio whose interval lies above 1 counts as slower: two runs of the same file differ by less.
_NOISE = 1.05


def main(only: tuple[str, ...] = ()) -> None:
    """Print what was kept for each model, and in how many cases it was slower or over the budget."""
    chosen = only or (*pipelines.names()[::_STEP], pipelines.names()[1])
    slower, over, failed = [], [], []
    for number, name in enumerate(chosen):
        budget = ("--max-accuracy-drop", "0.5%") if number % 2 else ()
        with tempfile.TemporaryDirectory() as folder:
            try:
                kept = _kept(name, Path(folder), budget)
            except RuntimeError as error:
                failed.append(name)
                print(f"{name:<44} failed: {error}", flush=True)
                continue
            ratios = [kept.faster(batch, 1.5) for batch in _BATCHES]
        quality = kept.row["quality"]
        drop = quality["reference"] - quality["score"]
        if any(found.low > 1 and found.estimate > _NOISE for found in ratios):
            slower.append(name)
        if drop > (_BUDGET if budget else 0) + 1e-12 or (not budget and quality["label_changes"]):
            over.append(name)
        speeds = " ".join(f"{1 / found.estimate:6.2f}x" for found in ratios)
        print(
            f"{name:<44} {speeds} {kept.smaller:6.1f}x smaller  {kept.row['name'][:60]} ({kept.seconds:.0f} s)",
            flush=True,
        )
    good = len(chosen) - len({*slower, *over, *failed})
    print(f"models: {good} of {len(chosen)} never slower, never over the budget; {_listed(slower, over, failed)}")


def _kept(name: str, folder: Path, budget: tuple[str, ...]) -> Kept:
    model, sample, _ = pipelines.fitted(name)
    return optimised(model, sample, folder, *budget, "--time-budget", "25", "--set", "seconds=1")


def _listed(*kinds: Any) -> str:
    words = ("slower", "over the budget", "failed")
    return "; ".join(f"{word}: {', '.join(names) or 'none'}" for word, names in zip(words, kinds, strict=True))
