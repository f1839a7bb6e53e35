"""What uvicorn is given: the application, and a protocol with the fast path or only with limits."""

import asyncio
import importlib
import inspect
import logging
from collections.abc import Iterator
from typing import Any, Literal

from core.fronts.asgi import Front, Receive, Scope, Send
from core.service import Service

_log = logging.getLogger("uvicorn.error")
_MODULES = {
    "HttpToolsProtocol": "uvicorn.protocols.http.httptools_impl",
    "RequestResponseCycle": "uvicorn.protocols.http.httptools_impl",
    "FlowControl": "uvicorn.protocols.http.flow_control",
    "ServerState": "uvicorn.server",
}

# What limited.py, joined.py and hot.py take from uvicorn: attributes that are set when a connection or a message
# begins, and methods with their parameters.
_ATTRIBUTES = {
    "HttpToolsProtocol": "access_log client cycle flow headers limit_concurrency logger loop root_path server_state "
    "scope timeout_keep_alive timeout_keep_alive_task transport url",
    "RequestResponseCycle": "response_complete response_started transport",
    "FlowControl": "write_paused",
    "ServerState": "default_headers total_requests",
}
_METHODS = {
    "HttpToolsProtocol": "connection_made(transport) connection_lost(exc) data_received(data) on_message_begin() "
    "on_body(body) on_headers_complete() on_message_complete() on_response_complete() "
    "send_400_response(msg) shutdown() timeout_keep_alive_handler() _unset_keepalive_if_required()",
    "FlowControl": "pause_reading() resume_reading()",
}


def protocol(service: Service, app: object) -> type[asyncio.Protocol] | Literal["auto"]:
    """Return what uvicorn takes as ``http``: the fast path to ``service``, or else only limits, or not even them.

    Where something stands between uvicorn and the service there is no fast path, as that would not see the requests.
    The log says why there is none, unless nobody wants it, and why there are no limits ("auto").
    """
    if missing := sorted(_missing()):
        _log.warning("no limits to heads, no fast path: this uvicorn has another %s", ", ".join(missing))
        return "auto"
    made: type[asyncio.Protocol] = importlib.import_module("limited").LimitedProtocol
    if service.settings.fast_path == "protocol" and _is_first(app):
        made = importlib.import_module("hot").fast_protocol(service)
    elif service.settings.fast_path == "protocol":
        _log.warning("no fast path: the outermost middleware is not the service's; FAST_PATH=0 ends this warning")
    return made


def application(service: Service, app: Any) -> Any:
    """Return the ASGI application that uvicorn calls: ``app``, or what takes a shorter way through it.

    Where the service is the outermost middleware, its own paths need not pass what a framework does before that, which
    takes as long as a prediction.
    """
    if not service.settings.fast_path or isinstance(app, Front) or not _is_first(app):
        return app
    front, router, own = Front(None, service), service.router, service.own

    async def shorter(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"] not in own and router.knows(scope["path"])
        await (front if ours else app)(scope, receive, send)

    return shorter


def _is_first(app: object) -> bool:
    """Say whether requests reach the service first: it is the app, or the outermost middleware of a Starlette app."""
    outermost = next(iter(getattr(app, "user_middleware", ())), None)
    return isinstance(app, Front) or getattr(outermost, "cls", None) is Front


def _missing() -> Iterator[str]:
    """Name what they take from uvicorn and this one does not have."""
    found = {name: _found(module, name) for name, module in _MODULES.items()}
    for name, attributes in _ATTRIBUTES.items():
        there = _names(found[name], "__init__") | _names(found[name], "on_message_begin")
        yield from (f"{name}.{each}" for each in attributes.split() if each not in there)
    for name, methods in _METHODS.items():
        for method in methods.split():
            known = getattr(found[name], method.partition("(")[0], None)
            if not inspect.isfunction(known) or _called(known) != method:
                yield f"{name}.{method}"


def _found(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def _names(found: Any, method: str) -> set[str]:
    code = getattr(getattr(found, method, None), "__code__", None)
    return set(getattr(code, "co_names", ()))


def _called(method: Any) -> str:
    names = list(inspect.signature(method).parameters)[1:]
    return f"{method.__name__}({','.join(names)})"
