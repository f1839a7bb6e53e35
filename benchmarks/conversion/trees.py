"""Tree models where comparisons are tight: cents, timestamps, identifiers, on thresholds and one ulp beside them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from numpy.typing import NDArray
from sklearn import ensemble, tree
from xgboost import XGBClassifier, XGBRegressor

from mlship import graphs, runtime
from mlship.errors import MlshipError
from mlship.originals.adapters import adapted
from mlship.originals.knowledge import know
from mlship.signature import Column, Tensor

ROWS, TRAINED_ON = 40_000, 3000

_CLASSIFIERS: dict[str, Callable[[], Any]] = {
    "DecisionTreeClassifier": lambda: tree.DecisionTreeClassifier(random_state=0),
    "ExtraTreeClassifier": lambda: tree.ExtraTreeClassifier(random_state=0),
    "RandomForestClassifier": lambda: ensemble.RandomForestClassifier(60, random_state=0),
    "RandomForestClassifier, large leaves": lambda: ensemble.RandomForestClassifier(
        60, min_samples_leaf=7, random_state=0
    ),
    "ExtraTreesClassifier": lambda: ensemble.ExtraTreesClassifier(60, random_state=0),
    "GradientBoostingClassifier": lambda: ensemble.GradientBoostingClassifier(n_estimators=40, random_state=0),
    "HistGradientBoostingClassifier": lambda: ensemble.HistGradientBoostingClassifier(max_iter=60, random_state=0),
    "XGBClassifier": lambda: XGBClassifier(n_estimators=60),
    "LGBMClassifier": lambda: LGBMClassifier(n_estimators=60, verbose=-1),
    "CatBoostClassifier": lambda: CatBoostClassifier(60, verbose=0, allow_writing_files=False),
}
_REGRESSORS: dict[str, Callable[[], Any]] = {
    "DecisionTreeRegressor": lambda: tree.DecisionTreeRegressor(random_state=0),
    "ExtraTreeRegressor": lambda: tree.ExtraTreeRegressor(random_state=0),
    "RandomForestRegressor": lambda: ensemble.RandomForestRegressor(60, random_state=0),
    "ExtraTreesRegressor": lambda: ensemble.ExtraTreesRegressor(60, random_state=0),
    "GradientBoostingRegressor": lambda: ensemble.GradientBoostingRegressor(random_state=0),
    "HistGradientBoostingRegressor": lambda: ensemble.HistGradientBoostingRegressor(max_iter=60, random_state=0),
    "XGBRegressor": lambda: XGBRegressor(n_estimators=60),
    "LGBMRegressor": lambda: LGBMRegressor(n_estimators=60, verbose=-1),
    "CatBoostRegressor": lambda: CatBoostRegressor(60, verbose=0, allow_writing_files=False),
}


@dataclass(frozen=True)
class Tight:
    """How one model compares: rows with another label, rows whose numbers are not the same bits, largest difference."""

    name: str
    labels_off: int = 0
    bits_off: int = 0
    largest: float = 0.0
    refused: str = ""

    def line(self) -> str:
        """Say it in one line."""
        if self.refused:
            return f"{self.name:<40} refused: {self.refused}"
        return f"{self.name:<40} {self.labels_off:5} labels off, {self.bits_off:6} not bit-equal, {self.largest:.1e}"


def names() -> list[str]:
    """Return the names of the models."""
    return [*_CLASSIFIERS, *_REGRESSORS]


def compared(name: str, rows: int = ROWS, trained_on: int = TRAINED_ON) -> Tight:
    """Train the model called ``name`` and compare all its answers for ``rows`` rows, in one batch on one thread."""
    features = _features(trained_on, seed=0)
    score = features[:, 0] + np.sin(features[:, 2] / 9e5) + (features[:, 3] % 7) / 7
    target = np.digitize(score, np.quantile(score, [0.3, 0.7])) if name in _CLASSIFIERS else score * 100
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = (_CLASSIFIERS | _REGRESSORS)[name]().fit(features, target)
        hard = _hard_rows(model, rows)
        expected = {output: getattr(model, method)(hard) for output, method in graphs.outputs_of(model).items()}
    columns = [Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(features.shape[1])]
    tensors = [Tensor(name="features", kind="number", width=len(columns))]
    try:
        conversion = graphs.convert(adapted(model), tensors, columns, outputs=tuple(expected))
    except MlshipError as error:
        return Tight(name, refused=error.message)
    session = runtime.Session(conversion.content)
    actual = session.run(session.feed({"features": hard}))
    shaped = {output: np.asarray(values).reshape(actual[output].shape) for output, values in expected.items()}
    return _compared(name, shaped, actual)


def main(only: tuple[str, ...] = ()) -> None:
    """Print a line for each model, then the sums."""
    found = [compared(name) for name in only or names()]
    for item in found:
        print(item.line(), flush=True)
    ours = [item for item in found if not item.name.startswith(("XGB", "LGBM", "Cat"))]
    equal = sum(not item.bits_off and not item.refused for item in ours)
    labels, refused = sum(item.labels_off for item in found), sum(bool(item.refused) for item in found)
    print(f"trees: {labels} labels off in {len(found)} models of {ROWS:,} rows (goal 0), {refused} refused")
    print(f"trees of scikit-learn: {equal} of {len(ours)} bit-equal in all numbers")


def _compared(name: str, expected: dict[str, NDArray[Any]], actual: dict[str, NDArray[Any]]) -> Tight:
    labels, bits, largest = 0, np.zeros(len(next(iter(actual.values()))), dtype=bool), 0.0
    for output, values in expected.items():
        off = np.asarray(values != actual[output]).reshape(len(bits), -1).any(axis=1)
        if values.dtype.kind == "f":
            bits |= off
            largest = max(largest, float(np.abs(values - actual[output]).max()))
        else:
            labels += int(off.sum())
    return Tight(name, labels, int(bits.sum()), largest)


def _features(rows: int, seed: int) -> NDArray[np.float64]:
    """Return rows of: a continuous number, cents, a timestamp, an identifier, a small count."""
    draw = np.random.default_rng(seed)
    return np.column_stack(
        [
            draw.normal(size=rows),
            draw.integers(0, 10_000, rows) / 100,
            1.7e9 + draw.integers(0, 5_000_000, rows),
            draw.integers(2**24, 2**31, rows).astype(np.float64),
            draw.poisson(3, rows),
        ]
    )


def _hard_rows(model: Any, rows: int) -> NDArray[np.float64]:
    """Return fresh rows, then rows whose values lie on thresholds of the model and one step beside them."""
    result = _features(rows, seed=1)
    half = rows // 2
    for column, (name, known) in enumerate(zip("abcde", know(model, list("abcde")), strict=True)):
        on = np.unique(known.thresholds) if known.thresholds else np.unique(_features(half, seed=2)[:, column])
        single = on.astype(np.float32)
        near = [on, np.nextafter(on, np.inf), np.nextafter(on, -np.inf), single.astype(np.float64)]
        near += [np.nextafter(single, np.float32(side)).astype(np.float64) for side in (np.inf, -np.inf)]
        result[half:, column] = np.random.default_rng(ord(name)).choice(np.concatenate(near), size=rows - half)
    return result
