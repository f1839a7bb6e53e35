"""All estimators of scikit-learn that answer for new rows, on every data set that ships with it and that they fit."""

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn import datasets, linear_model, preprocessing, svm
from sklearn.base import is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # two more searches
from sklearn.utils import all_estimators

from benchmarks.conversion.holdout import Finding, examine

TRAINED_ON = 300  # rows; the others are held out
ASKED = 200  # rows that the conversion is checked on, of those trained on
#: Fewer where each row becomes 2**20 numbers.
ASKED_OF = {"HashingVectorizer": 30}

SETS = {
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
    "linnerud": datasets.load_linnerud,
}
#: Sets whose target is a measure: a classifier would take each value for a class of its own.
_MEASURES = ("diabetes", "linnerud")

_SEVERAL_TARGETS = {
    "CCA", "MultiOutputRegressor", "MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV",
    "PLSCanonical", "PLSSVD", "RegressorChain",
}  # fmt: skip


def names() -> list[str]:
    """Return the names of the estimators that have predict or transform."""
    return list(kinds())


def kinds() -> dict[str, type[Any]]:
    """Return the classes of the estimators that have predict or transform."""
    return {name: kind for name, kind in all_estimators() if hasattr(kind, "predict") or hasattr(kind, "transform")}


def findings(only: tuple[str, ...] = (), *, first: bool = False) -> Iterator[tuple[str, list[Finding]]]:
    """Yield each estimator's name and what became of it, by data set; with ``first`` only the first that it fits."""
    for name in only or names():
        found = []
        for data, (rows, target) in data_for(name).items():
            model = fitted(kinds()[name], rows[:TRAINED_ON], None if target is None else target[:TRAINED_ON])
            if model is None or (is_classifier(model) and data in _MEASURES):
                continue
            fresh = rows[TRAINED_ON:] if len(rows) > TRAINED_ON + 10 else rows[-10:]
            asked = rows[: ASKED_OF.get(name, ASKED)]
            found.append(examine(f"{name} on {data}", model, asked, fresh))
            if first:
                break
        yield name, found


def data_for(name: str) -> dict[str, tuple[Any, Any]]:
    """Return rows and target by data set, shuffled, in the form that the estimator takes."""
    if name in ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer"):
        lines = [line for load in SETS.values() for line in load().DESCR.splitlines() if line.strip()]
        return {"descriptions": (np.array(lines, dtype=object), None)}
    result = {}
    for data, load in SETS.items():
        rows, target = load(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(rows))
        rows, target = rows[order].astype(np.float64), target[order]
        if name == "IsotonicRegression":
            rows = rows[:, 2]
        elif name in ("LabelBinarizer", "LabelEncoder"):
            rows = target
        elif name == "MultiLabelBinarizer":
            rows = target[:, None]
        elif name == "KernelCenterer":
            rows = rows @ rows[:TRAINED_ON].T
        elif name == "CategoricalNB" and data != "digits":
            rows = np.floor(np.abs(rows))
        elif name == "MissingIndicator":
            rows[::7, ::2] = np.nan
        if name in ("ClassifierChain", "MultiOutputClassifier") and target.ndim == 1:
            target = np.c_[target == 0, target == 1].astype(int)
        elif name in _SEVERAL_TARGETS and target.ndim == 1:
            target = np.c_[target, rows[:, 0] * 2.0]
        result[data] = rows, target
    return result


def fitted(kind: type[Any], rows: Any, target: Any) -> Any:
    """Return an instance with small parts, fitted; None where it does not fit this data set."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return _made(kind, rows.shape[1] if rows.ndim > 1 else 1).fit(rows, target)
        except (ValueError, TypeError, AttributeError, NotImplementedError, np.linalg.LinAlgError):
            return None


def _made(kind: type[Any], width: int) -> Any:
    name, wanted = kind.__name__, inspect.signature(kind).parameters
    regresses = "Regress" in name
    inner = linear_model.Ridge() if regresses else linear_model.LogisticRegression()
    scaler = preprocessing.StandardScaler()
    given: dict[str, Any] = {
        "estimator": linear_model.LogisticRegression() if not regresses else linear_model.Ridge(),
        "estimators": [("one", inner), ("two", svm.SVR() if regresses else svm.SVC())],
        "transformers": [("one", scaler, slice(0, 2)), ("two", preprocessing.MinMaxScaler(), slice(2, None))],
        "transformer_list": [("one", scaler), ("two", preprocessing.MinMaxScaler())],
        "steps": [("one", scaler), ("two", inner)],
        "param_grid": {"C": [0.1, 1.0]},
        "param_distributions": {"C": [0.1, 1.0]},
        "dictionary": np.random.default_rng(0).normal(size=(3, width)),
        "random_state": 0,
    }
    if name in ("RANSACRegressor", "AdaBoostRegressor", "AdaBoostClassifier", "BaggingRegressor", "BaggingClassifier"):
        given["estimator"] = None  # its own default
    if name in ("RFE", "RFECV", "SelectFromModel", "SequentialFeatureSelector"):
        given["estimator"] = linear_model.Ridge()
    if name == "SelfTrainingClassifier":
        given["estimator"] = linear_model.LogisticRegression()
    if name in ("GaussianRandomProjection", "SparseRandomProjection"):
        given["n_components"] = 2
    if name == "RadiusNeighborsClassifier":
        given |= {"radius": 50.0, "outlier_label": 0}
    if name == "RadiusNeighborsRegressor":
        given["radius"] = 50.0
    if "Dictionary" in name or "SparsePCA" in name:  # minutes otherwise
        given |= {"n_components": 4, "max_iter": 20}
    if name == "SequentialFeatureSelector":
        given["n_features_to_select"] = 2
    if name == "LocalOutlierFactor":
        given["novelty"] = True
    return kind(**{key: value for key, value in given.items() if key in wanted})


def main(only: tuple[str, ...] = ()) -> None:
    """Print what fails, then how many estimators are equal in double on every data set that they fit."""
    exact = wrong = count = 0
    for name, found in findings(only):
        count += 1
        exact += bool(found) and all(finding.grade == "double" for finding in found)
        wrong += sum(finding.grade == "wrong" for finding in found)
        for finding in found:
            if finding.grade != "double" or only:
                print(finding.line(), flush=True)
        if not found:
            print(f"{name:<44} fits none of the data sets")
    print(f"estimators: {exact} of {count} equal in double (goal 170); {wrong} silently wrong (goal 0)")
