"""A client that calls the ASGI app in process, with nothing but the standard library."""

import asyncio
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
        return asyncio.run(_exchange(method, url, content))

    return send


async def _exchange(method: str, url: str, body: bytes) -> tuple[int, Any]:
    path, _, query = url.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"content-length", str(len(body)).encode())],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    is_json = dict(sent[0]["headers"])[b"content-type"].endswith(b"json")
    return sent[0]["status"], json.loads(content) if is_json else content.decode()
