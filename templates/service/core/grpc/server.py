"""The Open Inference Protocol, version 2, over gRPC: a server of its own beside that of HTTP.

Source: "Predict Protocol - Version 2", GRPC.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from core.exchange import Exchange
from core.http import Call, Head, Reply, Route
from core.problems import InvalidRequestError, invalid
from core.running.start import StartError
from core.service import GRPC, Service

try:
    import grpc
    from google.protobuf.message import DecodeError

    from core.grpc.inference import Answered, Inference
    from core.grpc.messages import CLASSES, PACKAGE
except ModuleNotFoundError as error:
    raise StartError(f"GRPC_PORT is set, and there is no module '{error.name}': pip install grpcio protobuf") from error

_SERVICE = f"{PACKAGE}.GRPCInferenceService"
#: Calls that are answered side by side: enough that a probe need not wait for a large one.
_THREADS = 8
_LONGEST = 1000

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}


def start(
    service: Service, host: str, port: int, *, tls: tuple[Path, Path] | None = None, shared: bool = False
) -> "grpc.Server":
    """Answer at a port until ``stop(seconds)`` of what is returned, which waits so long for calls that are answered.

    ``tls`` are the PEM files of the certificate and its key. ``shared`` lets other workers have the same port. Raises
    StartError where the port cannot be had.
    """
    settings = service.settings
    options = [
        ("grpc.so_reuseport", int(shared)),
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", -1),
    ]
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="grpc")
    server = grpc.server(pool, options=options, maximum_concurrent_rpcs=settings.max_concurrency)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, _handlers(service)),))
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if tls:
            cert, key = (path.read_bytes() for path in tls)
            server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
        else:
            server.add_insecure_port(address)
    except RuntimeError as error:
        raise StartError(f"cannot serve gRPC at {address}: {error}") from error
    server.start()
    return server


def _handlers(service: Service) -> dict[str, Any]:
    answers = Inference(service)
    opened = {"ServerLive": answers.live, "ServerReady": answers.ready, "ModelReady": answers.model_ready}
    guarded = {"ServerMetadata": answers.server, "ModelMetadata": answers.model, "ModelInfer": answers.infer}
    return {
        name: grpc.unary_unary_rpc_method_handler(_Method(service, name, answer, open_to_all=name in opened))
        for name, answer in {**opened, **guarded}.items()
    }


class _Method:
    """Answers one method: bytes in and out, so that bytes which are no message are answered like other errors."""

    def __init__(self, service: Service, name: str, answer: Callable[[Any], Answered], *, open_to_all: bool) -> None:
        self._service = service
        self._path = f"/{_SERVICE}/{name}"
        self._request = CLASSES[f"{name}Request"]
        self._answer = answer
        self._route = Route("POST", GRPC, lambda call: self._reply(call.body), {}, open=open_to_all)

    def __call__(self, body: bytes, context: "grpc.ServicerContext") -> bytes:
        exchange = Exchange(Head("POST", self._path, "", _headers(context), _client(context.peer())))
        exchange.route = self._route
        reply, refused = Reply(500), None
        try:
            if not self._route.open:
                self._service.guard.enter(exchange.head)
                exchange.held = True
            reply = self._route.handle(Call(exchange.head, body))
        except InvalidRequestError as error:
            reply, refused = exchange.problem(error), error
        finally:
            headers = self._service.end(exchange, reply)
        told = [(name, headers[name]) for name in ("x-request-id", "retry-after") if name in headers]
        context.set_trailing_metadata(told)
        if refused:
            context.abort(_CODES[refused.status], refused.detail()[:_LONGEST])
        return reply.content

    def _reply(self, body: bytes) -> Reply:
        try:
            request = self._request.FromString(body)
        except DecodeError as error:
            raise invalid(("body",), "the message cannot be read", "message", status=400) from error
        message, rows = self._answer(request)
        return Reply(200, message.SerializeToString(), rows=rows)


def _headers(context: "grpc.ServicerContext") -> dict[bytes, bytes]:
    pairs = context.invocation_metadata()
    return {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in pairs}


def _client(peer: str) -> str:
    """Return the address in a peer as gRPC writes it, such as ipv4:127.0.0.1:5000."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
