import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"prediction":[1]}'
CONTENT = b'{"prediction":[1]}'


def answered(result: Any) -> int:
    return sum(told.answers for told in result.slices)


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        pytest.param(OK, CONTENT, id="length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc", id="chunked"
        ),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, CONTENT, id="interim answer"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"", id="empty"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000, b"x" * 300000, id="large"),
    ],
)
def test_an_ordinary_answer_is_read_and_keeps_the_connection(
    serve: Any, load: Any, answer: bytes, content: bytes
) -> None:
    result = load(replace(serve(lambda number, body: answer).job, requests=20, seconds=30.0))
    assert answered(result) == 20
    assert result.answers == [[content]] * 3
    assert (result.reconnected, result.failures) == (0, {})


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), id="connection: close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + CONTENT, id="HTTP/1.0"),
    ],
)
def test_a_server_that_closes_after_each_answer_is_asked_again(serve: Any, load: Any, answer: bytes) -> None:
    result = load(replace(serve(lambda number, body: answer).job, requests=5, seconds=30.0))
    assert answered(result) == 5
    assert result.answers == [[CONTENT]] * 3
    assert result.reconnected == 5
    assert not result.failures


def test_a_large_request_is_sent_in_pieces(serve: Any, load: Any) -> None:
    served = serve(lambda number, body: time.sleep(0.01) or OK)
    body = bytes(range(256)) * 40_000
    result = load(replace(served.job, bodies=[body], requests=3, seconds=30.0))
    assert answered(result) == 3
    assert set(served.server.bodies) == {body}


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", "status 503", "busy"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            "status 302",
            "Location: http://elsewhere/",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP", "SSH-2.0-OpenSSH\r\n"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\nConnection: close\r\n\r\n{",
            "dropped",
            "in the middle of an answer",
        ),
        (None, "dropped", ""),
    ],
    ids=["status", "redirect", "not HTTP", "half an answer", "nothing"],
)
def test_a_failure_is_named_and_the_load_goes_on(
    serve: Any, load: Any, answer: bytes | None, kind: str, words: str
) -> None:
    job = serve(lambda number, body: answer if number == 2 else OK).job
    result = load(replace(job, requests=6, seconds=30.0))
    assert answered(result) == 5
    assert result.failures == {kind: 1}
    assert result.failed == {kind: words}
    assert sum(told.failures for told in result.slices) == 1


def test_a_second_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(serve: Any, load: Any) -> None:
    wrong = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
    job = serve(lambda number, body: OK + wrong if number == 1 else OK).job
    result = load(replace(job, bodies=[b"a"], requests=6, seconds=30.0))
    assert result.reconnected == 1
    assert result.failures == {"not HTTP": 1}
    assert result.answers == [[CONTENT]]


def test_an_answer_that_does_not_come_is_given_up(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(1.0 if number == 2 else 0.0) or OK).job
    result = load(replace(job, requests=6, seconds=30.0, timeout_seconds=0.2))
    assert answered(result) == 5
    assert result.failures == {"timeout": 1}


def test_a_service_that_never_answers_ends_the_run(serve: Any, load: Any) -> None:
    job = serve(lambda number, body: time.sleep(2.0) or OK).job
    result = load(replace(job, connections=4, seconds=30.0, timeout_seconds=0.2))
    assert result.seconds < 2.0
    assert result.failures == {"timeout": 4}


def test_a_service_that_refuses_is_tried_now_and_then_until_patience_ends(serve: Any, load: Any, refusing: int) -> None:
    job = replace(serve(lambda number, body: OK).job, url=f"http://127.0.0.1:{refusing}", seconds=30.0)
    result = load(replace(job, connections=2, timeout_seconds=0.5))
    assert result.seconds < 5.0
    assert set(result.failures) == {"refused"}
    assert 2 <= result.failures["refused"] <= 12
    assert result.answers == [[], [], []]


def test_the_path_of_the_address_comes_before_that_of_the_job(serve: Any, load: Any) -> None:
    served = serve(lambda number, body: OK)
    load(replace(served.job, url=served.job.url + "/models/iris/", requests=1, headers={"X-Key": "secret"}))
    assert served.server.heads == [
        b"POST /models/iris/predict HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
        b"Content-Length: 1\r\nX-Key: secret\r\n" % served.port
    ]


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_a_host_may_be_an_ipv6_address(serve: Any, load: Any) -> None:
    served = serve(lambda number, body: OK, family=socket.AF_INET6)
    assert answered(load(replace(served.job, requests=3, seconds=30.0))) == 3
    assert b"Host: [::1]:%d\r\n" % served.port in served.server.heads[0]


@pytest.fixture
def both(certificate: tuple[Path, Path], tmp_path: Path) -> Path:
    """Return a file with a certificate and its key."""
    file = tmp_path / "both.pem"
    file.write_bytes(certificate[1].read_bytes() + certificate[0].read_bytes())
    return file


@pytest.mark.parametrize("size", [18, 200_000], ids=["small", "large"])
def test_a_service_may_speak_tls(serve: Any, load: Any, both: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(both))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (size, b"x" * size)
    served = serve(lambda number, body: answer, tls=both)
    result = load(replace(served.job, connections=2, bodies=[b"y" * size], requests=20, seconds=30.0))
    assert answered(result) == 20
    assert result.answers == [[b"x" * size]]


def test_a_certificate_that_is_not_trusted_is_a_failure(serve: Any, load: Any, both: Path) -> None:
    served = serve(lambda number, body: OK, tls=both)
    result = load(replace(served.job, seconds=30.0, timeout_seconds=0.3))
    assert set(result.failures) == {"no TLS"}
    assert "certificate" in result.failed["no TLS"]
