"""Everything behind the routes, without a web framework: the model, its limits, its state, and what is noted of it.

A web framework hands over a request in three steps: ``begin`` with its head, which may already refuse it; the body, at
most ``settings.max_body_bytes`` of it; and ``end`` with the answer, which returns the headers to send.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from importlib.metadata import version
from time import perf_counter
from typing import Any

import orjson

from core.access.guard import Guard
from core.batching import Batcher
from core.exchange import Exchange, check_body, check_length
from core.http import Call, Head, Reply, Route
from core.polling import BusyPoll
from core.predictor import Predictor
from core.problems import InvalidRequestError, invalid
from core.protocols import describe, inference, predict, sagemaker
from core.router import Router
from core.runtime import examples, model
from core.settings import Settings
from core.watching.logs import AccessLog
from core.watching.metrics import CONTENT_TYPE, Metrics
from core.watching.traces import Tracer

#: How long one request may keep all others waiting. A thread would spare them that, but costs 0.2 ms at the median and
#: up to 20 ms where threads contend for the interpreter: only what takes longer than this is worth one.
INLINE_SECONDS = 0.001
_FEWEST_BYTES, _MOST_BYTES, _TRIAL_ROWS = 2 * 1024, 64 * 1024, 100

#: What calls over gRPC count as in metrics and logs, where routes count as their paths.
GRPC = "grpc"

#: On every answer: it is for the one who asked, is what its type says, and is not shown within another page. A stricter
#: policy would keep /docs from loading its scripts. Strict-Transport-Security is left to whoever owns the name of the
#: host: it would bind every other port and service there, for as long as browsers remember it.
HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'none'",
}


class Service:
    """Answers every route and says how it is.

    ``own`` are paths that a framework answers, though the service could. ``libraries`` are told by GET /info.
    Raises ModelFolderError, OSError or ValueError when the model folder is not in order.
    """

    def __init__(self, settings: Settings, libraries: tuple[str, ...] = (), own: Collection[str] = ()) -> None:
        self.settings = settings
        self.own = frozenset(own)
        self.model = model.load(settings.model_dir)
        self.name = settings.model_name or _word(self.model.signature.model)
        self.version = settings.model_version or self.model.model_digest[:12]
        self.examples = examples.read(settings.model_dir / "examples.json")
        self.predictor = Predictor(self.model, settings)
        self.router = Router(self._routes())
        paths = [route.path for route in self.router.routes] + [GRPC] * bool(settings.grpc_port)
        self.metrics = Metrics(self, paths, settings.shared_dir)
        self.guard = Guard(settings)
        self.log = AccessLog(settings.access_log)
        self.tracer = Tracer.from_environment(os.environ, self.name, self.version)
        self._libraries = libraries
        self._draining = False
        self._headers = HEADERS
        #: Whether answers carry no other headers than HEADERS, their request id, and their own.
        self.usual = not settings.cors_origins
        #: Why the service is not ready: what is wrong with its answer to a golden example. Empty when it is ready.
        self.trouble = examples.verify(self.predictor, self.examples)
        #: Bodies up to this size are answered within INLINE_SECONDS.
        self.inline_bytes = _FEWEST_BYTES if self.trouble else self._measure()
        poll = BusyPoll(settings.busy_poll * 1e-6)
        #: Joins small requests that arrive at the same time, whatever reads them from the connection.
        self.batcher = Batcher(self.predictor, self.inline_bytes, self.note, poll)
        self.predictor.ran = self.metrics.batch
        self.metrics.waiting = lambda: self.batcher.waiting

    def begin(self, head: Head, *, framework: bool = False) -> Exchange:
        """Take in the head of a request; what it already decides stands in ``refused``. ``end`` must follow.

        Where a ``framework`` answers its own paths and those that the service does not know, their ``route`` is None.
        """
        exchange = Exchange(head)
        ours = not framework or (head.path not in self.own and self.router.knows(head.path))
        if head.method == "OPTIONS":
            exchange.refused = self.guard.preflight(head, self.router.allowed(head.path) if ours else None)
            if exchange.refused:
                return exchange
        try:
            if ours:
                exchange.route, exchange.parameters = self.router.find(head.method, head.path)
            if not (exchange.route and exchange.route.open):
                self.guard.enter(head)
                exchange.held = True
            if exchange.route is None:
                check_length(head, self.settings.max_body_bytes)
            elif exchange.route.takes:
                check_body(head, exchange.route, self.settings.max_body_bytes)
        except InvalidRequestError as error:
            exchange.refused = exchange.problem(error)
        return exchange

    def enter(self, exchange: Exchange) -> Exchange:
        """Begin with a request that has its route, and nothing wrong with its head: only the guard is asked."""
        try:
            self.guard.enter(exchange.head)
            exchange.held = True
        except InvalidRequestError as error:
            exchange.refused = exchange.problem(error)
        return exchange

    def end(self, exchange: Exchange, reply: Reply) -> dict[str, str]:
        """Note an answer, and return all its headers."""
        if not exchange.noted:
            self.note([(exchange, reply)])
        told = {"content-type": reply.media_type} if reply.media_type else {}
        return {**self.headers(exchange), **told, **reply.headers}

    def note(self, answered: Sequence[tuple[Exchange, Reply]], now: float | None = None) -> None:
        """Note answers that were there ``now`` in metrics, log and traces, and let other requests take their places."""
        now, places = perf_counter() if now is None else now, 0
        alike: dict[tuple[str, int, int], list[float]] = defaultdict(list)  # as most are
        for exchange, reply in answered:
            exchange.noted = True
            places += exchange.held
            exchange.held = False
            alike[exchange.template, reply.status, reply.rows].append(now - exchange.started)
        self.guard.leave(places)
        self.metrics.count(alike)
        if self.log.on or self.tracer.on:
            for exchange, reply in answered:
                self.log.write(exchange, reply, now - exchange.started)
                self.tracer.record(exchange, reply, now - exchange.started)

    def headers(self, exchange: Exchange) -> dict[str, str]:
        """Return the headers that every answer carries."""
        return {**self._headers, **self.guard.cors(exchange.head), "x-request-id": exchange.request_id}

    @property
    def draining(self) -> bool:
        """Whether the service has been told to end: it answers, and says that it is not ready."""
        return self._draining or self._shared("draining")

    def drain(self) -> None:
        """Say from now on that the service is not ready, and have clients connect anew, which leads them elsewhere."""
        self._draining = True
        self._headers = {**HEADERS, "connection": "close"}
        self.usual = False

    def close(self) -> None:
        """Send what is noted and not sent yet: the last answer is given."""
        self.tracer.close()

    def state(self) -> str:
        """Return "ok", or why no requests should be sent."""
        if self.trouble:
            return self.trouble
        return "draining" if self.draining else "starting" if self._shared("starting") else "ok"

    def info(self) -> dict[str, Any]:
        """Return what an operator asks: which model, which versions, which limits."""
        return {
            "model": self.name,
            "version": self.version,
            "task": self.model.signature.task,
            "model_sha256": self.model.model_digest,
            "signature_sha256": self.model.signature_digest,
            "outputs": list(self.model.outputs),
            "threads": self.model.runtime.threads,
            "limits": {
                name: getattr(self.settings, name)
                for name in ("max_body_bytes", "max_rows", "batch_rows", "max_concurrency", "rate_limit")
            },
            "versions": {name: version(name) for name in (*self._libraries, *self.model.runtime.libraries)},
        }

    def _shared(self, state: str) -> bool:
        """Whether this is the state of all workers of the service."""
        shared = self.settings.shared_dir
        return shared is not None and (shared / state).exists()

    def _routes(self) -> list[Route]:
        return [
            *predict.routes(self),
            *inference.routes(self),
            *sagemaker.routes(self),
            Route("GET", "/livez", lambda _: _json({"status": "ok"}), describe.LIVEZ, open=True),
            Route("GET", "/readyz", self._readyz, describe.READYZ, open=True),
            Route("GET", "/info", lambda _: _json(self.info()), describe.INFO),
            Route("GET", "/metrics", self._metrics, describe.METRICS, open=True),
            Route("GET", "/openapi.json", self._openapi, describe.OPENAPI),
        ]

    def _readyz(self, _: Call) -> Reply:
        state = self.state()
        return _json({"status": state}, 200 if state == "ok" else 503)

    def _metrics(self, _: Call) -> Reply:
        return Reply(200, self.metrics.page(), CONTENT_TYPE)

    def _openapi(self, _: Call) -> Reply:
        return _json(describe.document(self))

    def require_ready(self) -> None:
        """Raise InvalidRequestError (503) where the model does not answer its golden example right."""
        if self.trouble:
            raise invalid((), self.trouble, "not_ready", status=503, headers={"retry-after": "60"})

    def _measure(self) -> int:
        """Return how many bytes are answered within INLINE_SECONDS, by answering a batch; this warms the model up."""
        rows = self.examples[0].features["features"] * min(_TRIAL_ROWS, self.settings.max_rows)
        body = json.dumps({"features": rows}).encode()
        seconds = []
        for _ in range(2):
            started = perf_counter()
            self.predictor.answer(body)
            seconds.append(perf_counter() - started)
        return max(_FEWEST_BYTES, min(_MOST_BYTES, int(len(body) * INLINE_SECONDS / min(seconds))))


def _word(name: str) -> str:
    """Return a name as one word that can stand in a path as it is."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")


def _json(document: Any, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(document))
