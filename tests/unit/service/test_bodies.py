"""Bodies that are not JSON: .npy, CSV and Arrow are answered as JSON is, and refused in the same words."""

import base64
import io
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow.csv import write_csv

NPY, CSV = "application/x-npy", "text/csv"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
IRIS = np.array([[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]])
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
MIXED_NAMES = ["fare paid", "home.dest", "年龄", "member"]
MIXED = [[10.5, "Köln", 40, True], [None, None, 20, False]]

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def load(scaffolded: Callable[..., Any], service_code: Callable[[str], Any]) -> Callable[..., Ask]:
    """Return a function that loads the service of a case; asking it with a body gives the whole answer."""
    http = service_code("core.http")

    def make(name: str, **limits: Any) -> Ask:
        settings = service_code("core.settings").Settings(model_dir=scaffolded(name) / "model", **limits)
        service = service_code("core.service").Service(settings)

        def ask(body: Any, kind: str = "application/json", accept: str = "", outputs: str = "") -> Any:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            told = {"content-length": str(len(content)), "content-type": kind, "accept": accept}
            headers = {key.encode(): value.encode() for key, value in told.items() if value}
            exchange = service.begin(http.Head("POST", "/predict", outputs and f"outputs={outputs}", headers))
            reply = exchange.answer(content)
            service.end(exchange, reply)
            return reply

        return ask

    return make


@pytest.fixture(scope="module")
def numeric(load: Callable[..., Ask]) -> Ask:
    return load("numeric")


@pytest.fixture(scope="module")
def mixed(load: Callable[..., Ask]) -> Ask:
    return load("mixed")


def npy(values: Any) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def header(text: str, version: bytes = b"\1\0", values: bytes = b"") -> bytes:
    length = struct.pack("<H" if version[0] == 1 else "<I", len(text))
    return b"\x93NUMPY" + version + length + text.encode() + values


def stream(table: pa.Table, kind: str = STREAM, rows: int = 1000, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_file if kind == FILE else pa.ipc.new_stream)(sink, table.schema, **options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue().to_pybytes()


def mixed_table(rows: Any = MIXED, names: Any = MIXED_NAMES) -> pa.Table:
    return pa.table([pa.array(list(column)) for column in zip(*rows, strict=True)], names=names)


def answered(reply: Any) -> Any:
    assert reply.status == 200, reply.content
    return json.loads(reply.content)


def problem(reply: Any) -> tuple[int, list[Any], str]:
    """Return status, place and type of the first problem."""
    first = json.loads(reply.content)["errors"][0]
    assert first["detail"]
    return reply.status, first["loc"], first["type"]


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_answered_as_its_rows_are(numeric: Ask, dtype: str, order: Any) -> None:
    array = IRIS.astype(dtype, order=order)
    expected = numeric({"features": array.astype(float).tolist()}, outputs="all")
    assert numeric(npy(array), NPY, outputs="all").content == expected.content


@pytest.mark.parametrize("dtype", ["|b1", "|i1", "|u1", "<i2", ">u2", "<i4", "<u4", "<i8", ">u8", "<f2", "<f4", "<f8"])
def test_an_array_may_be_of_any_type_of_numbers(load: Callable[..., Ask], numeric: Ask, dtype: str) -> None:
    ones = np.ones((3, 4), dtype=dtype)
    reply = numeric(npy(ones), NPY)
    if dtype == "|b1":  # as true is no number in JSON
        assert problem(reply) == (422, ["body", "npy", NAMES[0]], "dtype")
    else:
        assert reply.content == numeric({"features": ones.astype(float).tolist()}).content


def test_an_array_in_base64_is_answered_as_the_array_is(numeric: Ask) -> None:
    body = {"npy": base64.b64encode(npy(IRIS)).decode()}
    assert numeric(body, outputs="all").content == numeric(npy(IRIS), NPY, outputs="all").content


@pytest.mark.parametrize("text", ["%", "AAA", "é", "A A=", 5, None, ["AAAA"]], ids=repr)
def test_what_is_no_base64_is_refused(numeric: Ask, text: Any) -> None:
    assert problem(numeric({"npy": text}))[:2] == (422, ["body", "npy"])


def test_an_array_beside_rows_is_refused(numeric: Ask) -> None:
    assert problem(numeric({"features": IRIS.tolist(), "npy": ""})) == (422, ["body", "npy"], "extra_forbidden")


def test_a_model_of_text_takes_no_array(mixed: Ask) -> None:
    assert mixed(npy(IRIS), NPY).status == 415
    assert mixed({"npy": ""}).status == 422


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (IRIS[0], "shape"),
        (IRIS[:, :3], "shape"),
        (IRIS[None], "shape"),
        (np.float64(1.0), "shape"),
        (np.empty((0, 4)), "too_short"),
        (np.zeros((2, 4), dtype="<c16"), "dtype"),
        (np.zeros((2, 4), dtype="<U1"), "dtype"),
        (np.zeros((2, 4), dtype="<M8[s]"), "dtype"),
        (np.zeros((2, 4), dtype=[("a", "<f8")]), "dtype"),
        (np.array([[None] * 4]), "dtype"),
    ],
    ids=repr,
)
def test_another_array_is_refused(numeric: Ask, values: Any, kind: str) -> None:
    assert problem(numeric(npy(values), NPY)) == (422, ["body", "npy"], kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\1",
        b"\x93NUMPY\1\0",
        npy(IRIS)[:-1],
        npy(IRIS) + b"x",
        npy(IRIS)[:40],
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4)}", b"\t\0", bytes(64)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4)}", b"\1\1", bytes(64)),
        header("{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 4)}", values=bytes(64)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, -4)}", values=bytes(64)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (True, 4)}", values=bytes(32)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': [2, 4]}", values=bytes(64)),
        header("{'descr': '<f8', 'shape': (2, 4)}", values=bytes(64)),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 4)}" + " " * 70_000, b"\2\0", bytes(64)),
        header("-" * 900 + "1"),
        header("(" * 900),
        header("{[]: 1}"),
        header("\\"),
        header("__import__('os')"),
        b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(100),
    ],
    ids=lambda body: repr(body)[:40],
)
def test_what_is_no_array_is_a_bad_request(numeric: Ask, body: bytes) -> None:
    assert problem(numeric(body, NPY)) == (400, ["body", "npy"], "npy_invalid")


def test_an_array_that_promises_more_than_is_there_takes_no_memory(numeric: Ask) -> None:
    huge = header("{'descr': '<f8', 'fortran_order': False, 'shape': (9000, 4)}")
    assert problem(numeric(huge, NPY))[0] == 400
    endless = header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**300}, 4)}}")
    assert problem(numeric(endless, NPY)) == (422, ["body", "npy"], "too_long")


@pytest.mark.parametrize(
    ("bad", "kind"), [(np.nan, "float_type"), (np.inf, "finite_number"), (-np.inf, "finite_number")]
)
def test_a_value_that_the_model_cannot_take_is_named(numeric: Ask, bad: float, kind: str) -> None:
    rows = IRIS.copy()
    rows[1, 2] = bad
    assert problem(numeric(npy(rows), NPY)) == (422, ["body", "npy", 1, NAMES[2]], kind)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (npy(np.ones((4, 4))), NPY),
        (b"1,1,1,1\n" * 4, CSV),
        (stream(pa.table({name: [1.0] * 4 for name in NAMES})), STREAM),
    ],
    ids=["npy", "csv", "arrow"],
)
def test_more_rows_than_allowed_are_refused(load: Callable[..., Ask], body: bytes, kind: str) -> None:
    assert problem(load("numeric", max_rows=3)(body, kind))[2] == "too_long"
    assert load("numeric", max_rows=4)(body, kind).status == 200


@pytest.mark.parametrize(
    "text",
    [
        "5.1,3.5,1.4,0.2\n6,3,5,2\n",
        "5.1,3.5,1.4,0.2\r\n6,3,5,2",
        "\ufeff5.1,3.5,1.4,0.2\n6,3,5,2\n",
        ' 5.1, 3.5 ,1.4,2e-1\n"6","3",5.,+2\n',
        ",".join(NAMES) + "\n5.1,3.5,1.4,.2\n6,3,5,2\n",
        ",".join(reversed(NAMES)) + "\n0.2,1.4,3.5,5.1\n2,5,3,6\n",
    ],
    ids=lambda body: repr(body)[:40],
)
def test_csv_is_answered_as_its_rows_are(numeric: Ask, text: str) -> None:
    assert numeric(text.encode(), CSV).content == numeric({"features": IRIS.tolist()}).content


def test_csv_holds_text_flags_and_missing_values(mixed: Ask) -> None:
    text = '年龄,member,home.dest,fare paid\n40,true,"Köln",10.5\n20,FALSE,,\n3,0,"a,\n""b""",1\n'
    expected = mixed({"features": [*MIXED, [1, 'a,\n"b"', 3, False]]}, outputs="all")
    assert mixed(text.encode(), CSV, outputs="all").content == expected.content


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        *((cell, "fare paid") for cell in ("x", "nan", "inf", "1e999", "1_0", "\u0661", " ")),
        *(("1.5", "年龄"), ("", "年龄"), ("yes", "member"), ("2", "member")),
    ],
)
def test_a_cell_that_is_no_value_is_named(mixed: Ask, cell: str, name: str) -> None:
    row = {"fare paid": "1", "home.dest": "Köln", "年龄": "40", "member": "true"}
    lines = [",".join(MIXED_NAMES), ",".join(row.values()), ",".join((row | {name: cell}).values())]
    assert problem(mixed("\n".join(lines).encode(), CSV))[:2] == (422, ["body", "csv", 1, name])


@pytest.mark.parametrize(
    ("text", "loc", "kind"),
    [
        ("", ["body", "csv"], "too_short"),
        (",".join(NAMES), ["body", "csv"], "too_short"),
        ("1,2,3\n", ["body", "csv", 0], "too_short"),
        ("1,2,3,4\n\n1,2,3,4\n", ["body", "csv", 1], "too_short"),
        ("1,2,3,4,5\n", ["body", "csv", 0], "too_long"),
        ("petal width (cm),a,b,c\n1,2,3,4\n", ["body", "csv", NAMES[0]], "missing"),
        (",".join([*NAMES, "x"]) + "\n1,2,3,4,5\n", ["body", "csv", "x"], "extra_forbidden"),
        (",".join([*NAMES, NAMES[0]]) + "\n1,2,3,4,5\n", ["body", "csv", NAMES[0]], "duplicate"),
    ],
)
def test_csv_of_another_shape_is_refused(numeric: Ask, text: str, loc: list[Any], kind: str) -> None:
    assert problem(numeric(text.encode(), CSV)) == (422, loc, kind)


def test_a_cell_of_very_many_digits_is_read_in_no_time(numeric: Ask) -> None:
    # A pattern that can match digits in two ways takes hours for these.
    text = "\n".join([",".join(NAMES), f"{'1' * 100_000}x,1,2,3"])
    assert problem(numeric(text.encode(), CSV))[1] == ["body", "csv", 0, NAMES[0]]


@pytest.mark.parametrize("kind", [f"{CSV}; a*1=2; a*0=1; a*=3", f"{CSV};;=;charset", f'{CSV}; header="absent'])
def test_parameters_of_any_kind_are_no_failure(numeric: Ask, kind: str) -> None:
    assert problem(numeric(b"1,2,3,x", kind))[0] in {415, 422}


@pytest.mark.parametrize("body", [b'1,2,3,"4', b'1,2,3,"4"5\n', b"\xff,1,2,3\n", b'1,2,3,"' + b"4" * 200_000 + b'"'])
def test_what_is_no_csv_is_a_bad_request(numeric: Ask, body: bytes) -> None:
    assert problem(numeric(body, CSV))[0::2] == (400, "csv_invalid")


def test_the_content_type_says_whether_there_is_a_header(mixed: Ask) -> None:
    names = ",".join(MIXED_NAMES).encode()
    assert mixed(names + b"\n1,a,2,true\n", f"{CSV}; charset=utf-8; header=present").status == 200
    assert problem(mixed(names + b"\n1,a,2,true\n", f"{CSV};header=absent"))[1] == ["body", "csv", 0, "fare paid"]
    assert problem(mixed(b"1,a,2,true\n", f'{CSV}; header="present"'))[2] == "missing"
    assert problem(mixed(b"", f"{CSV}; header=perhaps")) == (415, ["header", "content-type"], "media_type")
    assert problem(mixed(b"", f"{CSV}; charset=latin-1")) == (415, ["header", "content-type"], "media_type")


def test_a_line_that_may_be_a_header_or_a_row_is_not_guessed(load: Callable[..., Ask], service_code: Any) -> None:
    signature, csv_body = service_code("core.runtime.signature"), service_code("core.bodies.csv")
    columns = [signature.Column(name, "number", "features", at) for at, name in enumerate("01")]
    with pytest.raises(ValueError, match="header=present or header=absent"):
        csv_body.columns(b"0,1\n5,6\n", columns, 9)
    assert [part.tolist() for part in csv_body.columns(b"0,1\n5,6\n", columns, 9, "present")] == [[5.0], [6.0]]
    assert [part.tolist() for part in csv_body.columns(b"0,1\n5,6\n", columns, 9, "absent")] == [[0, 5], [1, 6]]


@pytest.mark.parametrize("kind", [STREAM, FILE])
def test_a_table_is_answered_as_its_rows_are(mixed: Ask, kind: str) -> None:
    table = mixed_table().select(["member", "年龄", "fare paid", "home.dest"])
    expected = mixed({"features": MIXED}, outputs="all")
    assert mixed(stream(table, kind), kind, outputs="all").content == expected.content


@pytest.mark.parametrize("names", [["", "", "", ""], ["0", "1", "2", "3"]])
def test_columns_without_names_are_taken_by_position(mixed: Ask, names: list[str]) -> None:
    expected = mixed({"features": MIXED}).content
    assert mixed(stream(mixed_table(names=names)), STREAM).content == expected


@pytest.mark.parametrize(
    "types",
    [
        {"home.dest": pa.large_string(), "fare paid": pa.float32(), "年龄": pa.int8(), "member": pa.bool_()},
        {"home.dest": pa.dictionary(pa.int8(), pa.string()), "fare paid": pa.float64(), "年龄": pa.float64()},
        {"home.dest": pa.dictionary(pa.uint32(), pa.large_string()), "年龄": pa.uint64(), "member": pa.int64()},
    ],
    ids=["plain", "dictionary", "large dictionary"],
)
def test_a_table_may_be_of_any_type_that_holds_the_values(mixed: Ask, types: Mapping[str, pa.DataType]) -> None:
    table = mixed_table([*MIXED, *MIXED])
    for at, name in enumerate(MIXED_NAMES):
        if name in types:
            table = table.set_column(at, name, table[name].cast(types[name]))
    expected = mixed({"features": [*MIXED, *MIXED]}, outputs="all")
    assert mixed(stream(table, rows=3), STREAM, outputs="all").content == expected.content


def test_a_dictionary_may_be_full_and_have_nulls_of_both_kinds(mixed: Ask) -> None:
    words = pa.array([*map(str, range(127)), None])
    indices = pa.array([0, None, 127, 126], pa.int8())
    table = pa.table([[1.0] * 4, pa.DictionaryArray.from_arrays(indices, words), [2] * 4, [True] * 4], MIXED_NAMES)
    expected = mixed({"features": [[1, word, 2, True] for word in ("0", None, None, "126")]})
    assert mixed(stream(table), STREAM).content == expected.content


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("fare paid", pa.array(["1", "2"])),
        ("fare paid", pa.array([True, False])),
        ("fare paid", pa.array([[1.0], [2.0]])),
        ("fare paid", pa.array([1, 2], pa.timestamp("s"))),
        ("fare paid", pa.array([1.0, 2.0]).dictionary_encode()),
        ("home.dest", pa.array([1.0, 2.0])),
        ("home.dest", pa.array([b"a", b"b"])),
        ("home.dest", pa.array(["a", "b"], pa.string_view())),
        ("member", pa.array(["true", "false"])),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.type),
)
def test_a_column_of_another_type_is_named(mixed: Ask, column: str, values: pa.Array) -> None:
    table = mixed_table()
    wrong = table.set_column(MIXED_NAMES.index(column), column, values)
    assert problem(mixed(stream(wrong), STREAM)) == (422, ["body", "arrow", column], "dtype")


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("年龄", [1.5, 2]),
        ("年龄", [None, 2]),
        ("member", [2, 1]),
        ("home.dest", ["\uffff", ""]),
        ("fare paid", [1e999, 1]),
    ],
)
def test_a_wrong_value_in_a_table_is_named(mixed: Ask, column: str, values: list[Any]) -> None:
    table = mixed_table()
    wrong = table.set_column(MIXED_NAMES.index(column), column, pa.array(values))
    assert problem(mixed(stream(wrong), STREAM))[:2] == (422, ["body", "arrow", 0, column])


@pytest.mark.parametrize(
    ("table", "loc", "kind"),
    [
        (mixed_table().drop_columns(["年龄"]), ["body", "arrow", "年龄"], "missing"),
        (mixed_table().append_column("x", pa.array([1, 2])), ["body", "arrow", "x"], "extra_forbidden"),
        (mixed_table().append_column("年龄", pa.array([1, 2])), ["body", "arrow", "年龄"], "duplicate"),
        (mixed_table().slice(0, 0), ["body", "arrow"], "too_short"),
    ],
    ids=["missing", "unknown", "twice", "no rows"],
)
def test_another_table_is_refused(mixed: Ask, table: pa.Table, loc: list[Any], kind: str) -> None:
    assert problem(mixed(stream(table), STREAM)) == (422, loc, kind)


@pytest.mark.parametrize("body", [b"", b"x" * 100, stream(mixed_table())[:-300], b"ARROW1\0\0", b"\xff" * 8])
def test_what_is_no_table_is_refused(mixed: Ask, body: bytes) -> None:
    assert mixed(body, STREAM).status in {400, 422}


def test_compressed_buffers_are_refused_before_they_are_unpacked(mixed: Ask) -> None:
    table = mixed_table([[1.0, "a" * 1000, 2, True]] * 1000)
    body = stream(table, options=pa.ipc.IpcWriteOptions(compression="zstd"))
    assert problem(mixed(body, STREAM)) == (422, ["body", "arrow"], "compressed")


def test_a_small_dictionary_does_not_become_a_large_text(load: Callable[..., Ask]) -> None:
    word = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int8()), pa.array(["a" * 1000]))
    table = pa.table([[1.0] * 100, word, [2] * 100, [True] * 100], MIXED_NAMES)
    assert problem(load("mixed", max_body_bytes=99_999)(stream(table), STREAM)) == (422, ["body", "arrow"], "too_long")
    assert load("mixed", max_body_bytes=100_000)(stream(table), STREAM).status == 200


@pytest.mark.parametrize("name", ["numeric", "mixed", "texts", "switch"])
def test_every_golden_row_gets_the_same_answer_in_every_form(
    load: Callable[..., Ask], cases: Mapping[str, Any], name: str
) -> None:
    from mlship.replay import payload

    ask, case = load(name), cases[name]
    rows = payload(case.golden, case.signature, range(len(case.golden)))["features"]
    names = [column.name for column in case.signature.columns]
    expected = ask({"features": rows}, outputs="all").content
    table = pa.table([pa.array(list(column)) for column in zip(*rows, strict=True)], names)
    assert ask(stream(table), STREAM, outputs="all").content == expected
    text = pa.BufferOutputStream()
    write_csv(table, text)
    # In CSV an empty cell is a missing value, where the column may have one.
    nullable = [column.nullable for column in case.signature.columns]
    missing = [[None if cell == "" and may else cell for cell, may in zip(row, nullable, strict=True)] for row in rows]
    in_csv = ask({"features": missing}, outputs="all").content
    assert ask(text.getvalue().to_pybytes(), CSV, outputs="all").content == in_csv
    if all(column.type != "string" for column in case.signature.columns):
        assert ask(npy(np.array(rows, dtype=float)), NPY, outputs="all").content == expected


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("*", "application/json"),
        ("application/*", "application/json"),
        ("text/html, */*;q=0.1", "application/json"),
        ("text/csv;q=0.5, application/json", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv, */*", "text/csv; charset=utf-8; header=present"),
        ("TEXT/CSV", "text/csv; charset=utf-8; header=present"),
        ("text/*", "text/csv; charset=utf-8; header=present"),
        ("application/json;q=0, application/*", NPY),
        ("application/x-npy;q=nonsense", NPY),
        (NPY, NPY),
        (STREAM, STREAM),
        (",", "application/json"),
    ],
)
def test_the_answer_is_of_the_type_that_is_preferred(numeric: Ask, accept: str, kind: str) -> None:
    assert numeric({"features": IRIS.tolist()}, accept=accept).media_type == kind


@pytest.mark.parametrize("accept", ["text/html", "*/*;q=0", "application/json;q=0", "image/*, application/xml"])
def test_an_answer_that_nobody_accepts_is_refused(numeric: Ask, accept: str) -> None:
    assert problem(numeric({"features": IRIS.tolist()}, accept=accept)) == (406, ["header", "accept"], "not_acceptable")


def test_an_array_answers_with_the_output_that_is_asked_for(numeric: Ask) -> None:
    body = {"features": IRIS.tolist()}
    full = answered(numeric(body, outputs="all"))
    for outputs, name in (("", "prediction"), ("prediction", "prediction"), ("probabilities", "probabilities")):
        found = np.load(io.BytesIO(numeric(body, accept=NPY, outputs=outputs).content))
        assert found.tolist() == full[name]


def test_an_array_of_labels_needs_no_pickle(mixed: Ask) -> None:
    found = np.load(io.BytesIO(mixed({"features": MIXED}, accept=NPY).content), allow_pickle=False)
    assert found.tolist() == answered(mixed({"features": MIXED}))["prediction"]


def test_several_outputs_are_no_array(load: Callable[..., Ask], service_code: Callable[[str], Any]) -> None:
    answers = service_code("core.bodies.answers")
    writer = answers.Writer(None, ())
    with pytest.raises(ValueError, match="one array") as caught:
        writer.one(("prediction", "probabilities", "scores"))
    assert caught.value.status == 406


def test_csv_answers_with_a_column_for_each_class(mixed: Ask) -> None:
    full = answered(mixed({"features": MIXED}, outputs="all"))
    lines = mixed({"features": MIXED}, accept=CSV, outputs="probabilities").content.decode().splitlines()
    assert lines[0] == "prediction,probabilities.ja,probabilities.nein"
    for line, label, chances in zip(lines[1:], full["prediction"], full["probabilities"], strict=True):
        assert line.split(",") == [label, *map(repr, chances)]


def test_flags_are_words_in_csv(load: Callable[..., Ask]) -> None:
    assert load("switch")({"features": [[-3], [3]]}, accept=CSV).content == b"prediction\r\nfalse\r\ntrue\r\n"


def test_a_table_answers_with_one_column_an_output(mixed: Ask) -> None:
    full = answered(mixed({"features": MIXED}, outputs="all"))
    table = pa.ipc.open_stream(mixed({"features": MIXED}, accept=STREAM, outputs="all").content).read_all()
    assert table.to_pydict() == full


def test_ranges_are_checked_in_every_form(load: Callable[..., Ask]) -> None:
    ask = load("numeric", check_ranges=True)
    rows = IRIS.copy()
    rows[1, 0] = 1000.0
    for body, kind, form in (
        (npy(rows), NPY, "npy"),
        ("\n".join(",".join(map(str, row)) for row in rows.tolist()).encode(), CSV, "csv"),
        (stream(pa.table(dict(zip(NAMES, rows.T, strict=True)))), STREAM, "arrow"),
    ):
        assert problem(ask(body, kind)) == (422, ["body", form, 1, NAMES[0]], "out_of_range")


WITHOUT = """
import sys
from pathlib import Path

if sys.argv[2] == "without":
    sys.modules["pyarrow"] = None  # as if it were not installed
from core.http import Head
from core.service import Service
from core.settings import Settings

service = Service(Settings(model_dir=Path(sys.argv[1])))
print(service.state(), sys.modules.get("pyarrow"))
for kind, accept in (("application/vnd.apache.arrow.stream", b"*/*"), ("", b"application/vnd.apache.arrow.stream")):
    head = Head("POST", "/predict", "", {b"content-type": kind.encode(), b"content-length": b"1", b"accept": accept})
    print(service.begin(head).answer(b"x").content.decode())
"""


@pytest.mark.parametrize("package", ["with", "without"])
def test_arrow_is_loaded_only_when_it_is_asked_for(scaffolded: Callable[..., Path], package: str) -> None:
    service = scaffolded("numeric")
    command = [sys.executable, "-B", "-c", WITHOUT, str(service / "model"), package]
    done = subprocess.run(command, cwd=service, capture_output=True, text=True, check=True)
    started, body, accept = done.stdout.splitlines()
    assert started == "ok None"
    if package == "without":
        assert json.loads(body)["status"] == 415
        assert "pyarrow" in json.loads(body)["detail"]
        assert json.loads(accept)["status"] == 406
    else:
        assert [json.loads(line)["status"] for line in (body, accept)] == [400, 400]
