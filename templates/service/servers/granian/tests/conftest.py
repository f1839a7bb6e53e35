"""A client that calls the WSGI app in process, with nothing but the standard library."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from app import app

Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call() -> Call:
    """Return a function that sends one request and returns status and content (parsed where it is JSON)."""

    def send(method: str, url: str, body: object = b"") -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = url.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(content)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(content),
        }
        return _exchange(environ)

    return send


def _exchange(environ: dict[str, Any]) -> tuple[int, Any]:
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
        started.extend((int(status[:3]), {name.lower(): value for name, value in headers}))
        return lambda _: None

    content = b"".join(app(environ, start_response))
    status, headers = started
    return status, json.loads(content) if headers["content-type"].endswith("json") else content.decode()
