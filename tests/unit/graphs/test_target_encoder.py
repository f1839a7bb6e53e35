"""Target encodings of text and numbers, for every kind of target."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

from mlship.parity import Tolerance

EXACT = Tolerance(0.0, 0.0)
RNG = np.random.default_rng(0)
TARGETS = {
    "binary": RNG.choice(["no", "yes"], 150),
    "continuous": RNG.normal(size=150),
    "multiclass": RNG.choice(["a", "b", "c"], 150),
}


def _frame(missing=None):
    frame = pd.DataFrame(
        {
            "città": RNG.choice(["Köln", "東京", "a", ""], 150).astype(object),
            "zone": RNG.integers(0, 5, 150).astype(float),
            "floor": RNG.integers(-2, 3, 150),
        }
    )
    if missing != "nothing":
        frame.loc[::6, "città"] = missing
        frame.loc[::7, "zone"] = np.nan
    return frame


@pytest.mark.parametrize("missing", ["nothing", None, np.nan], ids=str)
@pytest.mark.parametrize("smooth", ["auto", 0.0, 5.0])
@pytest.mark.parametrize("kind", list(TARGETS))
def test_known_unknown_and_missing_categories_agree(agrees, kind, smooth, missing):
    frame = _frame(missing)
    model = TargetEncoder(target_type=kind, smooth=smooth).fit(frame, TARGETS[kind])
    unseen = frame.assign(zone=frame["zone"] + 0.5)
    unseen.loc[::3, "città"] = "never"
    agrees(model, pd.concat([frame, unseen], ignore_index=True), EXACT)


@pytest.mark.parametrize("kind", list(TARGETS))
def test_many_columns_of_numbers_agree(agrees, kind):
    rows = RNG.integers(0, 9, size=(150, 30)).astype(float)
    rows[::4, 3] = np.nan
    model = TargetEncoder().fit(rows, TARGETS[kind])
    checked = agrees(model, np.concatenate([rows, rows + 4, -rows]), EXACT)
    assert len(checked.conversion.model.graph.node) < 40


def test_given_categories_agree(agrees):
    frame = _frame("nothing")[["città"]]
    categories = [np.array(["", "a", "Köln", "東京", "zz"], dtype=object)]
    agrees(TargetEncoder(categories=categories).fit(frame, TARGETS["continuous"]), frame, EXACT)


def test_encodings_before_a_classifier_agree(agrees):
    frame = _frame(np.nan)
    agrees(make_pipeline(TargetEncoder(), LogisticRegression()).fit(frame, TARGETS["binary"]), frame)
