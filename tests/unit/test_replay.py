import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from mlship.errors import ServiceError
from mlship.golden import Golden
from mlship.replay import arrays, payload, replay
from mlship.signature import MISSING_STRING, Column, Output, Signature, Tensor

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


def send(handler: BaseHTTPRequestHandler, content: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(content)


class Scripted(ThreadingHTTPServer):
    """A service that does what its script says, and keeps the requests that it got."""

    daemon_threads = True

    def __init__(self, script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.asked, self.paths = script, [], []  # type: ignore[var-annotated]
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: some scripts break off."""

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Scripted

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body["features"])
        self.server.paths.append(self.path)
        self.server.script(self, body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Scripted]]:
    running = []

    def start(script: Answer) -> Scripted:
        server = Scripted(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


ROWS = 230
SIGNATURE = Signature(
    model="Test",
    task="classifier",
    named=False,
    columns=(
        Column(name="number", type="number", tensor="features", index=0),
        Column(name="whole", type="integer", tensor="features", index=1),
    ),
    tensors=(Tensor(name="features", kind="number", width=2),),
    outputs=(
        Output(name="prediction", type="integer"),
        Output(name="probabilities", type="number", width=2, classes=(0, 1)),
    ),
)


def make_golden() -> Golden:
    inputs = np.stack([np.arange(ROWS) / 7, np.arange(ROWS)], axis=1)
    share = np.arange(ROWS) / ROWS
    outputs = {"prediction": (share > 0.5).astype(np.int64), "probabilities": np.stack([1 - share, share], axis=1)}
    return Golden({"features": inputs}, outputs, ("sample",) * ROWS)


def right(body: Mapping[str, Any]) -> dict[str, Any]:
    rows = [int(row[1]) for row in body["features"]]
    return {name: values[rows].tolist() for name, values in make_golden().outputs.items()}


def answer_right(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
    send(handler, json.dumps(right(body)).encode())


def test_a_service_that_answers_right_passes(serve: Callable[[Answer], Scripted]) -> None:
    verdict = replay(serve(answer_right).url, make_golden(), SIGNATURE)
    assert verdict.passed
    assert verdict.rows == ROWS


def test_rows_are_sent_in_batches_and_some_one_by_one_over_one_connection(
    serve: Callable[[Answer], Scripted],
) -> None:
    server = serve(answer_right)
    replay(server.url, make_golden(), SIGNATURE)
    assert [len(rows) for rows in server.asked] == [100, 100, 30] + [1] * 16
    assert set(server.paths) == {"/predict?outputs=all"}
    assert server.connections == 1


def test_a_wrong_label_fails_and_names_the_row(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        answer = right(body)
        answer["prediction"] = [7 if row[1] == 142 else label for row, label in zip(*_both(body, answer), strict=True)]
        send(handler, json.dumps(answer).encode())

    verdict = replay(serve(script).url, make_golden(), SIGNATURE)
    assert not verdict.passed
    assert verdict.labels_off == 1
    assert verdict.first is not None
    assert (verdict.first.row, verdict.first.actual) == (142, 7)


def _both(body: dict[str, Any], answer: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    return body["features"], answer["prediction"]


def test_a_service_that_is_wrong_for_single_rows_only_fails(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        answer = right(body)
        if len(body["features"]) == 1:
            answer["probabilities"] = [[0.25, 0.75]]
        send(handler, json.dumps(answer).encode())

    assert not replay(serve(script).url, make_golden(), SIGNATURE).passed


def test_an_output_that_is_missing_fails(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        send(handler, json.dumps({"prediction": right(body)["prediction"]}).encode())

    verdict = replay(serve(script).url, make_golden(), SIGNATURE)
    assert "probabilities" in verdict.sentence()


def test_rows_with_infinite_values_are_left_out_and_the_others_keep_their_numbers(
    serve: Callable[[Answer], Scripted],
) -> None:
    golden = make_golden()
    golden.inputs["features"][:100, 0] = np.inf
    server = serve(lambda handler, body: send(handler, json.dumps({**right(body), "prediction": [9]}).encode()))
    with pytest.raises(ServiceError, match="'prediction'"):
        replay(server.url, golden, SIGNATURE)
    verdict = replay(serve(answer_right).url, dataclasses.replace(golden, outputs=_shifted(golden)), SIGNATURE)
    assert verdict.rows == 130
    assert verdict.first is not None
    assert verdict.first.row == 200


def _shifted(golden: Golden) -> dict[str, Any]:
    prediction = golden.outputs["prediction"].copy()
    prediction[200:] += 1
    return {**golden.outputs, "prediction": prediction}


def test_a_golden_set_that_json_cannot_carry_does_not_pass(serve: Callable[[Answer], Scripted]) -> None:
    golden = make_golden()
    golden.inputs["features"][:, 0] = np.inf
    assert "no golden row" in replay(serve(answer_right).url, golden, SIGNATURE).sentence()


def test_a_connection_that_is_closed_between_requests_is_opened_again(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        answer_right(handler, body)
        handler.close_connection = True

    assert replay(serve(script).url, make_golden(), SIGNATURE).passed


def test_an_address_may_lack_the_scheme_and_have_a_prefix(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(answer_right)
    replay(f"{server.url[7:]}/models/a/", make_golden(), SIGNATURE)
    assert set(server.paths) == {"/models/a/predict?outputs=all"}


def test_an_address_may_end_with_predict(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(answer_right)
    replay(f"{server.url}/predict", make_golden(), SIGNATURE)
    assert set(server.paths) == {"/predict?outputs=all"}


@pytest.mark.parametrize("url", ["", "http://", "ftp://a", "http://a:port", "http://a:70000", "http://a b", "a?x=1"])
def test_what_is_not_an_address_is_quoted(url: str) -> None:
    with pytest.raises(ServiceError, match="is not the address of a service") as caught:
        replay(url, make_golden(), SIGNATURE)
    assert repr(url) in caught.value.message


@pytest.mark.parametrize(
    ("status", "message"), [(500, "status 500: 'went wrong'"), (404, "no /predict"), (422, "refuses golden rows")]
)
def test_another_status_is_named_with_what_the_service_said(
    serve: Callable[[Answer], Scripted], status: int, message: str
) -> None:
    server = serve(lambda handler, body: send(handler, b"went wrong", status))
    with pytest.raises(ServiceError, match=message):
        replay(server.url, make_golden(), SIGNATURE)


@pytest.mark.parametrize("header", ["Location", "location"])
def test_a_redirect_is_not_followed_but_named(serve: Callable[[Answer], Scripted], header: str) -> None:
    server = serve(lambda handler, body: send(handler, b"", 307, **{header: "/v2/predict?outputs=all"}))
    with pytest.raises(ServiceError, match="redirects") as caught:
        replay(server.url, make_golden(), SIGNATURE)
    assert caught.value.hint == f"give the address {server.url}/v2"


@pytest.mark.parametrize("content", [b"<html>hello</html>", b"", b'{"prediction": [NaN]}', b"\xff\xfe\x00"])
def test_an_answer_that_is_not_json_is_quoted(serve: Callable[[Answer], Scripted], content: bytes) -> None:
    server = serve(lambda handler, body: send(handler, content))
    with pytest.raises(ServiceError, match="not JSON"):
        replay(server.url, make_golden(), SIGNATURE)


@pytest.mark.parametrize("content", [b"[]", b"null", b'{"prediction": 1}', b'{"prediction": [1]}'])
def test_an_answer_of_another_shape_is_quoted(serve: Callable[[Answer], Scripted], content: bytes) -> None:
    server = serve(lambda handler, body: send(handler, content))
    with pytest.raises(ServiceError, match="instead of"):
        replay(server.url, make_golden(), SIGNATURE)


def test_a_service_that_hangs_is_given_up(serve: Callable[[Answer], Scripted]) -> None:
    over = threading.Event()
    server = serve(lambda handler, body: over.wait(10) and None)
    with pytest.raises(ServiceError, match=r"did not answer within 0\.2 s"):
        replay(server.url, make_golden(), SIGNATURE, timeout=0.2)
    over.set()


def test_a_service_that_drips_is_given_up(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    started = time.monotonic()
    with pytest.raises(ServiceError, match="did not answer within"):
        replay(serve(script).url, make_golden(), SIGNATURE, timeout=0.3)
    assert time.monotonic() - started < 5


def test_a_service_that_drops_the_connection_is_named(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(lambda handler, body: setattr(handler, "close_connection", True))
    with pytest.raises(ServiceError, match="dropped the connection"):
        replay(server.url, make_golden(), SIGNATURE)


def test_an_answer_that_breaks_off_is_named(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"prediction": [')
        handler.close_connection = True

    with pytest.raises(ServiceError, match="dropped the connection"):
        replay(serve(script).url, make_golden(), SIGNATURE)


def test_what_does_not_speak_http_is_named(serve: Callable[[Answer], Scripted]) -> None:
    def script(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        handler.close_connection = True

    with pytest.raises(ServiceError, match="does not speak HTTP"):
        replay(serve(script).url, make_golden(), SIGNATURE)


def test_nothing_that_listens_is_named(serve: Callable[[Answer], Scripted]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = server.server_address[1]
    server.server_close()
    with pytest.raises(ServiceError, match="nothing listens"):
        replay(f"http://127.0.0.1:{port}", make_golden(), SIGNATURE)


def test_https_where_http_is_spoken_is_named(serve: Callable[[Answer], Scripted]) -> None:
    server = serve(answer_right)
    with pytest.raises(ServiceError, match="no TLS connection") as caught:
        replay(server.url.replace("http", "https"), make_golden(), SIGNATURE)
    assert server.url in caught.value.hint


MIXED = Signature(
    model="Test",
    task="classifier",
    named=True,
    columns=(
        Column(name="年龄", type="integer", tensor="年龄", index=0),
        Column(name="home.dest", type="string", tensor="home.dest", index=0),
        Column(name="member", type="boolean", tensor="member", index=0),
        Column(name="fare", type="number", tensor="fare", index=0),
    ),
    tensors=(
        Tensor(name="fare", kind="number", width=1),
        Tensor(name="home.dest", kind="string", width=1),
        Tensor(name="member", kind="number", width=1),
        Tensor(name="年龄", kind="number", width=1),
    ),
    outputs=(Output(name="prediction", type="string"),),
)


def test_a_payload_has_the_columns_in_order_and_null_for_what_is_missing() -> None:
    inputs = {
        "fare": np.array([[1.5], [np.nan]]),
        "home.dest": np.array([["Köln"], [MISSING_STRING]], dtype=object),
        "member": np.array([[1.0], [np.nan]]),
        "年龄": np.array([[41.0], [np.nan]]),
    }
    golden = Golden(inputs, {}, ("sample", "sample"))
    body = payload(golden, MIXED, [1, 0])
    assert body == {"features": [[None, None, None, None], [41, "Köln", True, 1.5]]}
    assert json.dumps(body["features"][1]) == '[41, "K\\u00f6ln", true, 1.5]'


def test_whole_numbers_beyond_exact_floats_stay_floats() -> None:
    golden = Golden({"features": np.array([[1.0, 2.0**60]])}, {}, ("sample",))
    assert isinstance(payload(golden, SIGNATURE, [0])["features"][0][1], float)


def outputs(kind: Any, width: int | None = None) -> Signature:
    return SIGNATURE.model_copy(update={"outputs": (Output(name="prediction", type=kind, width=width),)})


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("boolean", [True, False], np.array([1, 0], dtype=np.int64)),
        ("integer", [3, -1], np.array([3, -1], dtype=np.int64)),
        ("number", [1, 0.5], np.array([1.0, 0.5])),
        ("number", [1, None], np.array([1.0, np.nan])),
        ("string", ["ja", ""], np.array(["ja", ""], dtype=object)),
    ],
)
def test_arrays_are_rebuilt_by_type(kind: str, values: list[Any], expected: Any) -> None:
    found = arrays({"prediction": values}, outputs(kind), 2)["prediction"]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_rows_of_several_values_are_rebuilt() -> None:
    found = arrays({"prediction": [[1, 2], [3, None]]}, outputs("number", 2), 2)["prediction"]
    np.testing.assert_array_equal(found, [[1, 2], [3, np.nan]])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [True, False]),
        ("integer", [1.0, 2.0]),
        ("integer", [1, 2**70]),
        ("boolean", [1, 0]),
        ("number", ["1", "2"]),
        ("number", [[1], [2]]),
        ("string", [1, 2]),
        ("string", "ab"),
        ("number", [1]),
    ],
)
def test_values_of_another_type_are_refused(kind: str, values: Any) -> None:
    with pytest.raises(ServiceError, match=f"instead of 2 rows \\({kind}\\)"):
        arrays({"prediction": values}, outputs(kind), 2)
