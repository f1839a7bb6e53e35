"""Categories as text and as numbers, unknown, missing, rare and dropped."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from mlship.graphs.builder import Graph, Matrix
from mlship.graphs.dispatch import transform
from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)


def _texts(missing=None):
    rng = np.random.default_rng(1)
    weights = [0.4, 0.3, 0.15, 0.1, 0.05]
    frame = pd.DataFrame(
        {
            "home.dest": rng.choice(["Köln", "東京", "a", "", "zz"], 200, p=weights),
            "mean (%)": rng.choice(["no", "yes"], 200),
        },
        dtype=object,
    )
    if missing != "nothing":
        frame.loc[rng.random(200) < 0.1, "home.dest"] = missing
    return frame


def _unseen(frame):
    unseen = frame.copy()
    unseen.loc[::3, "home.dest"] = "never seen Ω"
    return pd.concat([frame, unseen], ignore_index=True)


def _numbers():
    rng = np.random.default_rng(2)
    return np.column_stack(
        [rng.integers(0, 6, 200), rng.choice([-1.5, 0.0, 2.0**40 + 1], 200), rng.integers(0, 2, 200)]
    )


@pytest.mark.parametrize("missing", ["nothing", None, np.nan], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"drop": "first"},
        {"drop": "if_binary"},
        {"handle_unknown": "ignore", "drop": "if_binary"},
        {"min_frequency": 25},
        {"min_frequency": 0.12, "drop": "first"},
        {"max_categories": 3, "handle_unknown": "ignore"},
    ],
    ids=str,
)
def test_one_hot_text_is_equal(agrees, options, missing):
    frame = _texts(missing)
    agrees(OneHotEncoder(**options).fit(frame), frame, EXACT)


@pytest.mark.filterwarnings("ignore:Found unknown categories")
@pytest.mark.parametrize("handle", ["ignore", "infrequent_if_exist", "warn"])
@pytest.mark.parametrize("rare", [None, 25])
@pytest.mark.parametrize("drop", [None, "first", ["a", "no"]], ids=str)
def test_unknown_text_counts_as_the_original_counts_it(agrees, handle, rare, drop):
    frame = _texts("nothing")
    model = OneHotEncoder(handle_unknown=handle, min_frequency=rare, drop=drop).fit(frame)
    agrees(model, _unseen(frame), EXACT)


@pytest.mark.parametrize(
    "options", [{}, {"drop": "first"}, {"min_frequency": 40, "handle_unknown": "infrequent_if_exist"}]
)
def test_one_hot_numbers_are_equal(agrees, options):
    rows = _numbers()
    agrees(OneHotEncoder(**options).fit(rows), rows, EXACT)


def test_one_hot_knows_nan_and_negative_zero_among_numbers(agrees):
    rows = _numbers()
    rows[::9, 0] = np.nan
    rows[rows == 0.0] = -0.0
    agrees(OneHotEncoder(handle_unknown="ignore").fit(_numbers()), rows, EXACT)
    agrees(OneHotEncoder().fit(rows), rows, EXACT)


@pytest.mark.parametrize("missing", ["nothing", None, np.nan], ids=str)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"handle_unknown": "use_encoded_value", "unknown_value": -1},
        {"handle_unknown": "use_encoded_value", "unknown_value": np.nan, "encoded_missing_value": -2},
        {"min_frequency": 25},
        {"max_categories": 3, "handle_unknown": "use_encoded_value", "unknown_value": 99},
    ],
    ids=str,
)
def test_ordinal_text_is_equal(agrees, options, missing):
    frame = _texts(missing)
    agrees(OrdinalEncoder(**options).fit(frame), _unseen(frame) if "handle_unknown" in options else frame, EXACT)


def test_ordinal_numbers_are_equal(agrees):
    rows = _numbers()
    model = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(rows)
    agrees(model, np.concatenate([rows, rows + 0.5, np.full((1, 3), np.nan)]), EXACT)


def test_given_categories_keep_their_order(agrees):
    frame = pd.DataFrame({"size": ["small", "large", "medium"] * 4}, dtype=object)
    agrees(OrdinalEncoder(categories=[["small", "medium", "large"]]).fit(frame), frame, EXACT)


def _many():
    rows = np.random.default_rng(3).integers(0, 7, size=(120, 30)) * 1.5
    rows[::5, 2] = np.nan
    rows[:, 4] = 3.0
    return rows


@pytest.mark.parametrize(
    "options",
    [
        {"handle_unknown": "ignore"},
        {"handle_unknown": "ignore", "drop": "if_binary"},
        {"handle_unknown": "infrequent_if_exist", "min_frequency": 20, "drop": "first"},
        {"handle_unknown": "infrequent_if_exist", "max_categories": 4, "dtype": np.float32, "sparse_output": False},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Found unknown categories")
def test_many_columns_of_numbers_are_looked_up_together(agrees, options):
    rows = _many()
    model = OneHotEncoder(**options).fit(rows)
    checked = agrees(model, np.concatenate([rows, rows + 1.5, -rows, np.full((1, 30), np.nan)]), EXACT)
    assert len(checked.conversion.model.graph.node) < 40


@pytest.mark.parametrize(
    "options",
    [
        {"encoded_missing_value": -9},
        {"encoded_missing_value": np.nan, "unknown_value": np.nan},
        {"min_frequency": 20, "dtype": np.float32},
    ],
    ids=str,
)
def test_many_ordinal_columns_are_looked_up_together(agrees, options):
    rows = _many()
    model = OrdinalEncoder(**{"handle_unknown": "use_encoded_value", "unknown_value": -1, **options}).fit(rows)
    agrees(model, np.concatenate([rows, rows + 1.5, np.full((1, 30), np.nan)]), EXACT)


def test_text_numbers_and_booleans_side_by_side_agree(agrees):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "a": rng.integers(0, 3, 80),
            "b": rng.choice(["x", "y"], 80).astype(object),
            "c": rng.random(80) > 0.5,
            "d": rng.choice([1.5, np.nan], 80),
        }
    )
    agrees(OneHotEncoder().fit(frame), frame, EXACT)
    agrees(OrdinalEncoder().fit(frame), frame, EXACT)


def test_given_categories_of_every_kind_agree(agrees):
    frame = pd.DataFrame({"a": [2, 1, 7] * 9, "b": ["x", "y", None] * 9, "c": [True, False, True] * 9})
    frame["b"] = frame["b"].astype(object)
    model = OneHotEncoder(categories=[[1, 2, 5], ["y", "x"], [False, True]], handle_unknown="ignore")
    agrees(model.fit(frame), frame, EXACT)


def test_a_column_that_is_dropped_whole_leaves_nothing(agrees):
    rows = np.column_stack([np.ones(20), np.arange(20) % 3])
    agrees(OneHotEncoder(drop="first").fit(rows), rows, EXACT)


@pytest.mark.parametrize("sparse", [True, False])
def test_sparse_output_is_marked(sparse):
    model = OneHotEncoder(sparse_output=sparse).fit(_numbers())
    g = Graph()
    (matrix,) = transform(g, model, [g.input(Matrix("x", "number", 3))])
    assert matrix.sparse is sparse
