"""Whatever is in a body, of any type and for any route: it is answered, or refused by a problem document.

FUZZ_EXAMPLES sets how many bodies each test tries, for longer runs by hand.
"""

import base64
import io
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON, NPY, CSV = "application/json", "application/x-npy", "text/csv"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"

#: By form: path, media type, and content.
Right = Mapping[str, tuple[str, str, bytes]]

FUZZ = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
#: Bytes that mean something in one of the formats: signs, lengths, types and names.
TOKENS = st.sampled_from(
    [
        *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\x01\x00"),
        *(b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80", b"\xef\xbf\xbf"),
        *(b'"', b",", b"\n", b"[", b"{", b":", b"(", b"-", b"NaN", b"1e999", b"null", b"\\u", b"|O", b">f2"),
    ]
)
ACCEPTS = st.sampled_from(["", "*/*", JSON, NPY, CSV, STREAM, "text/html", "*/*;q=0", ";", "a;q=x,*/*;q=2"])
#: How much memory all bodies together may add, in bytes.
MOST_MEMORY = 300 * 2**20


@pytest.fixture(scope="module", params=["numeric", "mixed", "texts", "switch"])
def model(
    request: pytest.FixtureRequest, scaffolded: Callable[..., Path], service_code: Callable[[str], Any]
) -> tuple[Any, Any]:
    """Return the service of a case, and the classes to ask it with."""
    folder = scaffolded(request.param) / "model"
    made = service_code("core.settings").Settings(model_dir=folder, model_name="m", max_rows=50, max_body_bytes=10**6)
    return service_code("core.service").Service(made), service_code("core.http")


@pytest.fixture(scope="module", autouse=True)
def _bounded_memory() -> Any:
    before = peak()
    yield
    assert peak() - before < MOST_MEMORY


def peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


def check(model: tuple[Any, Any], path: str, body: bytes, kind: str, **headers: str) -> int:
    """Ask, and hold the answer against the contract; return its status."""
    told = {"content-type": kind, "content-length": str(len(body))} | headers
    reply, sent = exchange(model, "POST", path, body, told)
    assert reply.status in {200, 400, 406, 413, 415, 422}, reply
    if reply.status != 200:
        document = json.loads(reply.content)
        assert sent["content-type"] == "application/problem+json"
        assert document["status"] == reply.status
        assert document["errors"]
        assert all(problem["detail"] and problem["type"] for problem in document["errors"])
    return int(reply.status)


def exchange(
    model: tuple[Any, Any], method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[Any, Mapping[str, str]]:
    """Return the answer, and its headers."""
    service, http = model
    encoded = {key.encode(): value.encode("latin-1") for key, value in (headers or {}).items()}
    begun = service.begin(http.Head(method, path, "", encoded))
    reply = begun.answer(body)
    return reply, service.end(begun, reply)


def rows(model: tuple[Any, Any]) -> list[list[Any]]:
    """Return rows that the model takes."""
    found: list[list[Any]] = model[0].examples[-1].features["features"]
    return found


def names(model: tuple[Any, Any]) -> list[str]:
    return [column.name for column in model[0].model.signature.columns]


def npy(values: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def table(model: tuple[Any, Any], kind: str, *, dictionaries: bool = False) -> bytes:
    columns = [pa.array(list(column)) for column in zip(*rows(model), strict=True)]
    if dictionaries:
        columns = [column.dictionary_encode() if pa.types.is_string(column.type) else column for column in columns]
    whole = pa.table(columns, names(model))
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_file if kind == FILE else pa.ipc.new_stream)(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=3)
    return sink.getvalue().to_pybytes()


def text(model: tuple[Any, Any]) -> bytes:
    lines = [names(model), *rows(model)]
    cells = [['"' + str("" if cell is None else cell).replace('"', '""') + '"' for cell in line] for line in lines]
    return "\n".join(map(",".join, cells)).encode()


def tensors(model: tuple[Any, Any]) -> list[dict[str, Any]]:
    """Return the rows as inputs of the Open Inference Protocol."""
    told = json.loads(exchange(model, "GET", "/v2/models/m")[0].content)["inputs"]
    columns = model[0].model.signature.columns
    found = []
    for tensor in told:
        at = [position for position, column in enumerate(columns) if column.tensor == tensor["name"]]
        shape = [len(rows(model)), len(at)]
        found.append(tensor | {"shape": shape, "data": [[row[position] for position in at] for row in rows(model)]})
    return found


@pytest.fixture(scope="module")
def right(model: tuple[Any, Any]) -> Right:
    """Return right bodies."""
    listed = rows(model)
    numbers = npy(np.array([[cell if isinstance(cell, int | float) else 1.0 for cell in row] for row in listed]))
    wrapped = {"npy": base64.b64encode(numbers).decode()}
    records = {"records": [dict(zip(names(model), row, strict=True)) for row in listed]}
    return {
        "features": ("/predict", JSON, json.dumps({"features": listed}).encode()),
        "records": ("/predict", JSON, json.dumps(records).encode()),
        "base64": ("/predict", JSON, json.dumps(wrapped).encode()),
        "npy": ("/predict", NPY, numbers),
        "csv": ("/predict", CSV, text(model)),
        "stream": ("/predict", STREAM, table(model, STREAM)),
        "dictionaries": ("/predict", STREAM, table(model, STREAM, dictionaries=True)),
        "file": ("/predict", FILE, table(model, FILE)),
        "instances": ("/invocations", JSON, json.dumps({"instances": listed}).encode()),
        "sagemaker csv": ("/invocations", CSV, text(model).partition(b"\n")[2]),
        "tensors": ("/v2/models/m/infer", JSON, json.dumps({"inputs": tensors(model)}).encode()),
    }


FORMS = [
    *("features", "records", "base64", "npy", "csv", "stream", "dictionaries", "file", "instances", "sagemaker csv"),
    "tensors",
]


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Change a body in a few places: other bytes, more or fewer of them, a part twice, or an end too early."""
    content = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 8))
        how = draw(st.sampled_from(["set", "set", "set", "insert", "cut", "repeat", "end"]))
        piece = draw(TOKENS | st.binary(min_size=1, max_size=8))
        if how == "set":
            content[at : at + len(piece)] = piece
        elif how == "insert":
            content[at:at] = piece
        elif how == "cut":
            del content[at : at + length]
        elif how == "repeat":
            start = draw(st.integers(0, at))
            content[at:at] = content[start:at][:5000]
        else:
            del content[at:]
    return bytes(content)


@pytest.mark.parametrize("form", FORMS)
def test_the_body_is_right_before_it_is_damaged(model: tuple[Any, Any], right: Right, form: str) -> None:
    path, kind, body = right[form]
    takes_npy = all(column.type != "string" for column in model[0].model.signature.columns)
    assert (check(model, path, body, kind) == 200) is (takes_npy or form not in {"npy", "base64"})


@FUZZ
@given(data=st.data())
@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_body_is_answered_or_refused(
    model: tuple[Any, Any], right: Right, form: str, data: st.DataObject
) -> None:
    path, kind, body = right[form]
    check(model, path, data.draw(damaged(body)), kind, accept=data.draw(ACCEPTS))


@FUZZ
@given(data=st.data())
def test_a_damaged_array_in_base64_is_answered_or_refused(
    model: tuple[Any, Any], right: Right, data: st.DataObject
) -> None:
    body = data.draw(damaged(right["npy"][2]))
    check(model, "/predict", json.dumps({"npy": base64.b64encode(body).decode()}).encode(), JSON)


@FUZZ
@given(data=st.data())
def test_an_array_with_any_header_is_answered_or_refused(model: tuple[Any, Any], data: st.DataObject) -> None:
    width = len(names(model))
    sizes = st.sampled_from([0, 1, 2, width, -1, 50, 51, 2**31, 2**63, 10**30, True, 1.0])
    dtypes = ["<f8", ">i8", "|b1", "<f2", "|O", "<U9", "<c8", "<M8[s]", "<f8,<f8", "", "f", "<f16", [("a", "<f8")]]
    told = {
        "descr": data.draw(st.sampled_from(dtypes)),
        "fortran_order": data.draw(st.sampled_from([True, False, 0, None])),
        "shape": data.draw(st.lists(sizes, max_size=4).map(tuple) | st.just((2, width))),
    }
    header = repr(told).encode()
    version = data.draw(st.sampled_from([b"\1\0", b"\2\0", b"\3\0", b"\t\0", b"\1\1"]))
    length = len(header).to_bytes(2 if version[0] == 1 else 4, "little")
    values = data.draw(st.binary(max_size=64) | st.just(bytes(16 * width)))
    check(model, "/predict", b"\x93NUMPY" + version + length + header + values, NPY)


@FUZZ
@given(data=st.data())
def test_csv_of_any_cells_is_answered_or_refused(model: tuple[Any, Any], data: st.DataObject) -> None:
    cells = st.text(max_size=6) | st.sampled_from(["", "1", "1.5", "true", "nan", "inf", '"', "\uffff", *names(model)])
    lines = data.draw(st.lists(st.lists(cells, max_size=len(names(model)) + 1), max_size=5))
    body = "\n".join(map(",".join, lines)).encode("utf-8", "surrogatepass")
    header = data.draw(
        st.sampled_from(["", "; header=present", "; header=absent", "; header", ";;=", '; header="', "; charset=x"])
    )
    check(model, data.draw(st.sampled_from(["/predict", "/invocations"])), body, CSV + header)


@FUZZ
@given(data=st.data())
def test_a_table_of_any_columns_is_answered_or_refused(model: tuple[Any, Any], data: st.DataObject) -> None:
    values: dict[pa.DataType, st.SearchStrategy[Any]] = {
        pa.float64(): st.floats(),
        pa.float16(): st.floats(width=16).map(np.float16),
        pa.int64(): st.integers(-(2**63), 2**63 - 1),
        pa.uint8(): st.integers(0, 255),
        pa.bool_(): st.booleans(),
        pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        pa.binary(): st.binary(max_size=5),
        pa.list_(pa.int8()): st.lists(st.integers(0, 9), max_size=2),
        pa.date32(): st.dates(),
        pa.null(): st.none(),
    }
    count = data.draw(st.integers(0, 3))
    columns = []
    for _ in names(model):
        kind = data.draw(st.sampled_from(list(values)))
        cells = data.draw(st.lists(st.none() | values[kind], min_size=count, max_size=count))
        array = pa.array(cells, kind)
        can_be_encoded = not pa.types.is_nested(kind) and data.draw(st.booleans())
        columns.append(array.dictionary_encode() if can_be_encoded else array)
    sink = pa.BufferOutputStream()
    made = pa.table(columns, names(model))
    with pa.ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)
    check(model, "/predict", sink.getvalue().to_pybytes(), STREAM, accept=data.draw(ACCEPTS))


@FUZZ
@given(body=st.binary(max_size=200), kind=st.sampled_from([JSON, NPY, CSV, STREAM, FILE]))
def test_any_bytes_are_answered_or_refused(model: tuple[Any, Any], body: bytes, kind: str) -> None:
    check(model, "/predict", body, kind)


@FUZZ
@given(accept=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40))
def test_any_accept_is_answered_or_refused(model: tuple[Any, Any], right: Right, accept: str) -> None:
    body = right["features"][2]
    headers = {"content-length": str(len(body)), "accept": accept}
    assert exchange(model, "POST", "/predict", body, headers)[0].status in {200, 406}
