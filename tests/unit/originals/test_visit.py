from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier

from mlship.errors import DataError, ModelError, UnsupportedModelError
from mlship.originals.adapters import adapted
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


TEXTS = ["red wine", "WHITE wine, très bon", "cold beer", "Привет 北京"]
OF_TEXTS = [
    make_pipeline(TfidfVectorizer(), LogisticRegression()),
    make_pipeline(HashingVectorizer(n_features=32), LogisticRegression()),
    GridSearchCV(make_pipeline(CountVectorizer(), LogisticRegression()), {"logisticregression__C": [1.0]}, cv=2),
    VotingClassifier([("one", make_pipeline(TfidfVectorizer(), LogisticRegression()))]),
]


@pytest.mark.parametrize("model", OF_TEXTS, ids=lambda model: type(model).__name__)
def test_a_model_of_texts_has_one_column_of_text(tmp_path: Path, model: Any) -> None:
    model.fit(TEXTS, [1, 1, 0, 0])
    frame = pd.DataFrame({"review": TEXTS, "stars": [5, 4, 3, 2]})
    found = asked(model, tmp_path, frame)
    assert [(column.name, column.type, column.nullable) for column in found.signature.columns] == [
        ("review", "string", False)
    ]
    assert found.signature.columns[0].categories is None
    assert any("left out: stars" in note for note in found.notes)
    np.testing.assert_array_equal(found.golden.plain().outputs["prediction"], model.predict(TEXTS))
    done = {origin.removeprefix("stress: review ") for origin in found.golden.origins}
    assert {"empty", "in capitals", "with punctuation", "with spaces", "in several scripts", "long"} <= done
    assert max(len(text) for text in found.golden.inputs["review"].ravel()) >= 9_000


def test_texts_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["007", "42", "x1"], [0, 1, 1])
    found = asked(model, tmp_path, pd.DataFrame({"code": ["007", "42"]}))
    assert found.golden.plain().inputs["code"].ravel().tolist() == ["007", "42"]


def test_lines_of_a_text_file_are_texts(tmp_path: Path) -> None:
    model = OF_TEXTS[0].fit(TEXTS, [1, 1, 0, 0])
    (tmp_path / "texts.txt").write_text("red wine\n\nbeer")
    found = visit(model, tmp_path / "texts.txt", target=None, rows=50, seed=0)
    assert found.golden.plain().inputs["text"].ravel().tolist() == ["red wine", "", "beer"]


def test_without_a_sample_texts_are_made_of_the_vocabulary(tmp_path: Path) -> None:
    found = asked(OF_TEXTS[0].fit(TEXTS, [1, 1, 0, 0]), tmp_path, None)
    words = {word for text in found.golden.plain().inputs["text"].ravel() for word in text.split()}
    assert {"wine", "北京"} <= words


def test_which_text_is_meant_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'a', 'b'") as caught:
        asked(OF_TEXTS[0].fit(TEXTS, [1, 1, 0, 0]), tmp_path, pd.DataFrame({"a": TEXTS, "b": TEXTS}))
    assert "one column" in caught.value.hint


def test_a_text_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="column 'review' has no text in row 2"):
        asked(OF_TEXTS[0].fit(TEXTS, [1, 1, 0, 0]), tmp_path, pd.DataFrame({"review": ["a", None, "b"]}))


NUMERIC = LogisticRegression(max_iter=1000).fit(FRAME, LABEL)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["1.5", "x", "2", "3"], "column 'a' holds numbers, but 'x' in row 2"),
        (["yes", "no", "no", "yes"], "says 'yes' for true or false"),
        (["2024-01-05", "2024-02-05", "2023-12-24", "1999-01-01"], "holds dates such as '2024-01-05'"),
        (["1,5", "2,5", "-3,25", "4,0"], "numbers with a comma, such as '1,5'"),
        ([1.0, 2.0, None, 3.0], "cannot answer row 3 of the sample"),
    ],
)
def test_what_the_model_cannot_take_is_named_by_column_and_row(tmp_path: Path, values: list[Any], words: str) -> None:
    with pytest.raises(DataError) as caught:
        asked(NUMERIC, tmp_path, pd.DataFrame({"a": values, "b": 1}))
    assert words in caught.value.message
    assert caught.value.hint


def test_a_sample_of_one_row_is_enough(tmp_path: Path) -> None:
    assert len(asked(NUMERIC, tmp_path, FRAME[:1]).golden.plain()) == 1


def test_values_are_pushed_to_the_ends(tmp_path: Path) -> None:
    found = asked(HistGradientBoostingClassifier(max_iter=5).fit(FRAME, LABEL), tmp_path)
    inputs = dict(zip(found.golden.origins, found.golden.inputs["features"], strict=True))
    assert np.isinf(inputs["stress: a infinite"][0])
    assert inputs["stress: b beyond 24 bits"][1] > 2**24
    assert inputs["stress: a far outside the range seen"][0] > 1e5
    assert {"stress: a tiny", "stress: a one float32 step beside a threshold"} <= set(inputs)


@pytest.mark.parametrize("model", [XGBClassifier(n_estimators=3), LGBMClassifier(n_estimators=3, verbose=-1)], ids=str)
def test_boosters_of_other_libraries_are_stressed_on_their_thresholds(tmp_path: Path, model: Any) -> None:
    found = asked(adapted(model.fit(FRAME, FRAME["a"] > 0)), tmp_path)
    assert "stress: a on a threshold" in found.golden.origins


def test_the_share_of_leaves_and_categories_is_told(tmp_path: Path) -> None:
    frame = FRAME.assign(town=RANDOM.choice(["Zürich", "北京", "Köln"], 80))
    encode = ColumnTransformer([("t", OneHotEncoder(handle_unknown="ignore"), ["town"])], remainder="passthrough")
    model = make_pipeline(encode, RandomForestClassifier(5, random_state=0)).fit(frame, LABEL)
    found = asked(model, tmp_path, frame[frame["town"] != "Köln"][:1])
    assert found.reached.facts()["categories_visited"] == 1  # the encoder's categories are stressed
    assert 0 < found.reached.facts()["leaves_visited"] < 1
    assert found.notes[-1].startswith("golden set visits ")


@pytest.mark.parametrize("predictor", [RandomForestClassifier(10, random_state=0), HistGradientBoostingClassifier()])
def test_without_a_sample_all_leaves_are_reached_through_the_steps_before(tmp_path: Path, predictor: Any) -> None:
    frame = FRAME.assign(town=RANDOM.choice(["Zürich", "北京", "Köln"], 80), grade=RANDOM.choice(["A", "B"], 80))
    columns = ColumnTransformer(
        [
            ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
            ("t", OneHotEncoder(sparse_output=False), ["town"]),
            ("g", OrdinalEncoder(), ["grade"]),
        ]
    )
    label = (frame["a"] > 0) ^ (frame["town"] == "Köln") ^ (frame["grade"] == "A")
    found = asked(make_pipeline(columns, predictor).fit(frame, label), tmp_path, None)
    assert found.reached.facts() == {"leaves_visited": 1.0, "categories_visited": 1.0}


def test_categories_of_histogram_boosting_are_known_without_a_sample(tmp_path: Path) -> None:
    frame = FRAME.assign(town=pd.Categorical(RANDOM.choice(["Zürich", "北京"], 80)))
    found = asked(HistGradientBoostingClassifier(max_iter=5).fit(frame, LABEL), tmp_path, None)
    assert set(found.golden.plain().inputs["town"].ravel()) == {"Zürich", "北京"}


@pytest.mark.parametrize(
    ("labels", "kind"), [([0, 1], "integer"), (["no", "yes"], "string"), ([False, True], "boolean")]
)
def test_several_targets_at_once_give_a_prediction_for_each(tmp_path: Path, labels: list[Any], kind: str) -> None:
    up = (LABEL == "up").astype(int)
    target = np.array(labels)[np.stack([up, 1 - up], axis=1)]
    (output,) = asked(MultiOutputClassifier(LogisticRegression()).fit(FRAME, target), tmp_path).signature.outputs
    assert (output.name, output.type, output.width, output.classes) == ("prediction", kind, 2, None)


def test_an_unfitted_model_is_told(tmp_path: Path) -> None:
    with pytest.raises((ModelError, UnsupportedModelError)):
        asked(LogisticRegression(), tmp_path)


def test_an_imputer_of_none_is_given_none(tmp_path: Path) -> None:
    frame = pd.DataFrame({"town": pd.Series(["Zürich", None, "北京", "北京"] * 5, dtype=object)})
    fill = SimpleImputer(missing_values=None, strategy="most_frequent")
    model = make_pipeline(fill, OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    found = asked(model.fit(frame, [0, 1, 1, 1] * 5), tmp_path, frame)
    assert (found.signature.columns[0].null, found.signature.columns[0].nullable) == ("none", True)
    missing = found.golden.origins.index("stress: town missing")
    assert found.golden.outputs["prediction"][missing] == 1
