"""Categories as text and as numbers, unknown, missing, rare and dropped."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

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
