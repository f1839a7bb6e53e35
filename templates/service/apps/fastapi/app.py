"""The web service: FastAPI in front of your own routes, ``core`` in front of FastAPI.

Start it with ``python serve.py``. Routes of your own go to the end of this file.
"""

import os
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from core.fronts.asgi import EXCHANGE, Front
from core.http import Reply
from core.problems import InvalidRequestError, Problem, title
from core.protocols import describe
from core.service import Service
from core.settings import from_environment

# FastAPI describes its routes and those of the service at one address. To answer another path of the service yourself,
# with dependencies and all, name it here too.
service = Service(from_environment(os.environ), libraries=("fastapi", "uvicorn"), own={"/openapi.json"})


class Described(FastAPI):
    """FastAPI that describes the routes of the service beside its own."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if not self.openapi_schema:
            own = get_openapi(title=self.title, version=self.version, routes=self.routes)
            self.openapi_schema = describe.document(service, own)
        return self.openapi_schema


app = Described(title=service.name, version=service.version, redoc_url=None)
# The paths of the service do not pass through FastAPI, which would take most of the time of a small request.
app.add_middleware(Front, service=service)


# What FastAPI refuses is answered as problem documents, like all else that is refused.


@app.exception_handler(HTTPException)
async def refused(request: Request, error: HTTPException) -> Response:
    """Answer what a route, or the lack of one, refuses."""
    told = "" if error.detail == title(error.status_code) else str(error.detail)
    return _response(request.scope[EXCHANGE].refusal(error.status_code, told, error.headers))


@app.exception_handler(InvalidRequestError)
async def invalid(request: Request, error: InvalidRequestError) -> Response:
    """Answer what the model refuses in a route of your own."""
    return _response(request.scope[EXCHANGE].problem(error))


@app.exception_handler(RequestValidationError)
async def unfit(request: Request, error: RequestValidationError) -> Response:
    """Answer what does not fit the parameters of a route."""
    problems = [Problem(tuple(found["loc"]), found["msg"], found["type"]) for found in error.errors()]
    return await invalid(request, InvalidRequestError(problems))


@app.exception_handler(Exception)
async def failed(request: Request, _: Exception) -> Response:
    """Answer for a route that fails; the server logs why."""
    return _response(request.scope[EXCHANGE].refusal(HTTPStatus.INTERNAL_SERVER_ERROR))


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, dict(reply.headers), media_type=reply.media_type)
