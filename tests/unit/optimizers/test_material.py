"""The rows that an optimisation works with, and their true answers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlship import graphs
from mlship.errors import DataError
from mlship.optimizers.material import rows
from mlship.originals.visit import visit
from mlship.quality import Rows

DRAW = np.random.default_rng(0)
NUMBERS = pd.DataFrame(DRAW.normal(size=(40, 2)), columns=["a", "b"])
SIDES = (NUMBERS["a"] > 0).to_numpy()


def material(folder: Path, model: Any, target: Any) -> tuple[Rows, Rows, bool]:
    """Write a sample with ``target`` beside the numbers, convert ``model``, and take the rows."""
    sample, file = folder / "sample.csv", folder / "model.onnx"
    NUMBERS.assign(answer=target).to_csv(sample, index=False)
    seen = visit(model, sample, target="answer", rows=100, seed=0)
    wanted = [output.name for output in seen.signature.outputs]
    file.write_bytes(graphs.convert(model, seen.signature.tensors, seen.signature.columns, outputs=wanted).content)
    return rows(file, seen.golden, seen.signature, sample, target="answer", most=100, seed=0)


def test_the_halves_share_no_row_and_keep_their_answers(tmp_path: Path) -> None:
    fit, judge, real = material(tmp_path, LinearRegression().fit(NUMBERS, NUMBERS["a"]), NUMBERS["a"])
    assert (len(fit), len(judge), real) == (20, 20, True)
    both = np.concatenate([fit.inputs["features"], judge.inputs["features"]])
    assert len(np.unique(both, axis=0)) == 40
    np.testing.assert_allclose(judge.inputs["features"][:, 0], judge.target)


def test_rows_without_a_true_answer_are_left_out(tmp_path: Path) -> None:
    gaps = np.where(np.arange(40) < 10, np.nan, SIDES.astype(float))
    fit, judge, _ = material(tmp_path, LogisticRegression().fit(NUMBERS, SIDES.astype(int)), gaps)
    assert len(fit) + len(judge) == 30
    assert judge.target is not None
    assert judge.target.dtype == np.int64


def test_a_gap_does_not_turn_labels_of_text_into_others(tmp_path: Path) -> None:
    gaps = np.where(np.arange(40) < 10, np.nan, SIDES.astype(float))
    model = LogisticRegression().fit(NUMBERS, SIDES.astype(int).astype(str))
    fit, _, _ = material(tmp_path, model, gaps)
    assert fit.target is not None
    assert set(fit.target) == {"0", "1"}


@pytest.mark.parametrize(
    ("labels", "target", "words"),
    [
        (SIDES.astype(int), ["yes", "no"] * 20, "'yes', which is no answer of the model"),
        (SIDES.astype(int), [7, 8] * 20, "'7', which is no label of the model: 0, 1"),
        (SIDES.astype(str), ["yes", "no"] * 20, "'yes', which is no label of the model: False, True"),
        (SIDES.astype(int), [None] * 40, "'answer' is empty in every row"),
    ],
)
def test_a_target_that_cannot_be_right_is_refused(tmp_path: Path, labels: Any, target: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        material(tmp_path, LogisticRegression().fit(NUMBERS, labels), target)


def test_a_target_of_numbers_is_asked_of_a_regressor(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'mid', which is no answer of the model"):
        material(tmp_path, LinearRegression().fit(NUMBERS, NUMBERS["a"]), ["mid"] * 40)


@pytest.mark.parametrize(
    "model",
    [KMeans(2, n_init=1, random_state=0).fit(NUMBERS), LinearRegression().fit(NUMBERS, NUMBERS)],
    ids=["clusters", "two numbers a row"],
)
def test_what_no_target_can_be_held_against_is_judged_by_the_original(tmp_path: Path, model: Any) -> None:
    fit, judge, _ = material(tmp_path, model, NUMBERS["a"])
    assert (fit.target, judge.target) == (None, None)
