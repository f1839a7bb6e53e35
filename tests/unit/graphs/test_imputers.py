"""Missing values in numbers and in text."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)


def _rows(missing=np.nan):
    rng = np.random.default_rng(8)
    rows = np.round(rng.normal(size=(80, 4)), 1)
    rows[rng.random(rows.shape) < 0.2] = missing
    rows[:, 3] = np.arange(80.0)
    return rows


def _texts(missing):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"città": rng.choice(["Köln", "東京", ""], 60), "b": rng.choice(["x", "y"], 60)}, dtype=object)
    frame.loc[rng.random(60) < 0.3, "città"] = missing
    return frame


@pytest.mark.parametrize("indicate", [False, True])
@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_numbers_are_bit_equal(agrees, strategy, indicate):
    rows = _rows()
    agrees(SimpleImputer(strategy=strategy, add_indicator=indicate).fit(rows), rows, EXACT)


def test_a_number_can_stand_for_missing(agrees):
    rows = _rows(-1.0)
    agrees(SimpleImputer(missing_values=-1, add_indicator=True).fit(rows), rows, EXACT)


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize("keep", [False, True])
def test_columns_without_a_value_are_dropped_or_kept(agrees, keep):
    rows = _rows()
    rows[:, 1] = np.nan
    agrees(SimpleImputer(keep_empty_features=keep, add_indicator=True).fit(rows), rows, EXACT)


@pytest.mark.parametrize("strategy", ["most_frequent", "constant"])
@pytest.mark.parametrize(("value", "setting"), [(np.nan, np.nan), (None, None), ("", ""), (None, np.nan)])
def test_text_agrees_for_each_notion_of_missing(agrees, value, setting, strategy):
    frame = _texts(value)
    model = SimpleImputer(missing_values=setting, strategy=strategy).fit(frame)
    expected = [_marked(row) for row in model.transform(frame)]
    conversion = agrees.converted(model, frame)
    assert agrees.answers(conversion, frame)["transformed"].tolist() == expected


def _marked(row):
    return ["\uffff" if pd.isna(value) else value for value in row]


def test_missing_text_with_an_indicator_reaches_the_model(agrees):
    frame = _texts(np.nan)
    imputer = SimpleImputer(strategy="most_frequent", add_indicator=True)
    encoder = OneHotEncoder(handle_unknown="ignore")
    agrees(make_pipeline(imputer, encoder).fit(frame), frame, EXACT)


@pytest.mark.parametrize("features", ["missing-only", "all"])
def test_indicators_agree(agrees, features):
    rows = _rows()
    agrees(MissingIndicator(features=features).fit(rows), rows, EXACT)


def test_an_indicator_before_a_forest_changes_no_label(agrees):
    rows = _rows()
    model = make_pipeline(SimpleImputer(add_indicator=True), RandomForestClassifier(20, random_state=0))
    agrees(model.fit(rows, np.isnan(rows[:, 0]) ^ (rows[:, 3] > 30)), rows, EXACT)


@pytest.mark.parametrize("value", [None, np.nan])
def test_pandas_na_means_every_missing_text(agrees, value):
    frame = _texts(value)
    model = SimpleImputer(missing_values=pd.NA, strategy="constant", fill_value="?").fit(frame)
    conversion = agrees.converted(model, frame)
    assert agrees.answers(conversion, frame)["transformed"].tolist() == model.transform(frame).tolist()


def test_pandas_na_means_nan_among_numbers(agrees):
    rows = _rows()
    agrees(SimpleImputer(missing_values=pd.NA).fit(rows), rows, EXACT)


@pytest.mark.parametrize("word", ["", "missing"])
def test_a_word_can_stand_for_missing(agrees, word):
    frame = _texts(word)
    imputer = SimpleImputer(missing_values=word, strategy="most_frequent", add_indicator=True)
    agrees(make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore")).fit(frame), frame, EXACT)


def test_a_constant_for_text_leaves_full_columns_of_numbers_alone(agrees):
    frame = _texts(np.nan).assign(n=np.arange(60) % 4)
    imputer = SimpleImputer(strategy="constant", fill_value="?")
    agrees(make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore")).fit(frame), frame, EXACT)


@pytest.mark.parametrize("missing", [-1, "missing", None, np.nan], ids=str)
def test_indicators_agree_for_each_notion_of_missing(agrees, missing):
    frame = _texts(missing) if not isinstance(missing, int) else pd.DataFrame(_rows(-1.0))
    model = MissingIndicator(missing_values=missing, features="all").fit(frame)
    agrees(model, frame, EXACT)
