import socket
from collections.abc import Iterator

import pytest

from mlship.errors import ServiceError
from mlship.load.address import locate, request


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:99999", "http://[::1", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ServiceError, match="is not the address of a service") as refused:
        locate(url, 1.0)
    assert f"'{url}'" in refused.value.message


def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ServiceError, match="is not known"):
        locate(f"http://{'x' * 70}/", 1.0)


@pytest.mark.parametrize(
    ("url", "host", "prefix", "port"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "", 8000),
        ("http://127.0.0.1/a/b/", "127.0.0.1", "/a/b", 80),
        ("https://127.0.0.1", "127.0.0.1", "", 443),
        ("http://[::1]:9/", "[::1]:9", "", 9),
        ("http://user:secret@127.0.0.1:7", "127.0.0.1:7", "", 7),
    ],
)
def test_an_address_is_taken_apart(url: str, host: str, prefix: str, port: int) -> None:
    found = locate(url, 1.0)
    assert (found.host, found.prefix, found.place[1]) == (host, prefix, port)
    assert (found.tls is not None) == url.startswith("https")


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_of_several_addresses_the_one_that_answers_is_taken(listening: int) -> None:
    assert locate(f"http://localhost:{listening}", 1.0).place == ("127.0.0.1", listening)


def test_headers_that_are_given_replace_ours() -> None:
    where = locate("http://127.0.0.1:8000/m", 1.0)
    made = request(
        where, "/v2/infer", {"content-type": "application/octet-stream", "Host": "iris.example"}, b"\x00\xff"
    )
    assert made == (
        b"POST /m/v2/infer HTTP/1.1\r\nContent-Length: 2\r\ncontent-type: application/octet-stream\r\n"
        b"Host: iris.example\r\n\r\n\x00\xff"
    )
