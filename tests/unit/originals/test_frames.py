from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from mlship.errors import DataError
from mlship.originals import frames
from mlship.originals.knowledge import Known
from mlship.signature import MISSING_STRING


def fitted(names: list[str] | None, width: int = 2) -> LinearRegression:
    rows: Any = np.random.default_rng(0).normal(size=(10, width))
    return LinearRegression().fit(rows if names is None else pd.DataFrame(rows, columns=names), np.arange(10))


def test_columns_are_chosen_by_name_in_the_models_order() -> None:
    sample = pd.DataFrame({"b": [1.0], "extra": [2.0], "a": [3.0], "y": [4.0]})
    aligned = frames.align(sample, fitted(["a", "b"]), "y")
    assert list(aligned.frame.columns) == ["a", "b"]
    assert aligned.ignored == ("extra",)
    np.testing.assert_array_equal(aligned.target, [4.0])


def test_a_model_without_names_takes_columns_by_position_under_the_samples_names() -> None:
    aligned = frames.align(pd.DataFrame({"u": [1], "v": [2]}), fitted(None), None)
    assert (list(aligned.frame.columns), aligned.named) == (["u", "v"], False)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="'b'"):
        frames.align(pd.DataFrame({"a": [1.0]}), fitted(["a", "b"]), None)


def test_a_column_too_many_may_be_the_target() -> None:
    with pytest.raises(DataError) as caught:
        frames.align(pd.DataFrame({"u": [1], "v": [2], "label": [3]}), fitted(None), None)
    assert caught.value.hint == "is the last one the answer? try --target label"


def test_numeric_columns_share_one_tensor_and_mixed_ones_have_their_own() -> None:
    numeric = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [True, False]})
    columns, tensors = frames.describe(numeric, [Known()] * 3)
    assert [(column.type, column.index) for column in columns] == [("integer", 0), ("number", 1), ("boolean", 2)]
    assert [(tensor.name, tensor.width) for tensor in tensors] == [("features", 3)]
    columns, tensors = frames.describe(numeric.assign(**{"home.dest": ["x", None]}), [Known()] * 4)
    assert [tensor.name for tensor in tensors] == ["a", "b", "c", "home.dest"]
    assert columns[3].categories == ("x",)


def test_a_column_called_as_an_output_is_has_an_input_of_another_name() -> None:
    frame = pd.DataFrame({"prediction": ["a"], "prediction_": ["b"]})
    columns, tensors = frames.describe(frame, [Known(), Known()])
    assert [column.name for column in columns] == ["prediction", "prediction_"]
    assert [tensor.name for tensor in tensors] == ["prediction__", "prediction_"]


def test_booleans_with_gaps_reach_the_original_as_pandas_reads_them() -> None:
    frame = pd.DataFrame({"b": pd.Series([True, None, False], dtype=object)})
    columns, tensors = frames.describe(frame, [Known()])
    back = frames.to_original(None, frames.to_tensors(frame, columns, tensors), columns, named=True)
    assert back["b"].tolist()[::2] == [True, False]
    assert np.isnan(back["b"][1])


@pytest.mark.parametrize("named", [True, False])
def test_tensors_come_back_as_what_the_original_was_trained_on(named: bool) -> None:
    frame = pd.DataFrame({"n": [1.5, np.nan], "i": [1, 2], "t": ["é", None]})
    columns, tensors = frames.describe(frame, [Known(), Known(), Known(categories=["é", None])])
    coded = frames.to_tensors(frame, columns, tensors)
    assert coded["t"][1, 0] == MISSING_STRING
    back = frames.to_original(None, coded, columns, named=named)
    values = back.to_numpy(dtype=object) if named else back
    assert values[0].tolist() == [1.5, 1, "é"]
    assert np.isnan(values[1][0])
    assert values[1][2] is None


@pytest.mark.parametrize(
    ("values", "words"), [([pd.Timestamp(0)], "datetime64"), ([1, "x"], "mixes int, str"), ([b"x"], "mixes bytes")]
)
def test_columns_that_a_service_cannot_take_are_named(values: list[Any], words: str) -> None:
    with pytest.raises(DataError, match="'when'") as caught:
        frames.describe(pd.DataFrame({"when": values}), [Known()])
    assert words in caught.value.message


def test_a_column_too_many_may_be_the_index() -> None:
    with pytest.raises(DataError) as caught:
        frames.align(pd.DataFrame({"Unnamed: 0": [0], "u": [1], "v": [2]}), fitted(None), None)
    assert "index=False" in caught.value.hint


def test_columns_of_one_name_are_refused() -> None:
    with pytest.raises(DataError, match="more than one column 'u'"):
        frames.align(pd.DataFrame([[1, 2]], columns=["u", "u"]), fitted(None), None)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1, None, 3], dtype="double[pyarrow]"),
        pd.Series([1, None, 3]).astype("category"),
        pd.Series(["x", None, "y"], dtype="string"),
        pd.Series(["x", None, "y"]).astype("category"),
        pd.Series([True, None, False], dtype="boolean"),
    ],
    ids=lambda values: str(values.dtype),
)
def test_types_of_pandas_reach_the_original_as_plain_ones(values: Any) -> None:
    frame = pd.DataFrame({"v": values})
    columns, tensors = frames.describe(frame, [Known()])
    back = frames.to_original(None, frames.to_tensors(frame, columns, tensors), columns, named=True)["v"]
    assert back.dtype in (np.float64, np.dtype(object))
    assert back.isna().tolist() == [False, True, False]
    assert back[0] == values[0]


def test_long_texts_are_no_categories() -> None:
    columns, _ = frames.describe(pd.DataFrame({"t": ["x" * 1000, "y"]}), [Known()])
    assert columns[0].categories is None
