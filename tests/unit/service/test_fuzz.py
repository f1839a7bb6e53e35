"""Whatever a client sends, the service answers it or says what is wrong with it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Ask = Callable[..., tuple[int, Any]]

# Text with lone surrogates and the sign for a missing value: JSON can write both.
TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["\ud800", "\uffff", "a:b", '"features"', "1.5", "Köln"])
NUMBERS = (
    st.integers()
    | st.floats()
    | st.sampled_from([10**308, 10**309, -(10**400), 2**63, 2**64, 5e-324, 3.5e38, 1.5, -0.0])
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session", params=["numeric", "mixed", "switch"])
def case(request: pytest.FixtureRequest, cases: Mapping[str, Any], served: Callable[..., Ask]) -> tuple[Any, Ask]:
    """A model, and how to ask its service."""
    return cases[request.param], served(request.param)


def check(ask: Ask, body: Any) -> tuple[int, Any]:
    """Ask, and hold the answer against the contract: 200 with a prediction, or 400 or 422 that tells a place."""
    status, answer = ask("POST", "/predict?outputs=all", body, {"x-request-id": "fuzz"})
    assert status in {200, 400, 422}, answer
    if status != 200:
        assert answer["errors"]
        assert all(error["loc"][0] == "body" and error["detail"] and error["type"] for error in answer["errors"])
        assert (status == 400) == any(error["type"] == "json_invalid" for error in answer["errors"])
    return status, answer


def cells(signature: Any) -> st.SearchStrategy[list[Any]]:
    """Rows of mostly right values with, now and then, anything at all."""
    right = {
        "number": NUMBERS,
        "integer": st.integers(-(2**60), 2**60),
        "boolean": st.booleans(),
        "string": TEXT,
    }
    return st.tuples(*(right[column.type] | VALUES for column in signature.columns)).map(list)


@FAST
@given(data=st.data())
def test_any_json_is_answered_or_refused(case: tuple[Any, Ask], data: st.DataObject) -> None:
    check(case[1], data.draw(VALUES | st.dictionaries(st.sampled_from(["features", "records", "x"]), VALUES)))


@FAST
@given(data=st.data())
def test_rows_with_any_cells_are_answered_or_refused(case: tuple[Any, Ask], data: st.DataObject) -> None:
    model, ask = case
    rows = data.draw(st.lists(cells(model.signature), min_size=1, max_size=4))
    status, answer = check(ask, {"features": rows})
    if status == 200:
        assert len(answer["prediction"]) == len(rows)


@FAST
@given(data=st.data())
def test_records_with_any_fields_are_answered_or_refused(case: tuple[Any, Ask], data: st.DataObject) -> None:
    model, ask = case
    names = [column.name for column in model.signature.columns]
    row = data.draw(cells(model.signature))
    record = dict(zip(names, row, strict=True))
    changed = {**record, **data.draw(st.dictionaries(TEXT | st.sampled_from(names), VALUES, max_size=1))}
    for name in data.draw(st.sets(st.sampled_from(names), max_size=1)):
        del changed[name]
    check(ask, {"records": [record, changed]})


@FAST
@given(data=st.data())
def test_lists_and_records_of_the_same_values_get_the_same_answer(case: tuple[Any, Ask], data: st.DataObject) -> None:
    model, ask = case
    names = [column.name for column in model.signature.columns]
    rows = data.draw(st.lists(cells(model.signature), min_size=1, max_size=3))
    listed = check(ask, {"features": rows})
    named = check(ask, {"records": [dict(zip(names, row, strict=True)) for row in rows]})
    assert json.dumps(named).replace("records", "features") == json.dumps(listed)


@FAST
@given(data=st.data())
def test_damaged_bytes_are_answered_or_refused(case: tuple[Any, Ask], data: st.DataObject) -> None:
    model, ask = case
    body = bytearray(json.dumps({"features": [data.draw(cells(model.signature))]}).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body)))
        instead = data.draw(st.binary(max_size=3) | st.sampled_from([b"NaN", b"[", b'"', b"\\u"]))
        body[at : at + data.draw(st.integers(0, 3))] = instead
    check(ask, bytes(body))


@FAST
@given(body=st.binary(max_size=50))
def test_any_bytes_are_refused(case: tuple[Any, Ask], body: bytes) -> None:
    check(case[1], body)


@FAST
@given(outputs=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_query_is_answered_or_refused(case: tuple[Any, Ask], outputs: str) -> None:
    body = {"features": [[0] * len(case[0].signature.columns)]}
    status, _ = case[1]("POST", f"/predict?outputs={quote(outputs)}", body)
    assert status in {200, 422}


@FAST
@given(data=st.data())
def test_the_fast_way_and_the_exact_way_agree(
    case: tuple[Any, Ask], service_code: Callable[[str], Any], data: st.DataObject
) -> None:
    model, _ = case
    form = data.draw(st.sampled_from(["features", "records"]))
    names = [column.name for column in model.signature.columns]
    rows = data.draw(st.lists(cells(model.signature), min_size=1, max_size=3))
    values = [dict(zip(names, row, strict=True)) for row in rows] if form == "records" else rows
    plain = json.dumps({form: values}).encode()
    dtypes = {tensor.name: object if tensor.kind == "string" else np.float64 for tensor in model.signature.tensors}
    decoder = service_code("core.bodies.decode").Decoder(model.signature, dtypes, 100)
    limits = dict.fromkeys(dtypes, float(np.finfo(np.float64).max))
    invalid = service_code("core.problems").InvalidRequestError
    document = service_code("core.bodies.parse").parse_exactly(plain)
    try:
        expected = service_code("core.bodies.check").cells(document, model.signature.columns, limits, 100)
    except invalid:
        with pytest.raises(invalid):
            decoder.decode(plain)
        return
    feed = decoder.decode(plain).feed
    for column, wanted in zip(model.signature.columns, zip(*expected, strict=True), strict=True):
        found = feed[column.tensor][:, column.index]
        if column.type == "string":
            assert found.tolist() == list(wanted)
        else:
            np.testing.assert_array_equal(found, np.array(wanted))


@pytest.fixture(scope="session")
def predictor(
    case: tuple[Any, Ask],
    cases: Mapping[str, Any],
    scaffolded: Callable[[str], Path],
    service_code: Callable[[str], Any],
) -> Any:
    """The predictor of the case."""
    name = next(name for name, model in cases.items() if model is case[0])
    model = service_code("core.runtime.model").load(scaffolded(name) / "model")
    return service_code("core.predictor").Predictor(model, service_code("core.settings").Settings())


@FAST
@given(data=st.data())
def test_requests_that_share_a_run_get_what_each_gets_alone(
    case: tuple[Any, Ask], predictor: Any, data: st.DataObject
) -> None:
    signature = case[0].signature
    names = [column.name for column in signature.columns]
    bodies = data.draw(st.lists(st.binary(max_size=9), max_size=1))
    for _ in range(data.draw(st.integers(1, 4))):
        rows = data.draw(st.lists(cells(signature), min_size=1, max_size=2))
        records = {"records": [dict(zip(names, row, strict=True)) for row in rows]}
        bodies.append(json.dumps(data.draw(st.sampled_from([{"features": rows}, records]))).encode())

    def told(answer: Any) -> Any:
        return answer.content if hasattr(answer, "content") else (answer.status, answer.problems)

    together = list(map(told, predictor.answers(bodies, predictor.usual)))
    assert together == [told(predictor.answers([body], predictor.usual)[0]) for body in bodies]
