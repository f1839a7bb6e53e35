"""What a service answers is the same in every web framework, to the byte: right answers, refusals, headers."""

import http.client
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlship.replay import replay
from mlship.serving import Running

FRAMEWORKS = ("asgi", "fastapi", "flask", "django")
LIMITS = {"MAX_BODY_BYTES": "20000", "MAX_ROWS": "200"}
ROW = [5.1, 3.5, 1.4, 0.2]
NAMES = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
RECORD = dict(zip(NAMES, ROW, strict=True))
ONE = json.dumps({"features": [ROW]}).encode()
#: Headers that belong to the server or to the connection, and those that Django adds to what it answers itself.
OF_THE_SERVER = {"date", "server", "connection"}
OF_DJANGO = {"x-frame-options", "referrer-policy", "cross-origin-opener-policy"}

Start = Callable[..., Running]


@dataclass(frozen=True)
class Asked:
    """A request, and the status that it is to be answered with; the length of a body is sent unless ``headers`` say."""

    status: int
    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = "" if self.body is None else repr(self.body)[2:30]
        return f"{self.status} {self.method} {self.target[:40]} {told} {dict(self.headers) or ''}"[:110]

    def sent(self) -> bytes:
        """Return the bytes on the wire."""
        headers = {"host": "service", "x-request-id": "same", **self.headers}
        body = self.body
        if headers.get("transfer-encoding") == "chunked":
            parts = [(body or b"")[start : start + 1000] for start in range(0, len(body or b""), 1000)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif body is not None:
            headers.setdefault("content-length", str(len(body)))
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def predict(status: int, body: object = ONE, query: str = "", **headers: str) -> Asked:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Asked(status, "POST", "/predict" + query, content, told)


RIGHT = [
    predict(200),
    predict(200, {"features": [ROW] * 5}),
    predict(200, {"features": [ROW] * 200}),
    predict(200, {"records": [RECORD]}),
    predict(200, {"records": [dict(reversed(RECORD.items()))] * 2}),
    predict(200, b" \r\n\t" + ONE + b"\n "),
    predict(200, content_type="application/x-www-form-urlencoded"),
    predict(200, content_type="application/json; charset=utf-8"),
    predict(200, content_type="APPLICATION/JSON"),
    Asked(200, "POST", "/predict", ONE),
    predict(200, query="?outputs=all"),
    predict(200, query="?outputs=probabilities"),
    predict(200, query="?outputs=proba%62ilities,&other=1"),
    predict(200, query="?outputs=prediction&outputs=probabilities"),
    predict(200, query="?"),
    predict(200, x_outputs="all"),
    predict(200, x_outputs="probabilities", query="?outputs=prediction"),
    predict(200, transfer_encoding="chunked"),
    predict(200, content_encoding="identity"),
    predict(200, x_huge="x" * 8_000, cookie="y" * 4_000),
    Asked(200, "POST", "/%70redict", ONE),
    Asked(200, "POST", "/invocations", ONE, {"content-type": "application/json"}),
    Asked(200, "POST", "/invocations", b"5.1,3.5,1.4,0.2\n", {"content-type": "text/csv"}),
    Asked(200, "GET", "/ping"),
    Asked(200, "GET", "/livez"),
    Asked(200, "HEAD", "/livez"),
    Asked(200, "GET", "/livez?x=%ff"),
    Asked(200, "GET", "/readyz"),
    Asked(200, "HEAD", "/readyz"),
    Asked(200, "GET", "/v2"),
    Asked(200, "GET", "/v2/health/ready"),
    Asked(200, "GET", "/v2/models/LogisticRegression"),
]

WRONG = [
    predict(400, b""),
    predict(400, b"nonsense"),
    predict(400, b"\xff\xfe"),
    predict(400, b"[" * 10_000),
    predict(400, ONE[:-1]),
    predict(400, b"", transfer_encoding="chunked"),
    predict(422, []),
    predict(422, {}),
    predict(422, {"features": {}}),
    predict(422, {"features": []}),
    predict(422, {"features": [1]}),
    predict(422, {"features": [ROW[:3]]}),
    predict(422, {"features": [ROW, [*ROW, 1]]}),
    predict(422, {"features": [["a", True, None, [1]]]}),
    predict(422, {"features": [[1, 2, 3, 10**400]]}),
    predict(422, b'{"features": [[NaN, 1, 2, 3]]}'),
    predict(422, {"features": [["ü\ud800", 1, 2, 3]]}),
    predict(422, {"records": [RECORD | {"más": 1}]}),
    predict(422, {"records": [{NAMES[0]: 1}]}),
    predict(422, {"records": [RECORD], "features": [ROW]}),
    predict(422, b'{"features": [[1,2,3,4]], "features": [[1,2,3,4]]}'),
    predict(422, {"features": [ROW] * 201}),
    predict(422, {"features": [["x"] * 4] * 50}),
    predict(422, query="?outputs=nonsense"),
    predict(422, query="?outputs=%ff%00"),
    predict(422, x_outputs="nonsense"),
    predict(415, content_type="text/plain"),
    predict(415, content_type="multipart/form-data; boundary=x"),
    predict(415, content_encoding="gzip"),
    predict(413, b" " * 20_001),
    predict(413, b" " * 25_000, transfer_encoding="chunked"),
    predict(413, b"", content_length="99999999999"),
    Asked(411, "POST", "/predict"),
    *[Asked(405, method, "/predict", b"") for method in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")],
    Asked(405, "POST", "/livez", b""),
    Asked(405, "GET", "/v2/models/LogisticRegression/infer"),
    Asked(404, "GET", "/"),
    Asked(404, "GET", "/nothing"),
    Asked(404, "HEAD", "/nothing"),
    Asked(404, "POST", "/nothing", ONE),
    Asked(404, "DELETE", "/nothing?x=1"),
    Asked(404, "POST", "/predict/", ONE),
    Asked(404, "POST", "//predict", ONE),
    Asked(404, "POST", "/predict//", ONE),
    Asked(404, "POST", "/PREDICT", ONE),
    Asked(404, "GET", "/k%C3%B6ln/%E5%B9%B4"),
    Asked(404, "GET", "/%ff%00%0d%0a"),
    Asked(404, "GET", "/a%2fb%zz%"),
    Asked(404, "GET", "/../livez"),
    Asked(404, "GET", "/" + "x" * 2_000),
    Asked(404, "GET", "/static/app.py"),
    Asked(404, "GET", "/v2/nothing"),
    Asked(404, "GET", "/v2/models/nothing"),
    Asked(400, "POST", "/v2/models/LogisticRegression/infer", b'{"inputs": []}'),
]


class Connection:
    """One connection to a service."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20)

    def ask(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        self._socket.sendall(asked.sent())
        answer = http.client.HTTPResponse(self._socket, method=asked.method)
        answer.begin()
        content = answer.read()
        answer.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def ask(url: str, asked: Asked) -> tuple[int, dict[str, str], bytes]:
    with Connection(url) as connection:
        return connection.ask(asked)


@pytest.mark.parametrize("asked", [*RIGHT, *WRONG], ids=str)
def test_every_framework_answers_the_same(start: Start, asked: Asked) -> None:
    answers = {}
    for framework in FRAMEWORKS:
        status, headers, content = ask(start("numeric", framework, **LIMITS).url, asked)
        kept = {name: value for name, value in headers.items() if name not in OF_THE_SERVER | OF_DJANGO}
        answers[framework] = (status, kept, content)
    for framework in FRAMEWORKS[1:]:
        assert answers[framework] == answers["asgi"], framework
    status, headers, content = answers["asgi"]
    assert status == asked.status
    assert headers["x-request-id"] == "same"
    if status >= 400 and asked.method != "HEAD":
        document = json.loads(content)
        assert (headers["content-type"], document["status"]) == ("application/problem+json", status)
        assert document["request_id"] == "same"
    assert ("allow" in headers) is (status == 405)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("case", ["numeric", "mixed", "switch"])
def test_the_golden_set_passes(start: Start, cases: Mapping[str, Any], case: str, framework: str) -> None:
    verdict = replay(start(case, framework, **LIMITS).url, cases[case].golden, cases[case].signature)
    assert verdict.passed, verdict.sentence()
    assert verdict.rows == len(cases[case].golden)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_refused_request_leaves_the_connection_open(start: Start, framework: str) -> None:
    refused = [asked for asked in WRONG if asked.status not in {411, 413}]
    with Connection(start("numeric", framework, **LIMITS).url) as connection:
        for asked in refused:
            assert connection.ask(asked)[0] == asked.status, asked
            status, _, content = connection.ask(predict(200))
            assert (status, content) == (200, b'{"prediction":[0]}'), asked


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("asked", [asked for asked in WRONG if asked.status == 413], ids=str)
def test_a_body_that_is_too_large_ends_the_connection(start: Start, framework: str, asked: Asked) -> None:
    assert ask(start("numeric", framework, **LIMITS).url, asked)[1]["connection"] == "close"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_answer_has_an_id_of_its_own_unless_it_was_given_one(start: Start, framework: str) -> None:
    url = start("numeric", framework, **LIMITS).url
    ids = [
        ask(url, Asked(status, "GET", path, headers={"x-request-id": "not a word"}))[1]["x-request-id"]
        for status, path in ((200, "/livez"), (200, "/livez"), (404, "/nothing"), (404, "/nothing"))
    ]
    assert len(set(ids)) == 4
    assert "not a word" not in ids


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_versions_of_framework_and_server_are_told(start: Start, framework: str) -> None:
    info = json.loads(ask(start("numeric", framework, **LIMITS).url, Asked(200, "GET", "/info"))[2])
    server = "uvicorn" if framework in {"asgi", "fastapi"} else "granian"
    assert {framework, server} - {"asgi"} <= info["versions"].keys()
