"""Kinds of models of XGBoost, LightGBM and CatBoost, as estimators and as native files, on rows with gaps."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost

from benchmarks.conversion.holdout import Finding, examine
from mlship import gate

ROWS, ASKED, NEAR = 1500, 300, 1e-6

Data = tuple[pd.DataFrame, Any]


def names() -> list[str]:
    """Return the names of all kinds."""
    return list(kinds())


def examined(name: str) -> Finding:
    """Train the kind called ``name``, convert it, and compare answers for rows that it was not checked on."""
    make, (rows, target) = kinds()[name]
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(rows, target)
        if "file" in name:
            model = _through_file(model, Path(place), name.rpartition(" ")[2])
        return examine(name, model, rows[:ASKED], rows[ASKED:].reset_index(drop=True))


def main(only: tuple[str, ...] = ()) -> None:
    """Print each kind's difference or refusal, then the counts."""
    right = wrong = refused = 0
    for name in only or names():
        finding = examined(name)
        right += near(finding)
        refused += finding.grade == "refused"
        wrong += not near(finding) and finding.grade != "refused"
        print(f"{name:<44} {finding.relative:.1e} {finding.grade} {finding.why[:150]}", flush=True)
    print(f"boosters: {right} within {NEAR:g} relative, {wrong} wrong (goal 0), {refused} refused by name")


def near(finding: Finding) -> bool:
    """Say whether labels are equal and numbers near."""
    return finding.grade in ("double", "single") and finding.relative <= NEAR


def _through_file(model: Any, folder: Path, suffix: str) -> Any:
    path = folder / f"model.{suffix}"
    (model.booster_ if hasattr(model, "booster_") else model).save_model(str(path))
    return gate.source_of(path)[1].load(path)


def _numbers(*, classes: int = 0, positive: bool = False, gaps: bool = True) -> Data:
    draw = np.random.default_rng(classes)
    values = np.column_stack(
        [draw.normal(size=(ROWS, 4)), draw.integers(0, 5000, ROWS) / 100, draw.integers(2**24, 2**30, ROWS)]
    )
    score = values[:, 0] + values[:, 1] * values[:, 2] + values[:, 4] / 20 + draw.normal(scale=0.2, size=ROWS)
    if gaps:
        values[:, :3][draw.random((ROWS, 3)) < 0.1] = np.nan
    frame = pd.DataFrame(values, columns=["a", "b [x]", "c<d", "δ", "cents", "id"])
    frame.columns = ["a", "b", "c d", "delta", "cents", "id"]
    if classes:
        return frame, np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
    return frame, np.exp(score / 3) if positive else score * 10


def _categories() -> Data:
    frame, target = _numbers(classes=2)
    draw = np.random.default_rng(5)
    words = draw.choice(["red", "green", "blue", "Zürich", "年龄"], ROWS)
    frame["word"] = pd.Categorical(words)
    return frame, np.where(words == "blue", 1 - target, target)


def _ranks(kind: Any) -> Callable[[Any, Any], Any]:
    return lambda rows, target: kind.fit(rows, target, group=np.full(ROWS // 10, 10))


def _fit(kind: Any, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda rows, target: kind(**options).fit(rows, target)


def _arrays(kind: Any, **options: Any) -> Callable[[Any, Any], Any]:
    return lambda rows, target: kind(**options).fit(rows.to_numpy(), target)


def _stopped(kind: Any, **options: Any) -> Callable[[Any, Any], Any]:
    half, more = ROWS // 2, {"verbose": False} if kind.__module__.startswith("xgboost") else {}
    return lambda rows, target: kind(**options).fit(
        rows[:half], target[:half], eval_set=[(rows[half:], target[half:])], **more
    )


def _xgboost() -> dict[str, tuple[Any, Data]]:
    two, many, real, positive = _numbers(classes=2), _numbers(classes=4), _numbers(), _numbers(positive=True)
    classifier, regressor = xgboost.XGBClassifier, xgboost.XGBRegressor
    few = {"n_estimators": 25}
    steady = {"booster": "gblinear", "updater": "coord_descent"}  # the default trains otherwise each time
    pair = real[0], np.c_[real[1], real[1] ** 2]
    found: dict[str, tuple[Any, Data]] = {
        "two classes": (_fit(classifier, **few), two),
        "two classes, arrays": (_arrays(classifier, **few), two),
        "four classes": (_fit(classifier, **few), many),
        "dart": (_fit(classifier, booster="dart", rate_drop=0.3, **few), two),
        "linear": (_fit(classifier, **steady, **few), _numbers(classes=2, gaps=False)),
        "linear regressor": (_fit(regressor, **steady, **few), _numbers(gaps=False)),
        "forest": (_fit(xgboost.XGBRFClassifier, **few), two),
        "forest regressor": (_fit(xgboost.XGBRFRegressor, **few), real),
        "parallel trees": (_fit(regressor, num_parallel_tree=4, **few), real),
        "ranker": (_ranks(xgboost.XGBRanker(**few)), two),
        "two targets": (_fit(regressor, **few), pair),
        "two targets, vector leaves": (_fit(regressor, multi_strategy="multi_output_tree", **few), pair),
        "stopped early": (_stopped(classifier, n_estimators=200, early_stopping_rounds=3), two),
        "base score": (_fit(regressor, base_score=17.5, **few), real),
        "missing is 0": (_fit(regressor, missing=0.0, **few), (real[0].fillna(0.0), real[1])),
        "categories": (_fit(classifier, enable_categorical=True, **few), _categories()),
    }
    for objective in ("poisson", "gamma", "tweedie"):
        name = "count:poisson" if objective == "poisson" else f"reg:{objective}"
        found[name] = _fit(regressor, objective=name, **few), positive
    for name in ("reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror"):
        found[name] = _fit(regressor, objective=name, **few), positive
    found["reg:quantileerror"] = _fit(regressor, objective="reg:quantileerror", quantile_alpha=[0.1, 0.9], **few), real
    for name in ("binary:hinge", "binary:logitraw"):
        found[name] = _fit(classifier, objective=name, **few), two
    for suffix in ("json", "ubj"):
        found[f"file .{suffix}"] = _fit(classifier, **few), two
        found[f"regressor file .{suffix}"] = _fit(regressor, **few), real
    return found


def _lightgbm() -> dict[str, tuple[Any, Data]]:
    two, many, real, positive = _numbers(classes=2), _numbers(classes=4), _numbers(), _numbers(positive=True)
    classifier, regressor = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor
    few: dict[str, Any] = {"n_estimators": 25, "verbose": -1}
    sampled = {"subsample": 0.5, "subsample_freq": 1}
    found: dict[str, tuple[Any, Data]] = {
        "two classes": (_fit(classifier, **few), two),
        "two classes, arrays": (_arrays(classifier, **few), two),
        "four classes": (_fit(classifier, **few), many),
        "one against all": (_fit(classifier, objective="multiclassova", **few), many),
        "regressor": (_fit(regressor, **few), real),
        "dart": (_fit(classifier, boosting_type="dart", **few), two),
        "random forest": (_fit(classifier, boosting_type="rf", **sampled, **few), two),
        "random forest regressor": (_fit(regressor, boosting_type="rf", **sampled, **few), real),
        "goss": (_fit(classifier, data_sample_strategy="goss", **few), two),
        "ranker": (_ranks(lightgbm.LGBMRanker(**few)), two),
        "categories": (_fit(classifier, **few), _categories()),
        "zero as missing": (_fit(regressor, zero_as_missing=True, **few), (real[0].fillna(0.0), real[1])),
        "missing not used": (_fit(regressor, use_missing=False, **few), real),
        "linear leaves": (_fit(regressor, linear_tree=True, **few), _numbers(gaps=False)),
        "square root": (_fit(regressor, reg_sqrt=True, **few), real),
        "stopped early": (_stopped(classifier, early_stopping_round=3, **(few | {"n_estimators": 200})), two),
        "file .txt": (_fit(classifier, **few), two),
        "four classes file .txt": (_fit(classifier, **few), many),
    }
    for name in ("poisson", "gamma", "tweedie", "l1", "huber", "fair", "quantile", "mape"):
        found[name] = _fit(regressor, objective=name, **few), positive
    for name in ("cross_entropy", "cross_entropy_lambda"):
        found[name] = _fit(regressor, objective=name, **few), (two[0], two[1].astype(float))
    return found


def _catboost() -> dict[str, tuple[Any, Data]]:
    two, many, real, positive = _numbers(classes=2), _numbers(classes=4), _numbers(), _numbers(positive=True)
    classifier, regressor = catboost.CatBoostClassifier, catboost.CatBoostRegressor
    few: dict[str, Any] = {"iterations": 25, "verbose": 0, "allow_writing_files": False}
    words = _categories()
    pair = real[0], np.c_[real[1], real[1] ** 2]
    return {
        "two classes": (_fit(classifier, **few), two),
        "two classes, arrays": (_arrays(classifier, **few), two),
        "four classes": (_fit(classifier, **few), many),
        "one against all": (_fit(classifier, loss_function="MultiClassOneVsAll", **few), many),
        "regressor": (_fit(regressor, **few), real),
        "poisson": (_fit(regressor, loss_function="Poisson", **few), positive),
        "quantile": (_fit(regressor, loss_function="Quantile:alpha=0.9", **few), real),
        "cross entropy": (_fit(classifier, loss_function="CrossEntropy", **few), two),
        "two targets": (_fit(regressor, loss_function="MultiRMSE", **few), pair),
        "depthwise trees": (_fit(classifier, grow_policy="Depthwise", **few), two),
        "lossguide trees": (_fit(regressor, grow_policy="Lossguide", **few), real),
        "categories": (_fit(classifier, cat_features=["word"], **few), (words[0].astype({"word": str}), words[1])),
        "categories, one-hot": (
            _fit(classifier, cat_features=["word"], one_hot_max_size=10, **few),
            (words[0].astype({"word": str}), words[1]),
        ),
        "ranker": (
            lambda rows, target: catboost.CatBoostRanker(loss_function="YetiRank", **few).fit(
                rows, target, group_id=np.repeat(np.arange(ROWS // 10), 10)
            ),
            two,
        ),
        "stopped early": (_stopped(classifier, early_stopping_rounds=3, **(few | {"iterations": 200})), two),
        "file .cbm": (_fit(classifier, **few), two),
        "regressor file .cbm": (_fit(regressor, **few), real),
    }


def kinds() -> dict[str, tuple[Any, Data]]:
    """Return how to train each kind, and on what."""
    libraries = {"xgboost": _xgboost(), "lightgbm": _lightgbm(), "catboost": _catboost()}
    return {f"{library} {name}": kind for library, group in libraries.items() for name, kind in group.items()}
