"""The web service: FastAPI on top of ``core``, which does the work.

Start it with ``python -m uvicorn app:app``. Routes of your own go to the end of this file.
"""

import logging
import os
from time import perf_counter
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import ClientDisconnect

from core import describe
from core.problems import InvalidRequestError, invalid
from core.service import Reply, Service, refuse
from core.settings import Settings, from_environment


class DescribedApp(FastAPI):
    """FastAPI with our own description of /predict."""

    predict_operation: dict[str, Any]

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        # Not given to the route as openapi_extra: FastAPI leaves null out there, and in examples null is a value.
        document["paths"]["/predict"]["post"].update(self.predict_operation)
        return document


def create_app(settings: Settings) -> FastAPI:
    """Load the model and return the app; raises ModelFolderError when the model folder is not in order."""
    service = Service(settings)
    signature = service.model.signature
    app = DescribedApp(title=f"{signature.model} ({signature.task})", version=service.model.model_digest[:12])
    app.predict_operation = describe.predict(signature, service.examples, settings)
    _add_predict(app, service)
    _add_probes(app, service)
    return app


def _add_predict(app: FastAPI, service: Service) -> None:
    # The body is decoded by core: pydantic would make an object of every cell before numpy sees it.
    @app.post("/predict")
    async def predict(request: Request) -> Response:
        """Answer rows of features."""
        started = perf_counter()
        try:
            reply = await _answer(service, request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        service.metrics.count(reply.status, reply.rows, perf_counter() - started)
        # After 413 the rest of the body is still on its way: end the connection instead of reading it.
        headers = {"connection": "close"} if reply.status == 413 else None
        return Response(reply.content, reply.status, headers, media_type="application/json")


def _add_probes(app: FastAPI, service: Service) -> None:
    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Say that the process is alive."""
        return {"status": "ok"}

    @app.get("/readyz", responses={503: {"description": "The model does not answer its golden example right."}})
    async def readyz() -> JSONResponse:
        """Say whether the model has answered a golden example right."""
        return JSONResponse({"status": service.trouble or "ok"}, 503 if service.trouble else 200)

    @app.get("/info")
    async def info() -> dict[str, Any]:
        """Say which model answers, with which versions and limits."""
        return service.info()

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Return metrics in the text format of Prometheus."""
        return Response(service.metrics.page(), media_type=CONTENT_TYPE_LATEST)


async def _answer(service: Service, request: Request) -> Reply:
    try:
        body = await _body(request, service.settings.max_body_bytes)
    except InvalidRequestError as error:
        return refuse(error)
    outputs = request.query_params.getlist("outputs")
    if len(body) <= service.inline_bytes:
        return service.answer(body, outputs)
    return await run_in_threadpool(service.answer, body, outputs)


async def _body(request: Request, limit: int) -> bytes:
    """Read the body, but never more than ``limit`` bytes of it; raises InvalidRequestError (413)."""
    announced = request.headers.get("content-length", "")
    body = bytearray()
    if not (announced.isdecimal() and int(announced) > limit):
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                break
        else:
            return bytes(body)
    raise invalid(("body",), f"the body is larger than {limit} bytes", "too_large", status=413)


def _quiet_access_log() -> None:
    # uvicorn writes a line a request wherever its logger has a handler.
    logger = logging.getLogger("uvicorn.access")
    logger.handlers.clear()
    logger.propagate = False


_settings = from_environment(os.environ)
if not _settings.access_log:
    _quiet_access_log()
app = create_app(_settings)
