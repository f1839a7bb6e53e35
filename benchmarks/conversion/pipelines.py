"""Pipelines as people train them, converted with a CSV and no option, and asked about rows they never saw."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn import (
    calibration,
    cluster,
    compose,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    kernel_approximation,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    pipeline,
    preprocessing,
    svm,
    tree,
)  # fmt: skip
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from xgboost import XGBClassifier, XGBRegressor

from benchmarks.conversion import tables
from benchmarks.conversion.holdout import Finding, examine

TRAINED_ON = 0.6  # share of the rows; the others are held out

Recipe = tuple[Callable[[], tables.Labelled], Callable[[], Any]]

_NUMBERS, _WORDS = compose.make_column_selector(dtype_include=np.number), compose.make_column_selector(
    dtype_exclude=[np.number, bool]
)  # fmt: skip
_line, _columns = pipeline.make_pipeline, compose.make_column_transformer
_logistic = linear_model.LogisticRegression
_scaler, _imputer = preprocessing.StandardScaler, impute.SimpleImputer


def names() -> list[str]:
    """Return the names of all pipelines."""
    return list(_RECIPES)


def fitted(name: str) -> tuple[Any, Any, Any]:
    """Return a fitted pipeline, its sample, and rows that were held out."""
    table, make = _RECIPES[name]
    rows, target = table()
    if name.startswith("texts alone"):
        rows = rows["text"]
    cut = int(len(rows) * TRAINED_ON)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        model = make()
        model.fit(rows.iloc[:cut], target.iloc[:cut])
    return model, rows.iloc[:cut], rows.iloc[cut:].reset_index(drop=True)


def findings(only: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Yield what became of each pipeline."""
    for name in only or names():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield examine(name, *fitted(name))


def main(only: tuple[str, ...] = ()) -> None:
    """Print what fails, then how many pipelines are equal."""
    found = list(findings(only))
    for finding in found:
        if finding.grade not in ("double", "single") or only:
            print(finding.line(), flush=True)
    equal = sum(finding.grade in ("double", "single") for finding in found)
    wrong = sum(finding.grade == "wrong" for finding in found)
    slowest = max(found, key=lambda finding: finding.seconds)
    print(f"pipelines: {equal} of {len(found)} equal (goal 85 of 90); {wrong} silently wrong (goal 0)")
    print(f"slowest: {slowest.name}, {slowest.seconds:.1f} s (goal 10)")


def _words_one_hot(**options: Any) -> Any:
    return _line(
        _imputer(strategy="most_frequent"), preprocessing.OneHotEncoder(**{"handle_unknown": "ignore", **options})
    )


def _textbook(last: Any, number: Any = None, word: Any = None) -> Any:
    number = number if number is not None else _line(_imputer(strategy="median"), _scaler())
    prepare = compose.ColumnTransformer(
        [("numbers", number, _NUMBERS), ("words", word if word is not None else _words_one_hot(), _WORDS)]
    )
    return pipeline.Pipeline([("prepare", prepare), ("model", last)])


def _mixed(last: Any, **options: Any) -> Any:
    """Ordered codes for words, numbers and booleans as they are."""
    encoder = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, **options)
    return _line(_columns((encoder, _WORDS), remainder="passthrough"), last)


def _filled(*steps: Any) -> Any:
    return _line(_imputer(), *steps)


def _reviews(*parts: Any, last: Any = None) -> Any:
    return _line(_columns(*parts), last if last is not None else _logistic(max_iter=300))


def _two(table: tables.Labelled) -> tables.Labelled:
    rows, target = table
    return rows, pd.DataFrame({"first": target, "second": target * 2 + rows.iloc[:, 0]})


def _two_labels(table: tables.Labelled) -> tables.Labelled:
    rows, target = table
    return rows, pd.DataFrame({"first": target, "second": (rows.iloc[:, 0] > 0).astype(int)})


def _categories(table: tables.Labelled) -> tables.Labelled:
    rows, target = table
    return rows.astype({name: "category" for name in rows if rows[name].dtype.kind not in "biuf"}), target


def _coded(table: tables.Labelled) -> tables.Labelled:
    """XGBoost takes numbers of classes only."""
    return table[0], table[1].astype("category").cat.codes


def _forest(count: int = 30, **options: Any) -> Any:
    return ensemble.RandomForestClassifier(count, random_state=0, **options)


def _passengers() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "textbook, logistic regression", lambda: _textbook(_logistic())
    yield "textbook, random forest", lambda: _textbook(_forest())
    yield "textbook, gradient boosting", lambda: _textbook(ensemble.GradientBoostingClassifier(random_state=0))
    yield "textbook, xgboost after a sparse encoder", lambda: _textbook(XGBClassifier(n_estimators=30))
    yield "textbook, lightgbm", lambda: _textbook(LGBMClassifier(n_estimators=30, verbose=-1))
    yield "textbook, catboost", lambda: _textbook(CatBoostClassifier(30, verbose=0, allow_writing_files=False))
    yield "textbook, svc with rbf", lambda: _textbook(svm.SVC())
    yield "textbook, neighbours", lambda: _textbook(neighbors.KNeighborsClassifier())
    yield "textbook, mlp", lambda: _textbook(neural_network.MLPClassifier((32,), max_iter=50, random_state=0))
    yield "textbook, linear svc, calibrated", lambda: calibration.CalibratedClassifierCV(_textbook(svm.LinearSVC()))
    yield (
        "indicators of what is missing",
        lambda: _textbook(_logistic(), _line(_imputer(add_indicator=True), _scaler())),
    )
    yield (
        "a word for what is missing",
        lambda: _textbook(
            _logistic(),
            word=_line(
                _imputer(strategy="constant", fill_value="?"), preprocessing.OneHotEncoder(handle_unknown="ignore")
            ),
        ),
    )
    yield (
        "missing is a category",
        lambda: _textbook(_logistic(), word=preprocessing.OneHotEncoder(handle_unknown="ignore")),
    )
    yield (
        "rare towns together",
        lambda: _textbook(_forest(), word=_words_one_hot(min_frequency=40, handle_unknown="infrequent_if_exist")),
    )
    yield "first category dropped", lambda: _textbook(_logistic(), word=_words_one_hot(drop="first"))
    yield "iterative imputer", lambda: _textbook(_logistic(), _line(impute.IterativeImputer(random_state=0), _scaler()))
    yield "knn imputer", lambda: _textbook(_logistic(), _line(_scaler(), impute.KNNImputer(n_neighbors=3)))
    yield (
        "target encoder",
        lambda: _textbook(
            _logistic(), word=_line(_imputer(strategy="most_frequent"), preprocessing.TargetEncoder(random_state=0))
        ),
    )
    yield (
        "ordinal codes, hist gradient boosting",
        lambda: _mixed(ensemble.HistGradientBoostingClassifier(max_iter=30), encoded_missing_value=-2),
    )
    yield (
        "ordinal codes, categorical splits",
        lambda: _mixed(
            ensemble.HistGradientBoostingClassifier(max_iter=30, categorical_features=[0, 1, 2]),
            encoded_missing_value=np.nan,
        ),
    )
    yield "ordinal codes, xgboost with gaps", lambda: _mixed(XGBClassifier(n_estimators=30), encoded_missing_value=-2)
    yield (
        "ordinal codes, lightgbm with gaps",
        lambda: _mixed(LGBMClassifier(n_estimators=30, verbose=-1), encoded_missing_value=-2),
    )
    yield (
        "grid search over a pipeline",
        lambda: model_selection.GridSearchCV(_textbook(_logistic()), {"model__C": [0.1, 1, 10]}, cv=3),
    )
    yield (
        "random search over a forest",
        lambda: model_selection.RandomizedSearchCV(
            _textbook(_forest()), {"model__max_depth": [2, 4, 8]}, n_iter=2, cv=2, random_state=0
        ),
    )
    yield (
        "halving search",
        lambda: model_selection.HalvingGridSearchCV(
            _textbook(_logistic()), {"model__C": [0.1, 1]}, cv=2, random_state=0
        ),
    )
    yield "threshold tuned", lambda: model_selection.TunedThresholdClassifierCV(_textbook(_logistic()), cv=3)
    yield "threshold fixed", lambda: model_selection.FixedThresholdClassifier(_textbook(_forest()), threshold=0.3)
    yield (
        "stacking over column transformers",
        lambda: ensemble.StackingClassifier(
            [("a", _textbook(_logistic())), ("b", _textbook(_forest(10)))], _logistic(), cv=3
        ),
    )
    yield (
        "voting, soft",
        lambda: ensemble.VotingClassifier(
            [("a", _textbook(_logistic())), ("b", _textbook(_forest(10)))], voting="soft", weights=[2, 1]
        ),
    )
    yield (
        "voting, hard",
        lambda: _textbook(
            ensemble.VotingClassifier([("a", _logistic()), ("b", _forest(10)), ("c", naive_bayes.GaussianNB())])
        ).set_params(prepare__sparse_threshold=0),
    )
    yield "selected by chi2", lambda: _line(
        _textbook("passthrough", _line(_imputer(), preprocessing.MinMaxScaler())),
        feature_selection.SelectKBest(feature_selection.chi2, k=5), _logistic(),
    )  # fmt: skip
    yield (
        "selected from a forest",
        lambda: _line(_textbook("passthrough"), feature_selection.SelectFromModel(_forest(10)), _logistic()),
    )
    yield "pandas between the steps", lambda: _line(
        _columns((_imputer(), _NUMBERS), (_words_one_hot(sparse_output=False), _WORDS), verbose_feature_names_out=False)
        .set_output(transform="pandas"),
        _columns((_scaler(), ["age", "fare paid"]), remainder="passthrough"), _logistic(),
    )  # fmt: skip
    yield "log of money", lambda: _line(
        _columns(
            (_line(_imputer(), preprocessing.FunctionTransformer(np.log1p), _scaler()), ["fare paid"]),
            (_words_one_hot(), ["sex", "embarked"]), ("passthrough", ["pclass", "sibsp"]),
        ), _logistic(),
    )  # fmt: skip
    yield (
        "age in bins",
        lambda: _line(
            _columns((_line(_imputer(), preprocessing.KBinsDiscretizer(4)), ["age"]), (_words_one_hot(), ["sex"])),
            _logistic(),
        ),
    )
    yield "naive bayes over a union", lambda: _line(
        _textbook("passthrough").set_params(prepare__sparse_threshold=0),
        pipeline.make_union(decomposition.PCA(3), feature_selection.SelectKBest(k=3)), naive_bayes.GaussianNB(),
    )  # fmt: skip


def _customers() -> Iterator[tuple[str, Callable[[], Any]]]:
    encoder = preprocessing.OneHotEncoder
    yield (
        "booleans through, words as answer",
        lambda: _line(
            _columns((encoder(handle_unknown="ignore"), _WORDS), remainder="passthrough"), _logistic(max_iter=500)
        ),
    )
    yield (
        "rare categories, extra trees",
        lambda: _line(
            _columns(
                (encoder(max_categories=8, handle_unknown="infrequent_if_exist"), _WORDS), remainder="passthrough"
            ),
            ensemble.ExtraTreesClassifier(20, random_state=0),
        ),
    )
    yield "binary columns halved", lambda: _line(
        _columns((encoder(drop="if_binary", handle_unknown="ignore"), ["contract", "payment"]),
                 (_scaler(), ["tenure", "monthly charges ($)"]), ("passthrough", ["paperless"])),
        svm.LinearSVC(),
    )  # fmt: skip
    yield (
        "svc, probabilities by calibration",
        lambda: calibration.CalibratedClassifierCV(_textbook(svm.SVC(), _scaler()), cv=2, ensemble=False),
    )
    yield (
        "isotonic calibration of a forest",
        lambda: calibration.CalibratedClassifierCV(_textbook(_forest(10), _scaler()), method="isotonic", cv=2),
    )
    yield (
        "bagging",
        lambda: _textbook(ensemble.BaggingClassifier(_logistic(), 5, max_features=0.7, random_state=0), _scaler()),
    )
    yield "adaboost", lambda: _textbook(ensemble.AdaBoostClassifier(n_estimators=20, random_state=0), _scaler())
    yield "ridge classifier", lambda: _textbook(linear_model.RidgeClassifierCV(), _scaler())
    yield (
        "sgd with modified huber",
        lambda: _textbook(linear_model.SGDClassifier(loss="modified_huber", random_state=0), _scaler()),
    )
    yield "complement naive bayes", lambda: _textbook(naive_bayes.ComplementNB(), preprocessing.MinMaxScaler())
    yield "frozen preparation", _frozen
    yield "self-made polynomial", lambda: _line(
        _columns((_line(_scaler(), preprocessing.PolynomialFeatures(3)), ["tenure", "monthly charges ($)"]),
                 (encoder(), ["contract"])),
        _logistic(max_iter=500),
    )  # fmt: skip
    yield "xgboost with early stopping", _stopped
    yield "lightgbm, dart", lambda: _mixed(LGBMClassifier(boosting_type="dart", n_estimators=20, verbose=-1))
    yield "catboost on codes", lambda: _mixed(CatBoostClassifier(20, verbose=0, allow_writing_files=False))
    yield "one class svm", lambda: _textbook(svm.OneClassSVM(nu=0.1), _scaler())
    yield "isolation forest", lambda: _mixed(ensemble.IsolationForest(n_estimators=20, random_state=0))
    yield "k-means of customers", lambda: _textbook(cluster.KMeans(4, n_init=2, random_state=0), _scaler())
    yield (
        "k-means distances, then a model",
        lambda: _textbook(_line(cluster.KMeans(5, n_init=1, random_state=0), _logistic()), _scaler()),
    )


def _frozen() -> Any:
    rows, target = tables.customers()
    prepare = _columns((preprocessing.OneHotEncoder(handle_unknown="ignore"), _WORDS), remainder="passthrough")
    return _line(FrozenEstimator(prepare.fit(rows, target)), _forest(10))


def _stopped() -> Any:
    prepare = _mixed("passthrough")
    rows, target = tables.customers()
    model = XGBClassifier(n_estimators=200, early_stopping_rounds=3)
    ready, answers = prepare.fit_transform(rows), (target == "yes").astype(int)
    model.fit(ready[:200], answers[:200], eval_set=[(ready[200:], answers[200:])], verbose=False)
    return _line(FrozenEstimator(prepare), FrozenEstimator(model))


def _houses() -> Iterator[tuple[str, Callable[[], Any]]]:
    def ready(last: Any, number: Any = None) -> Any:
        return _textbook(last, number)

    yield "ridge on houses", lambda: ready(linear_model.RidgeCV())
    yield (
        "lasso with search",
        lambda: model_selection.GridSearchCV(ready(linear_model.Lasso()), {"model__alpha": [1.0, 10.0]}, cv=2),
    )
    yield (
        "log price",
        lambda: compose.TransformedTargetRegressor(ready(linear_model.Ridge()), func=np.log1p, inverse_func=np.expm1),
    )
    yield (
        "price through quantiles",
        lambda: compose.TransformedTargetRegressor(
            ready(ensemble.GradientBoostingRegressor(random_state=0)),
            transformer=preprocessing.QuantileTransformer(n_quantiles=50, output_distribution="normal"),
        ),
    )
    yield "scaled price, svr", lambda: compose.TransformedTargetRegressor(ready(svm.SVR()), transformer=_scaler())
    yield "grades in their order", lambda: _line(
        _columns((preprocessing.OrdinalEncoder(categories=[["poor", "fair", "good", "excellent"]]), ["quality"]),
                 (_imputer(), ["area (m²)", "lot", "年龄"])),
        ensemble.RandomForestRegressor(20, random_state=0),
    )  # fmt: skip
    yield (
        "hist gradient boosting of categories",
        lambda: ensemble.HistGradientBoostingRegressor(max_iter=30, categorical_features="from_dtype"),
    )
    yield "gamma regression", lambda: ready(linear_model.GammaRegressor())
    yield (
        "poisson hist gradient boosting",
        lambda: _mixed(ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=20)),
    )
    yield "splines of the year", lambda: _line(
        _columns((preprocessing.SplineTransformer(n_knots=6), ["year_built", "area (m²)"]),
                 (_words_one_hot(), ["district"])),
        linear_model.Ridge(),
    )  # fmt: skip
    yield (
        "yeo-johnson, elastic net",
        lambda: ready(linear_model.ElasticNet(), _line(_imputer(), preprocessing.PowerTransformer())),
    )
    yield (
        "stacked regressors",
        lambda: ready(
            ensemble.StackingRegressor(
                [("a", linear_model.Ridge()), ("b", neighbors.KNeighborsRegressor())],
                linear_model.Ridge(),
                passthrough=True,
            )
        ),
    )
    yield (
        "voting regressors",
        lambda: ready(
            ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=5))])
        ),
    )
    yield "xgboost regressor", lambda: ready(XGBRegressor(n_estimators=30))
    yield (
        "lightgbm regressor, log price",
        lambda: compose.TransformedTargetRegressor(
            _mixed(LGBMRegressor(n_estimators=30, verbose=-1)), func=np.log, inverse_func=np.exp
        ),
    )
    yield "catboost regressor", lambda: _mixed(CatBoostRegressor(30, verbose=0, allow_writing_files=False))
    yield (
        "mlp regressor",
        lambda: ready(neural_network.MLPRegressor(hidden_layer_sizes=(16,), max_iter=30, random_state=0)),
    )
    yield "quantile regression", lambda: ready(linear_model.QuantileRegressor(alpha=0.1))
    yield (
        "huber after robust scaling",
        lambda: ready(linear_model.HuberRegressor(max_iter=1000), _line(_imputer(), preprocessing.RobustScaler())),
    )
    yield "ransac", lambda: ready(linear_model.RANSACRegressor(random_state=0))


def _wells() -> Iterator[tuple[str, Callable[[], Any]]]:
    yield "forest trained with gaps", lambda: ensemble.RandomForestRegressor(20, random_state=0)
    yield "extra trees with gaps", lambda: ensemble.ExtraTreesRegressor(20, random_state=0)
    yield "bagged trees", lambda: _filled(ensemble.BaggingRegressor(n_estimators=8, random_state=0))
    yield "adaboost regressor", lambda: _filled(ensemble.AdaBoostRegressor(n_estimators=15, random_state=0))
    yield "pca, then ridge", lambda: _filled(_scaler(), decomposition.PCA(4), linear_model.Ridge())
    yield (
        "whitened pca, then neighbours",
        lambda: _filled(decomposition.PCA(0.9, whiten=True), neighbors.KNeighborsRegressor(weights="distance")),
    )
    yield (
        "recursive elimination",
        lambda: _filled(feature_selection.RFECV(linear_model.Ridge(), cv=3), linear_model.Ridge()),
    )
    yield (
        "quantiles to normal",
        lambda: _filled(
            preprocessing.QuantileTransformer(n_quantiles=100, output_distribution="normal"), linear_model.Lasso(0.01)
        ),
    )
    yield (
        "gaussian process",
        lambda: _filled(
            _scaler(),
            gaussian_process.GaussianProcessRegressor(
                gaussian_process.kernels.RBF() + gaussian_process.kernels.WhiteKernel(), normalize_y=True
            ),
        ),
    )
    yield (
        "kernel approximation",
        lambda: _filled(
            _scaler(), kernel_approximation.Nystroem(n_components=30, random_state=0), linear_model.Ridge()
        ),
    )
    yield (
        "a constant column dropped",
        lambda: _filled(feature_selection.VarianceThreshold(0.01), linear_model.BayesianRidge()),
    )
    yield (
        "missing as -999",
        lambda: _line(_imputer(strategy="constant", fill_value=-999), tree.DecisionTreeRegressor(max_depth=6)),
    )


def _others() -> Iterator[tuple[str, Recipe]]:
    for name, last in {
        "hist gradient boosting on timestamps": ensemble.HistGradientBoostingClassifier(max_iter=20),
        "forest on timestamps": _forest(),
        "lightgbm on timestamps": LGBMClassifier(n_estimators=20, verbose=-1),
        "tree on identifiers": tree.DecisionTreeClassifier(),
    }.items():
        yield name, (tables.readings, lambda last=last: last)
    texts = {
        "texts beside numbers": lambda: _reviews((TfidfVectorizer(), "text"), (_scaler(), ["stars"])),
        "texts, character n-grams": lambda: _reviews((TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)), "text")),
        "texts, words and pairs": lambda: _reviews((CountVectorizer(ngram_range=(1, 2)), "text")),
        "texts without accents": lambda: _reviews((TfidfVectorizer(strip_accents="unicode"), "text")),
        "texts without stop words": lambda: _reviews((CountVectorizer(stop_words="english", binary=True), "text")),
        "texts and shops": lambda: _reviews(
            (TfidfVectorizer(sublinear_tf=True, max_features=100), "text"),
            (preprocessing.OneHotEncoder(handle_unknown="ignore"), ["shop"]),
            last=naive_bayes.MultinomialNB(),
        ),
        "texts, latent meaning": lambda: _line(
            _columns((TfidfVectorizer(), "text")), decomposition.TruncatedSVD(10, random_state=0), _logistic()
        ),
        "texts alone": lambda: _line(TfidfVectorizer(), _logistic()),
        "texts alone, linear svc": lambda: _line(CountVectorizer(), svm.LinearSVC()),
        "texts alone, hashed": lambda: _line(HashingVectorizer(n_features=2**12), linear_model.SGDClassifier()),
    }
    for name, make in texts.items():
        yield name, (tables.reviews, make)
    numbers = {
        "linear discriminant": discriminant_analysis.LinearDiscriminantAnalysis,
        "quadratic discriminant": lambda: _line(_scaler(), discriminant_analysis.QuadraticDiscriminantAnalysis()),
        "one against the rest": lambda: multiclass.OneVsRestClassifier(svm.SVC()),
        "one against one": lambda: multiclass.OneVsOneClassifier(_logistic()),
        "mixture": lambda: _line(_scaler(), mixture.GaussianMixture(3, random_state=0)),
        "forest of three classes": lambda: ensemble.ExtraTreesClassifier(30, min_samples_leaf=3, random_state=0),
        "chosen neighbours": lambda: model_selection.GridSearchCV(
            _line(_scaler(), neighbors.KNeighborsClassifier()),
            {"kneighborsclassifier__n_neighbors": [3, 5]},
        ),
    }
    for name, make in numbers.items():
        yield name, (tables.numeric, make)
    yield (
        "two discriminated",
        (
            lambda: tables.numeric(classes=2),
            lambda: _line(_scaler(), discriminant_analysis.LinearDiscriminantAnalysis()),
        ),
    )
    yield "two targets, ridge", (lambda: _two(tables.houses()), lambda: _textbook(linear_model.Ridge()))
    yield (
        "two targets, one model each",
        (
            lambda: _two(tables.wells()),
            lambda: multioutput.MultiOutputRegressor(ensemble.HistGradientBoostingRegressor(max_iter=15)),
        ),
    )
    yield (
        "two labels, chained",
        (
            lambda: _two_labels(tables.numeric(classes=2)),
            lambda: multioutput.ClassifierChain(_logistic()),
        ),
    )
    yield (
        "xgboost on timestamps",
        (
            lambda: _coded(tables.readings()),
            lambda: XGBClassifier(n_estimators=20),
        ),
    )
    yield (
        "pandas categories, hist gradient boosting",
        (
            lambda: _categories(tables.houses()),
            lambda: ensemble.HistGradientBoostingRegressor(max_iter=20),
        ),
    )
    yield (
        "pandas categories, lightgbm",
        (
            lambda: _categories(tables.customers()),
            lambda: LGBMClassifier(n_estimators=20, verbose=-1),
        ),
    )


def _recipes() -> Iterator[tuple[str, Recipe]]:
    groups = {
        tables.passengers: _passengers,
        tables.customers: _customers,
        tables.houses: _houses,
        tables.wells: _wells,
    }
    for table, group in groups.items():
        for name, make in group():
            yield name, ((lambda: _categories(tables.houses())) if "of categories" in name else table, make)
    yield from _others()


_RECIPES = dict(_recipes())
