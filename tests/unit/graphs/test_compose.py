"""Pipelines, column transformers, unions and searches, and random pipelines of all supported pieces."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix
from mlship.graphs.dispatch import transform


def _frame(rows=150):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "fare paid": rng.normal(size=rows) * 100,
            "年龄": rng.integers(1, 80, rows).astype(float),
            "home.dest": rng.choice(["Köln", "東京", "a b"], rows).astype(object),
            "kind": rng.choice(["x", "y"], rows).astype(object),
            "parents": rng.integers(0, 4, rows).astype(float),
        }
    )
    frame.loc[rng.random(rows) < 0.2, "年龄"] = np.nan
    frame.loc[rng.random(rows) < 0.2, "home.dest"] = np.nan
    return frame


def _target(frame):
    return (frame["fare paid"] + 40 * (frame["kind"] == "x") > 10).to_numpy()


def _textbook(last):
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = ColumnTransformer([("n", numbers, ["fare paid", "年龄", "parents"]), ("t", texts, ["home.dest", "kind"])])
    return Pipeline([("columns", columns), ("model", last)])


@pytest.mark.parametrize(
    "last", [LogisticRegression(max_iter=500), RandomForestClassifier(10), HistGradientBoostingClassifier(max_iter=10)]
)
def test_the_textbook_pipeline_agrees(agrees, last):
    frame = _frame()
    checked = agrees(_textbook(last).fit(frame, _target(frame)), frame)
    assert all(step.endswith(": mlship") for step in checked.conversion.route)


def test_inputs_keep_the_names_of_the_columns(agrees):
    frame = _frame()
    checked = agrees(_textbook(LogisticRegression(max_iter=500)).fit(frame, _target(frame)), frame)
    assert [item.name for item in checked.conversion.model.graph.input] == list(frame.columns)


@pytest.mark.parametrize(
    "columns",
    [
        ["parents", "fare paid"],
        [4, 0],
        [-1],
        slice(0, 2),
        slice("fare paid", "年龄"),
        np.array([True, False, False, False, True]),
        make_column_selector(dtype_include="number"),
        lambda frame: ["parents"],
    ],
)
def test_every_way_to_select_columns_agrees(agrees, columns):
    frame = _frame().fillna({"年龄": 1.0})
    agrees(ColumnTransformer([("n", StandardScaler(), columns)]).fit(frame), frame)


@pytest.mark.parametrize("named", [False, True])
def test_the_remainder_passes_through_in_its_order(agrees, named):
    frame = _frame()[["fare paid", "parents", "年龄"]]
    rows = frame if named else frame.to_numpy()
    model = ColumnTransformer([("n", MinMaxScaler(), [1]), ("d", "drop", [0])], remainder="passthrough")
    agrees(model.fit(rows), rows)


def test_a_remainder_with_a_transformer_and_weights_agrees(agrees):
    frame = _frame()
    model = ColumnTransformer(
        [("n", StandardScaler(), ["fare paid"]), ("nothing", StandardScaler(), [])],
        remainder=OrdinalEncoder(),
        transformer_weights={"n": 2.5},
    )
    agrees(model.fit(frame), frame)


def test_a_union_agrees(agrees):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    union = FeatureUnion(
        [("a", StandardScaler()), ("b", "passthrough"), ("c", "drop"), ("d", Normalizer())],
        transformer_weights={"a": 3},
    )
    agrees(make_pipeline(union, Ridge()).fit(rows, rows[:, 0]), rows)


@pytest.mark.parametrize(("threshold", "sparse"), [(1.0, True), (0.0, False)])
def test_columns_side_by_side_are_sparse_where_the_original_makes_them_so(threshold, sparse):
    frame = _frame()
    parts = [("n", StandardScaler(), ["fare paid"]), ("t", OneHotEncoder(), ["kind"])]
    model = ColumnTransformer(parts, sparse_threshold=threshold, transformer_weights={"n": 2.0}).fit(frame)
    assert model.sparse_output_ == sparse
    g = Graph()
    block = transform(g, model, [g.input(Matrix(name, _kind(frame[name]), 1)) for name in frame.columns])
    assert {piece.sparse for piece in block} == {sparse}


def test_a_union_is_sparse_where_one_part_is():
    rows = np.random.default_rng(0).integers(0, 3, (50, 2)).astype(float)
    union = FeatureUnion([("a", StandardScaler()), ("b", OneHotEncoder())]).fit(rows)
    g = Graph()
    assert all(piece.sparse for piece in transform(g, union, [g.input(Matrix("x", "number", 2))]))


def _kind(series):
    return "number" if pd.api.types.is_numeric_dtype(series.dtype) else "string"


@pytest.mark.parametrize("short", [False, True])
def test_steps_that_choose_columns_by_the_names_of_earlier_steps_agree(agrees, short):
    frame = _frame()
    first = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["年龄", "fare paid"]),
            ("t", OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["home.dest"]),
        ],
        remainder="passthrough",
        verbose_feature_names_out=not short,
    )
    prefix = ("", "") if short else ("n__", "remainder__")
    second = ColumnTransformer(
        [("s", MinMaxScaler(), [prefix[0] + "fare paid"]), ("k", OneHotEncoder(), [prefix[1] + "kind"])],
        remainder="passthrough",
    )
    last = ColumnTransformer([("all", StandardScaler(), make_column_selector("fare|Köln|missing"))])
    second.set_params(k=OneHotEncoder(sparse_output=False))
    model = Pipeline([("a", first), ("b", second), ("c", last), ("d", LogisticRegression())]).set_output(
        transform="pandas"
    )
    agrees(model.fit(frame, _target(frame)), frame)


def test_nested_column_transformers_and_unions_agree(agrees):
    frame = _frame()
    inner = ColumnTransformer([("s", MinMaxScaler(), ["parents"])], remainder=StandardScaler())
    union = FeatureUnion([("i", inner), ("n", Normalizer())])
    outer = ColumnTransformer(
        [("u", union, ["fare paid", "parents"])],
        remainder=make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
    )
    agrees(make_pipeline(outer, Ridge()).fit(frame, frame["fare paid"]), frame)


def test_steps_that_pass_through_are_nothing(agrees):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    model = Pipeline([("a", "passthrough"), ("b", None), ("c", FunctionTransformer()), ("d", LinearRegression())])
    agrees(model.fit(rows, rows[:, 0]), rows)


def test_searches_answer_with_their_best_estimator(agrees):
    frame = _frame()
    grid = GridSearchCV(_textbook(LogisticRegression(max_iter=500)), {"model__C": [0.1, 1.0]}, cv=2)
    agrees(grid.fit(frame, _target(frame)), frame)
    draw = RandomizedSearchCV(RandomForestRegressor(5), {"max_depth": [2, 4]}, n_iter=2, cv=2, random_state=0)
    rows = frame[["fare paid", "parents"]].to_numpy()
    agrees(draw.fit(rows, rows[:, 0]), rows)


def test_a_search_that_kept_no_estimator_is_refused(agrees):
    rows = np.random.default_rng(0).normal(size=(50, 3))
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2, refit=False).fit(rows, rows[:, 0])
    with pytest.raises(UnsupportedModelError):
        agrees.converted(search, rows)


def _random_pipeline(rng, *, regression):
    scalers = [StandardScaler(), MinMaxScaler(clip=True), RobustScaler(), MaxAbsScaler(), "passthrough"]
    numbers = [
        SimpleImputer(strategy=rng.choice(["mean", "median", "most_frequent"]), add_indicator=bool(rng.integers(2))),
        scalers[rng.integers(len(scalers))],
    ]
    encoders = [
        OneHotEncoder(handle_unknown="ignore", drop=[None, "if_binary"][rng.integers(2)]),
        OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=int(rng.integers(2, 60))),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    ]
    texts = [SimpleImputer(strategy="constant", fill_value="?") if rng.integers(2) else "passthrough"]
    chosen = [
        ("n", make_pipeline(*numbers), ["fare paid", "年龄"]),
        ("t", make_pipeline(*texts, encoders[rng.integers(len(encoders))]), ["home.dest", "kind"]),
    ]
    columns = ColumnTransformer(
        [chosen[place] for place in rng.permutation(2)],
        remainder="passthrough",
        sparse_threshold=float(rng.integers(2)),
    )
    classifiers = [
        LogisticRegression(max_iter=5000),
        RandomForestClassifier(8, max_depth=int(rng.integers(2, 12)), random_state=0),
        HistGradientBoostingClassifier(max_iter=6),
        GradientBoostingClassifier(n_estimators=6),
    ]
    regressors = [Ridge(), RandomForestRegressor(8, random_state=0), HistGradientBoostingRegressor(max_iter=6)]
    last = regressors if regression else classifiers
    return columns, last[rng.integers(len(last))]


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("seed", range(30))
def test_random_pipelines_agree(agrees, seed):
    rng = np.random.default_rng(seed)
    regression = bool(rng.integers(2))
    columns, last = _random_pipeline(rng, regression=regression)
    if isinstance(last, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        columns.sparse_threshold = 0.0
    frame = _frame()
    target = (
        np.sin(frame["fare paid"].to_numpy()) if regression else _target(frame).astype(int) + (frame["parents"] > 2)
    )
    model = make_pipeline(columns, last).fit(frame, target)
    unseen = frame.copy()
    unseen.loc[::4, "home.dest"] = "unseen 🜁"
    unseen.loc[::5, "fare paid"] = np.nan
    agrees(model, pd.concat([frame, unseen], ignore_index=True))
