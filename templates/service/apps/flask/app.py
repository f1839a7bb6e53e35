"""The web service: Flask for your own routes, ``core`` in front of Flask for those of the model.

Start it with ``python serve.py``. Routes of your own go to the end of this file.
"""

import os

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from core.fronts.wsgi import EXCHANGE, Front
from core.http import Reply
from core.problems import InvalidRequestError
from core.service import Service
from core.settings import from_environment

# To answer a path of the service yourself, name it: own={"/predict"}.
service = Service(from_environment(os.environ), libraries=("flask", "granian"))

app = Flask(__name__, static_folder=None)
app.config["MAX_CONTENT_LENGTH"] = service.settings.max_body_bytes
# The paths of the service do not pass through Flask, which would take most of the time of a small request.
app.wsgi_app = Front(app.wsgi_app, service)  # type: ignore[method-assign]


@app.errorhandler(HTTPException)
def refused(error: HTTPException) -> Response:
    """Answer what Flask, or a route, refuses with a problem document; a route that fails is answered with 500."""
    told = error.description if error.description != type(error).description else ""
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return _response(request.environ[EXCHANGE].refusal(error.code, told, headers))


@app.errorhandler(InvalidRequestError)
def invalid(error: InvalidRequestError) -> Response:
    """Answer what the model refuses in a route of your own."""
    return _response(request.environ[EXCHANGE].problem(error))


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, dict(reply.headers), content_type=reply.media_type)
