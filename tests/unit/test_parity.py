import numpy as np
import pytest

from mlship.golden import Golden
from mlship.parity import DOUBLE, FLOAT, compare


def golden(**outputs: list[object]) -> Golden:
    arrays = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else None) for name, values in outputs.items()
    }
    rows = len(next(iter(arrays.values())))
    return Golden({"features": np.arange(rows, dtype=float)[:, None]}, arrays, ("sample",) * rows)


def test_equal_answers_pass() -> None:
    verdict = compare(golden(prediction=["a", "b"]), {"prediction": np.array(["a", "b"], dtype=object)})
    assert verdict.passed
    assert verdict.rows_off == 0


def test_the_first_row_that_differs_is_named_with_its_inputs() -> None:
    verdict = compare(golden(prediction=[1, 2, 3]), {"prediction": np.array([1, 5, 6])})
    assert (verdict.passed, verdict.labels_off) == (False, 2)
    assert verdict.first is not None
    assert (verdict.first.row, verdict.first.expected, verdict.first.actual) == (1, 2, 5)
    assert verdict.first.inputs == {"features": [1.0]}


def test_numbers_may_differ_by_the_tolerance_and_no_more() -> None:
    expected = golden(prediction=[1.0, 2.0])
    assert compare(expected, {"prediction": np.array([1.0 + 5e-10, 2.0])}, DOUBLE).passed
    assert not compare(expected, {"prediction": np.array([1.0 + 5e-9, 2.0])}, DOUBLE).passed
    assert compare(expected, {"prediction": np.array([1.0 + 5e-9, 2.0])}, FLOAT).passed


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_missing_and_infinite_values_must_be_in_the_same_places(wrong: float) -> None:
    assert not compare(golden(prediction=[1.0]), {"prediction": np.array([wrong])}, FLOAT).passed
    assert not compare(golden(prediction=[wrong]), {"prediction": np.array([1.0])}, FLOAT).passed
    assert compare(golden(prediction=[wrong]), {"prediction": np.array([wrong])}, FLOAT).passed


def test_another_shape_or_a_lacking_output_fails_and_says_so() -> None:
    expected = golden(prediction=[1.0, 2.0])
    assert "shape (2, 1)" in compare(expected, {"prediction": np.array([[1.0], [2.0]])}).sentence()
    assert "found nothing" in compare(expected, {"other": np.array([1.0, 2.0])}).sentence()


def test_a_label_that_is_near_is_still_another_label() -> None:
    assert not compare(golden(prediction=[10**9]), {"prediction": np.array([10**9 + 1])}, FLOAT).passed
