"""Small fitted models of every kind: what the allow-list is generated from, and what the tests of the gate save."""

import functools
import inspect
import io
import pickle
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from sklearn import compose, ensemble, gaussian_process, impute, model_selection, neighbors, pipeline, preprocessing
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.utils import all_estimators

_ROWS = 40


def estimators() -> Iterator[tuple[str, Any]]:
    """Yield name and fitted instance of all estimators of scikit-learn that fit one of a few small data sets."""
    for name, kind in all_estimators():
        for features, target in _data():
            fitted = _fitted(kind, features, target)
            if fitted is not None:
                yield name, fitted
                break


def compositions() -> Iterator[tuple[str, Any]]:
    """Yield name and fitted instance of models as people compose them, trained on frames, text and numbers."""
    frame, labels = _frame(), _data()[0][1]
    for name, model in _on_frames(frame).items():
        yield name, model.fit(frame, labels)
    for name, model in _on_numbers().items():
        yield name, model.fit(_data()[0][0], labels)
    yield "text", pipeline.make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(_words(), labels)


def other_libraries() -> Iterator[tuple[str, Any]]:
    """Yield name and fitted model of boosting libraries and of statsmodels, as far as they are installed."""
    frame = pd.DataFrame(_data()[0][0][:, :3], columns=["a", "b", "c"])
    labels = _data()[0][1]
    for library, make in (("xgboost", _xgboost), ("lightgbm", _lightgbm), ("catboost", _catboost)):
        if find_spec(library) is not None:
            yield from make(frame, labels)
    if find_spec("statsmodels") is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield from _statsmodels(frame, labels)
    for function in (functools.partial(np.clip, a_min=0, a_max=1), functools.partial(np.power, 2)):
        yield f"partial {function.func.__name__}", preprocessing.FunctionTransformer(function).fit(frame)


def _xgboost(frame: pd.DataFrame, labels: Any) -> Iterator[tuple[str, Any]]:
    import xgboost

    few = {"n_estimators": 2, "n_jobs": 1}
    categories = frame.assign(town=pd.Categorical(["Bern", "Basel"] * (_ROWS // 2)))
    classifier = xgboost.XGBClassifier(**few).fit(frame, labels)
    stopped = xgboost.XGBRegressor(early_stopping_rounds=2, **few)
    yield "xgboost classifier", classifier
    yield "xgboost booster", classifier.get_booster()
    yield "xgboost regressor", stopped.fit(frame, labels, eval_set=[(frame, labels)], verbose=False)
    yield "xgboost ranker", xgboost.XGBRanker(**few).fit(frame, labels, group=[_ROWS])
    yield "xgboost forests", xgboost.XGBRFClassifier(**few).fit(frame, labels)
    yield "xgboost forest", xgboost.XGBRFRegressor(**few).fit(frame, labels)
    yield "xgboost categories", xgboost.XGBClassifier(enable_categorical=True, **few).fit(categories, labels)
    yield "xgboost last", pipeline.make_pipeline(preprocessing.StandardScaler(), classifier).fit(frame, labels)


def _lightgbm(frame: pd.DataFrame, labels: Any) -> Iterator[tuple[str, Any]]:
    import lightgbm

    few = {"n_estimators": 2, "verbose": -1, "n_jobs": 1}
    categories = frame.assign(town=pd.Categorical(["Bern", "Basel"] * (_ROWS // 2)))
    yield "lightgbm classifier", lightgbm.LGBMClassifier(**few).fit(frame, labels)
    yield "lightgbm words", lightgbm.LGBMClassifier(**few).fit(frame, np.array(["a", "b"])[labels])
    yield "lightgbm regressor", lightgbm.LGBMRegressor(**few).fit(frame, labels)
    yield "lightgbm booster", lightgbm.LGBMRegressor(**few).fit(frame, labels).booster_
    yield "lightgbm ranker", lightgbm.LGBMRanker(**few).fit(frame, labels, group=[_ROWS])
    yield "lightgbm categories", lightgbm.LGBMClassifier(**few).fit(categories, labels)


def _catboost(frame: pd.DataFrame, labels: Any) -> Iterator[tuple[str, Any]]:
    import catboost

    few = {"iterations": 2, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    yield "catboost classifier", catboost.CatBoostClassifier(**few).fit(frame, labels)
    yield "catboost regressor", catboost.CatBoostRegressor(**few).fit(frame, labels, eval_set=(frame, labels))
    yield "catboost ranker", catboost.CatBoostRanker(**few).fit(frame, labels, group_id=np.arange(_ROWS) // 8)
    yield "catboost plain", catboost.CatBoost({"loss_function": "RMSE", **few}).fit(frame, labels)


def _statsmodels(frame: pd.DataFrame, labels: Any) -> Iterator[tuple[str, Any]]:
    import statsmodels.api as sm
    import statsmodels.formula.api as formulas

    target, rows, families = frame["a"], sm.add_constant(frame[["b", "c"]]), sm.families
    for kind in (sm.OLS, sm.WLS, sm.GLS, sm.GLSAR, sm.QuantReg, sm.RLM):
        yield f"statsmodels {kind.__name__}", kind(target, rows).fit()
    for kind in (sm.Logit, sm.Probit, sm.Poisson, sm.NegativeBinomial):
        yield f"statsmodels {kind.__name__}", kind(labels, rows).fit(disp=0)
    yield "statsmodels MNLogit", sm.MNLogit(labels + (frame["b"] > 0.6), rows).fit(disp=0)
    for family in (families.Binomial(), families.Poisson(), families.Gamma(families.links.Log()), families.Gaussian()):
        given = labels if isinstance(family, families.Binomial) else target
        yield f"statsmodels GLM {type(family).__name__}", sm.GLM(given, rows, family=family).fit()
    yield "statsmodels arrays", sm.OLS(target.to_numpy(), rows.to_numpy()).fit()
    yield "statsmodels without data", _without_data(sm.OLS(target, rows).fit())
    words = frame.assign(town=["Bern", "Basel"] * (_ROWS // 2))
    formula = "a ~ b * C(town) + np.log1p(c) + I(b ** 2)"
    yield "statsmodels formula", formulas.ols(formula, words).fit()


def _without_data(results: Any) -> Any:
    stream = io.BytesIO()
    results.save(stream, remove_data=True)
    return pickle.loads(stream.getvalue())  # noqa: S301  # was saved the line before


def _on_frames(frame: pd.DataFrame) -> dict[str, Any]:
    numbers = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    texts = pipeline.make_pipeline(
        impute.SimpleImputer(strategy="most_frequent"), preprocessing.OneHotEncoder(handle_unknown="ignore")
    )
    numeric = ["age", "fare paid"]
    lists = compose.ColumnTransformer([("n", numbers, numeric), ("t", texts, ["town"])])
    indexes = compose.ColumnTransformer(
        [("n", numbers, frame[numeric].columns), ("t", texts, frame[["town"]].columns)],
    )
    selectors = compose.make_column_transformer(
        (numbers, compose.make_column_selector(dtype_include=np.number)),
        (texts, compose.make_column_selector(dtype_exclude=np.number)),
    )
    ordinals = compose.make_column_transformer((preprocessing.OrdinalEncoder(dtype=np.float32), ["size"]))
    # what pandas writes for column names where pyarrow is not installed
    plain = compose.ColumnTransformer([("n", numbers, pd.Index(numeric, dtype="string[python]"))])
    named = {"lists": lists, "indexes": indexes, "plain indexes": plain, "selectors": selectors, "ordinals": ordinals}
    return {name: pipeline.make_pipeline(prepare, LogisticRegression()) for name, prepare in named.items()} | {
        "hist categories": pipeline.make_pipeline(
            compose.make_column_transformer((preprocessing.OrdinalEncoder(), ["size"]), remainder="drop"),
            ensemble.HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]),
        ),
        "pandas output": clone(lists).set_output(transform="default"),
    }


def _on_numbers() -> dict[str, Any]:
    kernels, search = gaussian_process.kernels, model_selection
    kernel = kernels.ConstantKernel() * kernels.RBF() + kernels.WhiteKernel() + kernels.Matern() * kernels.DotProduct()
    continuous = {"C": scipy.stats.loguniform(1e-2, 1e2), "tol": scipy.stats.uniform(1e-5, 1e-4)}
    return {
        "log1p": pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p, np.expm1), LogisticRegression()),
        "kernel": gaussian_process.GaussianProcessRegressor(kernel, optimizer=None),
        "grid": search.GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=search.StratifiedKFold(2)),
        "continuous": search.RandomizedSearchCV(LogisticRegression(), continuous, n_iter=2, cv=2, random_state=0),
        "discrete": search.RandomizedSearchCV(
            neighbors.KNeighborsClassifier(), {"n_neighbors": scipy.stats.randint(1, 5)}, n_iter=2, cv=2
        ),
        "scorer": search.GridSearchCV(
            LogisticRegression(), {"C": [1.0]}, scoring=make_scorer(f1_score, average="macro"), cv=search.KFold(2)
        ),
        "stacking": ensemble.StackingClassifier([("a", LogisticRegression()), ("b", neighbors.KNeighborsClassifier())]),
        "random state": ensemble.RandomForestClassifier(2, random_state=np.random.RandomState(0)),
        "union": pipeline.make_union(preprocessing.StandardScaler(), preprocessing.QuantileTransformer(n_quantiles=5)),
    } | {
        f"metric {metric}, {algorithm}": neighbors.KNeighborsClassifier(metric=metric, algorithm=algorithm)
        for metric in ("manhattan", "chebyshev", "euclidean", "canberra")
        for algorithm in ("ball_tree", "brute")
    }


def _data() -> list[tuple[Any, Any]]:
    random = np.random.default_rng(0)
    numbers = random.random((_ROWS, 6)) + 0.1
    labels = (numbers[:, 0] > 0.6).astype(int)
    return [
        (numbers, labels),
        (numbers, np.c_[labels, 1 - labels]),
        (_words(), labels),
        ([{"a": 1.0, "b": 2.0}] * _ROWS, labels),
        (numbers[:, :2], numbers[:, 2:4]),
        (numbers, numbers[:, 0]),
        (numbers[:, 0], labels),
        (numbers[:, 0], None),
        (labels, None),
        ([[label] for label in labels], None),
        (numbers @ numbers.T, labels),
    ]


def _words() -> list[str]:
    return ["ein Haus am See", "a house by the lake", "дом возле озера", "湖边 的 房子"] * (_ROWS // 4)


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"age": random.random(_ROWS), "fare paid": random.random(_ROWS)})
    frame.loc[3, "age"] = np.nan
    frame["town"] = ["Bern", "Basel", np.nan, "Zürich"] * (_ROWS // 4)
    frame["size"] = pd.Categorical(["s", "m", "l", "m"] * (_ROWS // 4))
    return frame


def _made(kind: type[Any]) -> Any:
    """Make an instance with small parts for the parameters that have no default."""
    wanted = inspect.signature(kind).parameters
    inner = Ridge() if "Regressor" in kind.__name__ else LogisticRegression()
    scaler = preprocessing.StandardScaler()
    given = {
        "estimators": [("inner", inner)],
        "transformers": [("inner", scaler, [0, 1])],
        "transformer_list": [("inner", scaler)],
        "steps": [("inner", inner)],
        "param_grid": {"tol": [1e-3, 1e-4]},
        "param_distributions": {"tol": [1e-3, 1e-4]},
        "dictionary": np.eye(6),
        "n_estimators": 3,
    }
    arguments = {name: value for name, value in given.items() if name in wanted}
    if "RandomProjection" in kind.__name__:
        arguments["n_components"] = 2
    if kind.__name__ == "FrozenEstimator":
        arguments["estimator"] = inner.fit(*_data()[0])
    elif kind.__name__ == "SelfTrainingClassifier" or _required(wanted.get("estimator")):
        arguments["estimator"] = inner
    return kind(**arguments)


def _required(parameter: inspect.Parameter | None) -> bool:
    return parameter is not None and parameter.default is inspect.Parameter.empty


def _fitted(model: Any, features: Any, target: Any) -> Any:
    """Fit an estimator, or one of a class; None when the data is not for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = _made(model) if isinstance(model, type) else model
            if "random_state" in model.get_params():
                model.set_params(random_state=0)  # what a file imports may depend on chance
            return model.fit(features) if target is None else model.fit(features, target)
        except (ValueError, TypeError, AttributeError, IndexError):
            return None
