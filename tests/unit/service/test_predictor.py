"""Requests that share a run get, to the byte, what each gets alone; one that is wrong fails alone."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx.parser
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from mlship import graphs, signature
from mlship.originals.visit import visit
from mlship.replay import payload
from mlship.signature import Column, Output, Signature, Tensor

Load = Callable[..., Any]

#: Answers 0.1, 0.2 or 0.3, in float, and fails for another index: as kernels do that look values up.
LOOKUP = """
<ir_version: 9, opset_import: ["" : 17]>
lookup (double[rows, 1] features) => (float[rows] prediction) {
    table = Constant <value_floats = [0.1, 0.2, 0.3]> ()
    flat = Constant <value_ints = [-1]> ()
    column = Reshape (features, flat)
    index = Cast <to = 7> (column)
    prediction = Gather (table, index)
}
"""


@pytest.fixture(scope="module")
def lookup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of LOOKUP."""
    folder = tmp_path_factory.mktemp("lookup")
    (folder / "model.onnx").write_bytes(onnx.parser.parse_model(LOOKUP).SerializeToString())
    told = Signature(
        model="Lookup",
        task="regressor",
        named=False,
        columns=(Column(name="x0", type="number", tensor="features", index=0),),
        tensors=(Tensor(name="features", kind="number", width=1),),
        outputs=(Output(name="prediction", type="number"),),
    )
    signature.write(told, folder / "signature.json")
    return folder


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[float]]]:
    """The model folder of a forest, and rows for it."""
    folder = tmp_path_factory.mktemp("forest")
    iris = load_iris(as_frame=True)
    model = RandomForestClassifier(30, random_state=0).fit(iris.data, iris.target_names[iris.target])
    iris.data.to_csv(folder / "sample.csv", index=False)
    told = visit(model, folder / "sample.csv", target=None, rows=100, seed=0).signature
    converted = graphs.convert(model, told.tensors, told.columns, outputs=[output.name for output in told.outputs])
    (folder / "model.onnx").write_bytes(converted.content)
    signature.write(told, folder / "signature.json")
    return folder, pd.DataFrame(iris.data).sample(frac=1.0, random_state=1).to_numpy().tolist()


@pytest.fixture(scope="module")
def load(service_code: Callable[[str], Any], scaffolded: Callable[[str], Path]) -> Load:
    """Return a function that makes the predictor of a case or of a model folder."""

    def make(model: str | Path, **limits: Any) -> Any:
        folder = scaffolded(model) / "model" if isinstance(model, str) else model
        settings = service_code("core.settings").Settings(model_dir=folder, **limits)
        return service_code("core.predictor").Predictor(service_code("core.runtime.model").load(folder), settings)

    return make


def bodies_of(case: Any, count: int) -> list[bytes]:
    """Return bodies of one to three golden rows, as lists and as records in turn."""
    rows = payload(case.golden, case.signature, range(len(case.golden)))["features"]
    names = [column.name for column in case.signature.columns]
    bodies = []
    for number in range(count):
        mine = [rows[(3 * number + i) % len(rows)] for i in range(1 + number % 3)]
        records = {"records": [dict(zip(names, row, strict=True)) for row in mine]}
        bodies.append(json.dumps(records if number % 2 else {"features": mine}).encode())
    return bodies


def told(answer: Any) -> Any:
    """Return what a client would be told."""
    return (answer.content, answer.rows) if hasattr(answer, "content") else (answer.status, answer.problems)


def parsed(answer: Any) -> Any:
    return json.loads(answer.content)


def indices(*values: object) -> list[bytes]:
    return [json.dumps({"features": [[value]]}).encode() for value in values]


@pytest.mark.parametrize("name", ["numeric", "mixed", "texts", "switch"])
def test_each_gets_what_it_gets_alone(load: Load, cases: Mapping[str, Any], name: str) -> None:
    predictor = load(name)
    outputs = predictor.choose(["all"])
    bodies = bodies_of(cases[name], 24)
    together = predictor.answers(bodies, outputs)
    alone = [predictor.answer(body, ["all"]) for body in bodies]
    assert [answer.rows for answer in together] == [answer.rows for answer in alone]
    for mine, expected in zip(map(parsed, together), map(parsed, alone), strict=True):
        assert mine["prediction"] == expected["prediction"]
        # The kernels of ONNX Runtime sum products in another order for one row: the last digit of a linear model.
        for found, wanted in zip(mine.get("probabilities", ()), expected.get("probabilities", ()), strict=True):
            assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", ["numeric", "mixed", "texts", "switch"])
def test_each_gets_to_the_byte_what_it_gets_alone(load: Load, cases: Mapping[str, Any], name: str) -> None:
    predictor = load(name)
    bodies = bodies_of(cases[name], 24)
    together = [told(answer) for answer in predictor.answers(bodies, predictor.usual)]
    assert together == [told(predictor.answer(body)) for body in bodies]


def test_each_gets_to_the_byte_what_it_gets_alone_of_a_forest(
    load: Load, forest: tuple[Path, list[list[float]]]
) -> None:
    folder, rows = forest
    predictor = load(folder)
    bodies = [json.dumps({"features": [row]}).encode() for row in rows]
    together = [told(answer) for answer in predictor.answers(bodies, predictor.choose(["all"]))]
    assert together == [told(predictor.answer(body, ["all"])) for body in bodies]


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"nonsense",
        b"\xff",
        b"[]",
        b'{"features": []}',
        b'{"features": [[1, 2, 3]]}',
        b'{"features": [[1, 2, 3, 4, 5]]}',
        b'{"features": [[1, 2, 3, "4"]]}',
        b'{"features": [[1, 2, 3, true]]}',
        b'{"features": [[1, 2, 3, null]]}',
        b'{"features": [[1, 2, 3, 1e999]]}',
        b'{"features": [[1, 2, 3, 4]], "features": [[1, 2, 3, 4]]}',
        b'{"features": [[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]}',
        b'{"records": [{}]}',
    ],
)
@pytest.mark.parametrize("position", [0, 5, 24])
def test_a_wrong_body_is_refused_alone(
    load: Load, cases: Mapping[str, Any], service_code: Callable[[str], Any], wrong: bytes, position: int
) -> None:
    predictor = load("numeric", max_rows=3)
    bodies = bodies_of(cases["numeric"], 24)
    expected = [told(predictor.answer(body)) for body in bodies]
    bodies.insert(position, wrong)
    found = predictor.answers(bodies, predictor.usual)
    refused = found.pop(position)
    assert list(map(told, found)) == expected
    with pytest.raises(service_code("core.problems").InvalidRequestError) as alone:
        predictor.answer(wrong)
    assert told(refused) == told(alone.value)


def test_several_wrong_bodies_are_refused_each_in_its_place(load: Load) -> None:
    predictor = load("switch")
    found = predictor.answers([b"1", *indices(1), b"", *indices("x", -1), b"null"], predictor.usual)
    assert [told(answer)[0] for answer in found] == [
        422,
        b'{"prediction":[true]}',
        400,
        422,
        b'{"prediction":[false]}',
        422,
    ]


def test_values_that_the_model_refuses_fail_alone(load: Load, lookup: Path) -> None:
    predictor = load(lookup)
    found = predictor.answers(indices(0, 1, 7, 2, 1, -9, 0), predictor.usual)
    prices = [b'{"prediction":[%s]}' % digits for digits in (b"0.1", b"0.2", b"0.3", b"0.2", b"0.1")]
    assert [told(answer)[0] for answer in found] == [*prices[:2], 422, *prices[2:4], 422, prices[4]]
    assert {problem.type for problem in found[2].problems} == {"model_error"}


class Halving:
    """Stands for a model in its own library that writes into its rows, and then refuses what is negative."""

    def __init__(self, refusal: Exception) -> None:
        self.dtypes = {"features": np.float64}
        self._refusal = refusal

    def run(self, feed: Mapping[str, Any], outputs: tuple[str, ...]) -> dict[str, Any]:
        values = feed["features"]
        values /= 2
        if (values < 0).any():
            raise self._refusal
        return {"prediction": values[:, 0].copy()}


def test_a_model_that_writes_into_its_rows_and_refuses_some_spoils_no_others(
    load: Load, lookup: Path, service_code: Callable[[str], Any]
) -> None:
    model = load(lookup).model
    refusal = service_code("core.problems").invalid(("body",), "negative", "model_error")
    halving = service_code("core.runtime.model").Model(model.signature, Halving(refusal), "", "")
    predictor = service_code("core.predictor").Predictor(halving, service_code("core.settings").Settings())
    found = predictor.answers(indices(1, 2, -1, 4), predictor.usual)
    prices = [b'{"prediction":[%s]}' % digits for digits in (b"0.5", b"1.0", b"2.0")]
    assert [told(answer)[0] for answer in found] == [*prices[:2], 422, prices[2]]


def test_nothing_is_answered_to_nobody(load: Load) -> None:
    assert load("switch").answers([], ("prediction",)) == []


@pytest.mark.parametrize(
    ("rows", "most", "expected"),
    [
        ([1] * 8, 8, [(8, 8)]),
        ([1] * 8, 7, [(4, 4), (4, 4)]),
        ([3, 3, 3], 6, [(1, 3), (2, 6)]),
        ([9, 1, 1], 4, [(1, 9), (2, 2)]),
    ],
)
def test_a_run_has_at_most_so_many_rows_unless_one_request_has_more(
    load: Load, rows: list[int], most: int, expected: list[tuple[int, int]]
) -> None:
    predictor = load("switch", batch_rows=most)
    runs: list[tuple[int, int]] = []
    predictor.ran = lambda requests, rows: runs.append((requests, rows))
    bodies = [json.dumps({"features": [[number]] * count}).encode() for number, count in enumerate(rows)]
    answers = predictor.answers(bodies, predictor.usual)
    assert runs == expected
    assert [json.loads(answer.content)["prediction"] for answer in answers] == [
        [number > 0] * count for number, count in enumerate(rows)
    ]


def test_work_of_other_protocols_shares_runs_with_work_that_wants_the_same(
    load: Load, cases: Mapping[str, Any], service_code: Callable[[str], Any]
) -> None:
    predictor = load("mixed")
    work = service_code("core.predictor").Work
    runs: list[int] = []
    predictor.ran = lambda requests, rows: runs.append(requests)
    bodies = bodies_of(cases["mixed"], 9)
    wanted = [predictor.usual if number % 3 else predictor.choose(["all"]) for number in range(9)]
    works = [
        work(predictor.decoder.decode(body), outputs, predictor.encoder.encode)
        for body, outputs in zip(bodies, wanted, strict=True)
    ]
    found = predictor.run(works)
    assert runs == [3, 6]
    assert found == [predictor.answer(body, outputs).content for body, outputs in zip(bodies, wanted, strict=True)]


def test_work_that_the_model_refuses_fails_alone(load: Load, lookup: Path, service_code: Callable[[str], Any]) -> None:
    predictor = load(lookup)
    work = service_code("core.predictor").Work
    rows = [predictor.decoder.decode(body) for body in indices(2, 5, 1)]
    first, wrong, last = predictor.run([work(part, predictor.usual, predictor.encoder.encode) for part in rows])
    assert (first, wrong.status, last) == (b'{"prediction":[0.3]}', 422, b'{"prediction":[0.2]}')


def test_a_number_has_the_digits_that_it_has_alone(service_code: Callable[[str], Any]) -> None:
    names = service_code("core.runtime.signature")
    encoder = service_code("core.bodies.encode").Encoder([names.Output("scores", "number", 2)])
    random = np.random.default_rng(3)
    for dtype in (np.float32, np.float64):
        scale = 10.0 ** random.integers(-40, 38, (500, 2))
        array = (random.normal(size=(500, 2)) * scale).astype(dtype)
        array[::50, 0] = np.nan
        rows = encoder.encode_each({"scores": array}, [1] * 500)
        assert rows == [encoder.encode({"scores": array[i : i + 1]}) for i in range(500)]


@pytest.mark.parametrize("kind", ["number", "integer", "boolean"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_one_value_a_row_is_written_as_it_is_alone(service_code: Callable[[str], Any], kind: str, dtype: type) -> None:
    output = service_code("core.runtime.signature").Output('the "name"', kind, None)
    encoder = service_code("core.bodies.encode").Encoder([output])
    random = np.random.default_rng(4)
    values = (random.normal(size=300) * 10.0 ** random.integers(-9, 9, 300)).astype(dtype)
    if values.dtype.kind == "f" and kind == "number":
        values[::50], values[1::50], values[2::50] = np.nan, -np.inf, -0.0
    rows = encoder.encode_each({output.name: values}, [1] * 300)
    assert rows == [encoder.encode({output.name: values[i : i + 1]}) for i in range(300)]
