"""Whatever a client of the Open Inference Protocol sends, it is answered or told what is wrong with it."""

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.open_inference_support import by_column, by_tensor, sample

Ask = Callable[..., tuple[int, Any]]

URL = "/v2/models/m/infer"
HEADER = "inference-header-content-length"
DATATYPES = ["BOOL", "UINT8", "UINT64", "INT8", "INT64", "FP16", "FP32", "FP64", "BYTES", "BF16", "", "fp64"]
TEXT = st.text(st.characters(), max_size=6) | st.sampled_from(["\ud800", "\uffff", "features", "a:b"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from([10**308, 10**400, 2**63, -(2**64), -1, 0])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=10
)
FAST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session", params=["numeric", "mixed", "texts", "switch"])
def case(request: pytest.FixtureRequest, cases: Mapping[str, Any], served: Callable[..., Ask]) -> tuple[Any, Ask]:
    """A model, and how to ask its service."""
    return cases[request.param], served(request.param, model_name="m")


def check(ask: Ask, body: Any, headers: Mapping[str, str] | None = None) -> None:
    """Ask, and hold the answer against the contract: 200 with outputs, or 400 with words."""
    status, answer = ask("POST", URL, body, headers)
    assert status in {200, 400}, answer
    if status == 400:
        assert answer["error"]
        assert all(problem["loc"] and problem["detail"] for problem in answer["errors"])
    elif isinstance(answer, dict):  # else it is binary
        assert answer["outputs"]


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


@st.composite
def requests(draw: st.DrawFn, case: Any) -> dict[str, Any]:
    """Draw a right request, with a few of its parts put wrong."""
    form = draw(st.sampled_from([by_tensor, by_column]))
    request: dict[str, Any] = {"id": "1", "inputs": form(case, sample(case, 2))}
    for _ in range(draw(st.integers(0, 3))):
        given = draw(st.sampled_from(request["inputs"]))
        part = draw(st.sampled_from(["name", "datatype", "shape", "data", "cell", "parameters", "twice", "gone"]))
        if part == "twice":
            request["inputs"].append(dict(given))
        elif part == "gone" and len(request["inputs"]) > 1:
            request["inputs"].remove(given)
        elif part == "cell" and isinstance(given.get("data"), list) and given["data"]:
            given["data"] = [*given["data"][1:], draw(SCALARS)]
        else:
            given.update(draw(wrong_part(part)))
    return {
        **request,
        **draw(st.fixed_dictionaries({}, optional={"outputs": VALUES, "parameters": VALUES, "id": VALUES})),
    }


def wrong_part(name: str) -> st.SearchStrategy[dict[str, Any]]:
    parameters = st.fixed_dictionaries({}, optional={"binary_data_size": VALUES, "classification": VALUES})
    drawn = {
        "name": TEXT,
        "datatype": st.sampled_from(DATATYPES) | VALUES,
        "shape": st.lists(st.integers(-3, 5) | st.sampled_from([2**40, 10**30]), max_size=3) | VALUES,
        "parameters": parameters | VALUES,
    }
    return st.fixed_dictionaries(
        {name: drawn[name]} if name in drawn else {"data": st.lists(VALUES, max_size=9) | VALUES}
    )


@FAST
@given(data=st.data())
def test_requests_with_wrong_parts(case: tuple[Any, Ask], data: st.DataObject) -> None:
    check(case[1], written(data.draw(requests(case[0]))))


@FAST
@given(body=VALUES | st.dictionaries(st.sampled_from(["inputs", "outputs", "parameters", "id"]), VALUES))
def test_any_json(case: tuple[Any, Ask], body: Any) -> None:
    check(case[1], written(body))


@FAST
@given(data=st.data(), length=st.integers(-5, 400) | st.just(None), tail=st.binary(max_size=100))
def test_binary_data_of_any_size(case: tuple[Any, Ask], data: st.DataObject, length: int | None, tail: bytes) -> None:
    request = data.draw(requests(case[0]))
    sizes = data.draw(st.lists(st.integers(0, 60), min_size=len(request["inputs"]), max_size=len(request["inputs"])))
    for tensor, size in zip(request["inputs"], sizes, strict=True):
        tensor.pop("data", None)
        tensor["parameters"] = {"binary_data_size": size}
    text = written(request)
    exact = data.draw(st.booleans())
    tail = tail.ljust(sum(sizes), b"\0")[: sum(sizes)] if exact else tail
    check(case[1], text + tail, {HEADER: str(len(text) if exact or length is None else length)})


@FAST
@given(body=st.binary(max_size=80), length=st.none() | TEXT | st.integers(0, 90))
def test_any_bytes(case: tuple[Any, Ask], body: bytes, length: Any) -> None:
    printable = str(length).isascii() and str(length).isprintable()
    check(case[1], body, {HEADER: str(length)} if length is not None and printable else None)


@pytest.fixture(scope="session", params=["numeric", "mixed"])
def grpc_case(
    request: pytest.FixtureRequest,
    cases: Mapping[str, Any],
    scaffolded: Callable[..., Any],
    service_code: Callable[[str], Any],
) -> tuple[Any, Callable[[Any], None]]:
    """A model, and a function that infers by a message; the answer is one, or words."""
    settings = service_code("core.settings").Settings(model_dir=scaffolded(request.param) / "model", model_name="m")
    inference = service_code("core.grpc.inference").Inference(service_code("core.service").Service(settings))
    invalid = service_code("core.problems").InvalidRequestError

    def ask(message: Any) -> None:
        with contextlib.suppress(invalid):
            response, rows = inference.infer(message)
            assert rows > 0
            assert response.SerializeToString()

    return cases[request.param], ask


@FAST
@given(data=st.data())
def test_messages_with_wrong_parts(
    grpc_case: tuple[Any, Callable[[Any], None]], service_code: Callable[[str], Any], data: st.DataObject
) -> None:
    case, ask = grpc_case
    message = service_code("core.grpc.messages").ModelInferRequest(model_name="m")
    fields = {
        "fp64_contents": st.floats(),
        "int_contents": st.integers(-(2**31), 2**31 - 1),
        "bytes_contents": st.binary(),
    }
    for tensor in by_tensor(case, sample(case, 2)):
        made = message.inputs.add(name=tensor["name"], shape=tensor["shape"])
        made.datatype = data.draw(st.sampled_from([tensor["datatype"], *DATATYPES]))
        made.shape[0] = data.draw(st.sampled_from([2, 2, 2, 0, -1, 2**62]))
        if field := data.draw(st.sampled_from([None, *fields])):
            getattr(made.contents, field).extend(data.draw(st.lists(fields[field], max_size=9)))
    if data.draw(st.booleans()):
        message.raw_input_contents.extend(data.draw(st.lists(st.binary(max_size=70), max_size=5)))
        for made in message.inputs:
            made.ClearField("contents")
    ask(message)
