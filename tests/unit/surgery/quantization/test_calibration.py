"""The rows that are calibrated with, and the ranges that they show."""

import logging
from pathlib import Path

import numpy as np
import pytest

from mlship.surgery.quantization.calibration import Calibration, chosen, complete, ranges
from mlship.surgery.quantization.preparing import as_gemm
from tests.unit.surgery.quantization.networks import perceptron, rows

MODEL = as_gemm(perceptron((64, 16, 3), np.float32))


def test_rows_with_missing_or_infinite_numbers_are_not_complete() -> None:
    numbers = np.array([[1.0, 2.0], [np.nan, 2.0], [1.0, np.inf]])
    texts = np.array([["a"], ["b"], ["c"]], dtype=object)
    assert complete({"numbers": numbers, "texts": texts}).tolist() == [True, False, False]


def test_texts_alone_are_complete() -> None:
    assert complete({"texts": np.array([["a"], ["b"]], dtype=object)}).all()


@pytest.mark.parametrize(("there", "count", "taken"), [(200, 64, 64), (200, 500, 200), (131, 500, 129), (40, 50, 40)])
def test_rows_are_drawn_in_batches_of_one_size(there: int, count: int, taken: int) -> None:
    assert len(chosen({"x": rows(there)}, count, seed=0)["x"]) == taken


def test_the_same_seed_draws_the_same_rows() -> None:
    first, second, other = (chosen({"x": rows()}, 64, seed=seed)["x"] for seed in (3, 3, 4))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_minmax_finds_the_outermost_numbers() -> None:
    x = rows(128).astype(np.float32)
    low, high = ranges(MODEL, {"x": x}, "minmax", ["Gemm"])["x"].range_value
    assert (low.item(), high.item()) == (float(x.min()), float(x.max()))


def test_a_percentile_leaves_out_an_outlier() -> None:
    x = rows(512)
    x[7, 7] = 1e4
    _, widest = ranges(MODEL, {"x": x}, "minmax", ["Gemm"])["x"].range_value
    _, narrower = ranges(MODEL, {"x": x}, "percentile", ["Gemm"])["x"].range_value
    assert narrower.item() < widest.item() == 1e4


@pytest.mark.parametrize("how", ["minmax", "percentile", "entropy"])
def test_nothing_is_printed_logged_or_left_behind(
    how: Calibration, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    handlers = logging.getLogger().handlers[:]
    ranges(MODEL, {"x": rows(128)}, how, ["Gemm"])
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert logging.getLogger().handlers == handlers
