from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlship.errors import ModelError, UnsupportedModelError
from mlship.originals.visit import Visited, visit

RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RANDOM.normal(size=80), "b": RANDOM.integers(0, 9, 80)})
LABEL = np.where(FRAME["a"] > 0, "up", "down")


def asked(model: object, tmp_path: Path, frame: pd.DataFrame | None = FRAME) -> Visited:
    sample = None
    if frame is not None:
        sample = tmp_path / "sample.csv"
        frame.to_csv(sample, index=False)
    return visit(model, sample, target=None, rows=50, seed=0)


def test_the_signature_and_the_golden_set_are_the_models_own(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(FRAME, LABEL)
    found = asked(model, tmp_path)
    assert [column.name for column in found.signature.columns] == ["a", "b"]
    assert [(output.name, output.type, output.classes) for output in found.signature.outputs] == [
        ("prediction", "string", None),
        ("probabilities", "number", ("down", "up")),
    ]
    plain = found.golden.plain()
    assert len(plain) == 50
    frame = pd.DataFrame(plain.inputs["features"], columns=["a", "b"])
    np.testing.assert_array_equal(plain.outputs["probabilities"], model.predict_proba(frame))


def test_trees_are_stressed_on_their_thresholds_and_one_ulp_beside(tmp_path: Path) -> None:
    model = HistGradientBoostingClassifier(max_iter=5).fit(FRAME, (FRAME["a"] > 0) ^ (FRAME["b"] > 4))
    done = {origin.partition(": ")[2] for origin in asked(model, tmp_path).golden.origins}
    assert {"a on a threshold", "a one ulp beside a threshold", "a missing", "b beside a threshold"} <= done


def test_what_the_original_refuses_is_no_stress_and_not_nullable(tmp_path: Path) -> None:
    found = asked(LinearRegression().fit(FRAME, FRAME["a"]), tmp_path)
    assert not any("missing" in origin for origin in found.golden.origins)
    assert not any(column.nullable for column in found.signature.columns)
    assert any("outside the range" in origin for origin in found.golden.origins)


def test_unknown_categories_are_asked_where_the_encoder_takes_them(tmp_path: Path) -> None:
    frame = FRAME.assign(town=RANDOM.choice(["Zürich", "北京"], 80))
    for handling, accepted in (("ignore", True), ("error", False)):
        encode = ColumnTransformer([("t", OneHotEncoder(handle_unknown=handling), ["town"])], remainder="passthrough")
        found = asked(make_pipeline(encode, LogisticRegression()).fit(frame, LABEL), tmp_path, frame)
        assert any(origin == "stress: town unseen" for origin in found.golden.origins) is accepted


def test_boolean_labels_are_told_as_booleans(tmp_path: Path) -> None:
    found = asked(LogisticRegression().fit(FRAME, FRAME["a"] > 0), tmp_path)
    assert found.signature.outputs[0].type == "boolean"
    assert found.golden.outputs["prediction"].dtype == np.int64


def test_a_clusterer_predicts_and_a_scaler_transforms(tmp_path: Path) -> None:
    found = asked(KMeans(2, n_init=1, random_state=0).fit(FRAME), tmp_path)
    assert (found.signature.task, [output.name for output in found.signature.outputs]) == ("clusterer", ["prediction"])
    found = asked(StandardScaler().fit(FRAME), tmp_path)
    assert (found.signature.task, found.signature.outputs[0].width) == ("transformer", 2)


def test_without_a_sample_rows_reach_categories_ranges_and_thresholds(tmp_path: Path) -> None:
    frame = FRAME.assign(town=RANDOM.choice(["Zürich", "北京"], 80), a=FRAME["a"] + 1000)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([("n", numbers, ["a", "b"]), ("t", OneHotEncoder(), ["town"])])
    found = asked(make_pipeline(columns, LogisticRegression()).fit(frame, LABEL), tmp_path, None)
    assert found.synthetic
    plain = found.golden.plain()
    assert set(plain.inputs["town"].ravel()) == {"Zürich", "北京"}
    assert 990 < plain.inputs["a"].min() < plain.inputs["a"].max() < 1010
    assert set(plain.origins) == {"synthetic"}


def test_the_rows_of_a_large_sample_are_chosen_by_the_seed(tmp_path: Path) -> None:
    model = LinearRegression().fit(FRAME, FRAME["a"])
    once, again = (asked(model, tmp_path).golden.inputs["features"] for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_a_list_of_texts_is_refused_with_the_way_on(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["red wine", "white wine", "beer"], [0, 1, 0])
    with pytest.raises(UnsupportedModelError, match="list of texts") as caught:
        asked(model, tmp_path)
    assert "ColumnTransformer" in caught.value.hint


def test_categories_of_histogram_boosting_are_known_without_a_sample(tmp_path: Path) -> None:
    frame = FRAME.assign(town=pd.Categorical(RANDOM.choice(["Zürich", "北京"], 80)))
    found = asked(HistGradientBoostingClassifier(max_iter=5).fit(frame, LABEL), tmp_path, None)
    assert set(found.golden.plain().inputs["town"].ravel()) == {"Zürich", "北京"}


def test_several_targets_at_once_are_refused_by_name(tmp_path: Path) -> None:
    model = MultiOutputClassifier(LogisticRegression()).fit(FRAME, np.stack([LABEL, LABEL], axis=1))
    with pytest.raises(UnsupportedModelError):
        asked(model, tmp_path)


def test_an_unfitted_model_is_told(tmp_path: Path) -> None:
    with pytest.raises((ModelError, UnsupportedModelError)):
        asked(LogisticRegression(), tmp_path)
