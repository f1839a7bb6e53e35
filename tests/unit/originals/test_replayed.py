"""The sample read again by what the signature says."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mlship.errors import DataError
from mlship.originals.replayed import rows
from mlship.originals.visit import visit

FRAME = pd.DataFrame({"size": [1.0, 2.0, np.nan, 4.0] * 5, "code": ["007", "8", None, "9"] * 5, "answer": [0, 1] * 10})


def _mixed() -> Any:
    columns = make_column_transformer((OneHotEncoder(), ["code"]), (_imputer(), ["size"]))
    return make_pipeline(columns, LogisticRegression()).fit(FRAME[["size", "code"]], FRAME["answer"])


def _imputer() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer()


def test_the_rows_are_those_that_the_original_was_asked_about(tmp_path: Path) -> None:
    file = tmp_path / "sample.csv"
    FRAME.to_csv(file, index=False)
    seen = visit(_mixed(), file, target="answer", rows=1000, seed=0)
    found = rows(file, seen.signature, target="answer", most=1000, seed=0)
    for name, values in seen.golden.plain().inputs.items():
        np.testing.assert_array_equal(found.inputs[name], values)
    assert found.target is not None
    assert found.target.tolist() == FRAME["answer"].tolist()


@pytest.mark.parametrize("named", [True, False])
def test_arrays_are_taken_by_position(tmp_path: Path, *, named: bool) -> None:
    values = np.arange(12.0).reshape(6, 2)
    given = pd.DataFrame(values, columns=["a", "b"]) if named else values
    model = LogisticRegression().fit(given, [0, 1, 0, 1, 0, 1])
    file = tmp_path / "sample.npy"
    np.save(file, values)
    signature = visit(model, file, target=None, rows=10, seed=0).signature
    np.testing.assert_array_equal(rows(file, signature, target=None, most=10, seed=0).inputs["features"], values)


def test_texts_are_found_under_another_name(tmp_path: Path) -> None:
    texts = ["good thing", "bad thing", "good", "bad"]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])
    file = tmp_path / "sample.csv"
    pd.DataFrame({"review": texts, "stars": [1, 0, 1, 0]}).to_csv(file, index=False)
    signature = visit(model, file, target="stars", rows=10, seed=0).signature
    found = rows(file, signature, target="stars", most=10, seed=0)
    assert next(iter(found.inputs.values()))[:, 0].tolist() == texts
    assert found.target is not None


def test_of_a_large_sample_some_rows_are_drawn_with_their_answers(tmp_path: Path) -> None:
    file = tmp_path / "sample.csv"
    frame = pd.DataFrame({"a": np.arange(100.0), "answer": np.arange(100)})
    frame.to_csv(file, index=False)
    model = LogisticRegression().fit(frame[["a"]], frame["answer"] > 50)
    signature = visit(model, file, target="answer", rows=10, seed=0).signature
    found = rows(file, signature, target="answer", most=20, seed=1)
    assert found.target is not None
    assert found.inputs["features"][:, 0].tolist() == found.target.tolist()
    assert len(found.target) == 20


def test_an_unknown_target_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "sample.csv"
    FRAME.to_csv(file, index=False)
    signature = visit(_mixed(), file, target="answer", rows=10, seed=0).signature
    with pytest.raises(DataError, match="no column 'price'"):
        rows(file, signature, target="price", most=10, seed=0)
