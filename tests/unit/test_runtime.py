"""Sessions with settings: they are read strictly, and blocks of rows answer what one run answers, bit by bit."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx.parser
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from mlship import graphs
from mlship.errors import ModelError
from mlship.runtime import Session, Settings, complaints, in_blocks
from mlship.signature import Column, Tensor

#: Its first input says which row of the table to answer with; beyond the table it fails.
TABLE = """
<ir_version: 9, opset_import: ["" : 17]>
lookup (int64[rows] row) => (double[rows, 2] prediction) {
    table = Constant <value = double[3, 2] {1, 2, 3, 4, 5, 6}> ()
    prediction = Gather <axis = 0> (table, row)
}
"""


@pytest.fixture(scope="module")
def forest() -> bytes:
    rows, labels = load_iris(return_X_y=True)
    columns = [Column(name=f"x{i}", type="number", tensor="features", index=i) for i in range(4)]
    model = RandomForestClassifier(20, min_samples_leaf=3, random_state=0).fit(rows, labels)
    tensors = [Tensor(name="features", kind="number", width=4)]
    return graphs.convert(model, tensors, columns, outputs=["prediction", "probabilities"]).content


def many(session: Session, inputs: Mapping[str, NDArray[Any]], count: int) -> dict[str, NDArray[Any]]:
    """Return a feed of ``count`` rows, those of ``inputs`` over and over."""
    rows = np.arange(count) % len(next(iter(inputs.values())))
    return {name: values[rows] for name, values in session.feed(inputs).items()}


def assert_same(found: Mapping[str, NDArray[Any]], wanted: Mapping[str, NDArray[Any]]) -> None:
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype
        assert found[name].shape == values.shape
        assert found[name].tolist() == values.tolist()


@pytest.mark.parametrize("count", [1, 16, 17, 48, 103])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", ["numeric", "mixed", "texts"])
def test_blocks_of_rows_answer_what_one_run_answers(
    cases: Mapping[str, Any], name: str, threads: int, count: int
) -> None:
    whole = Session(cases[name].model)
    cut = Session(cases[name].model, Settings(rows_a_run=16, parallel_blocks=threads))
    feed = many(whole, cases[name].golden.inputs, count)
    assert_same(cut.run(feed), whole.run(feed))


@pytest.mark.parametrize("name", ["numeric", "mixed"])
def test_no_rows_get_no_answers(cases: Mapping[str, Any], name: str) -> None:
    session = Session(cases[name].model, Settings(rows_a_run=16, parallel_blocks=2))
    answers = session.run(many(session, cases[name].golden.inputs, 0))
    assert [len(values) for values in answers.values()] == [0] * len(answers)


def test_blocks_of_a_forest_are_added_up_like_one_run(forest: bytes) -> None:
    whole, cut = Session(forest), Session(forest, Settings(rows_a_run=130, parallel_blocks=2))
    feed = many(whole, {"features": load_iris().data + np.random.default_rng(0).normal(size=(150, 4))}, 1_000)
    assert_same(cut.run(feed), whole.run(feed))


@pytest.mark.parametrize("threads", [1, 2])
def test_what_fails_in_one_block_fails_the_call(threads: int) -> None:
    model = onnx.parser.parse_model(TABLE).SerializeToString()
    session = Session(model, Settings(rows_a_run=4, parallel_blocks=threads))
    with pytest.raises(ModelError, match="out of"), complaints("fails"):
        session.run({"row": np.array([0, 1, 2] * 5 + [7])})
    assert session.run({"row": np.array([0, 1, 2] * 5)})["prediction"].shape == (15, 2)


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, [0]), (1, [1]), (64, [64]), (65, [32, 33]), (129, [48, 48, 33]), (192, [64, 64, 64])]
)
def test_blocks_are_even_start_at_multiples_of_16_and_are_no_larger_than_asked(count: int, sizes: list[int]) -> None:
    seen = []

    def run(outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        seen.append(len(feed["x"]))
        return [feed["x"]]

    rows = np.arange(count)
    assert in_blocks(run, rows=60, threads=1)(None, {"x": rows})[0].tolist() == rows.tolist()
    assert seen == sizes


def test_blocks_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=5)  # breaks unless two blocks are under way at once

    def run(outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        both.wait()
        return [feed["x"]]

    assert in_blocks(run, rows=16, threads=2)(None, {"x": np.arange(32)})[0].tolist() == list(range(32))


def test_without_blocks_nothing_stands_between_the_caller_and_the_library() -> None:
    def run(outputs: Sequence[str] | None, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        return list(feed.values())

    assert in_blocks(run, rows=0, threads=4) is run


def test_a_model_without_inputs_answers_in_blocks_too() -> None:
    text = '<ir_version: 9, opset_import: ["" : 17]> g () => (int64[1] x) { x = Constant <value_ints = [7]> () }'
    session = Session(onnx.parser.parse_model(text).SerializeToString(), Settings(rows_a_run=1))
    assert session.run({})["x"].tolist() == [7]


@pytest.mark.parametrize(
    "settings",
    [
        {"intra_op_num_threads": 2, "allow_spinning": False},
        {"execution_mode": "parallel", "inter_op_num_threads": 2},
        {"enable_cpu_mem_arena": False, "enable_mem_pattern": False},
    ],
)
def test_every_setting_leaves_the_answers_as_they_are(cases: Mapping[str, Any], settings: dict[str, Any]) -> None:
    golden = cases["mixed"].golden
    plain, tuned = Session(cases["mixed"].model), Session(cases["mixed"].model, Settings(**settings))
    found, wanted = (session.run(session.feed(golden.inputs)) for session in (tuned, plain))
    assert found["prediction"].tolist() == wanted["prediction"].tolist()
    np.testing.assert_allclose(found["probabilities"], wanted["probabilities"], rtol=1e-14)


def test_the_library_is_told_the_settings() -> None:
    options = Settings(
        intra_op_num_threads=3, execution_mode="parallel", allow_spinning=False, enable_cpu_mem_arena=False
    ).options()
    assert options.intra_op_num_threads == 3
    assert options.execution_mode.name == "ORT_PARALLEL"
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert not options.enable_cpu_mem_arena


def test_a_plain_number_is_that_of_the_threads(cases: Mapping[str, Any]) -> None:
    inputs = cases["numeric"].golden.inputs
    one, two = Session(cases["numeric"].model), Session(cases["numeric"].model, 2)
    assert_same(two.run(two.feed(inputs)), one.run(one.feed(inputs)))


@pytest.mark.parametrize(
    ("settings", "threads"),
    [
        ({}, 1),
        ({"intra_op_num_threads": 4}, 4),
        ({"intra_op_num_threads": 0}, 0),
        ({"inter_op_num_threads": 4}, 1),
        ({"inter_op_num_threads": 4, "execution_mode": "parallel"}, 4),
        ({"rows_a_run": 100, "parallel_blocks": 2}, 2),
    ],
)
def test_threads_are_those_that_work_on_a_call(settings: dict[str, Any], threads: int) -> None:
    assert Settings(**settings).threads == threads


@pytest.mark.parametrize(
    "wrong",
    [
        {"intra_op_num_threads": -1},
        {"intra_op_num_threads": "2"},
        {"execution_mode": "fast"},
        {"allow_spinning": 1},
        {"rows_a_run": -1},
        {"rows_a_run": 0.5},
        {"parallel_blocks": 0},
        {"threads": 2},
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)
