"""What Django refuses, as problem documents (RFC 9457), like all else that is refused."""

from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed

from core.exchange import Exchange
from core.fronts.wsgi import EXCHANGE, head
from core.http import Reply
from core.problems import InvalidRequestError


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer with 400, or with 413 where a body is too large."""
    if isinstance(exception, RequestDataTooBig):
        return _problem(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    told = str(exception) if isinstance(exception, BadRequest) else ""  # the others are Django's notes to operators
    return _problem(request, HTTPStatus.BAD_REQUEST, told)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer with 403."""
    return _problem(request, HTTPStatus.FORBIDDEN, str(exception))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer with 404, and with what a view said when it raised Http404("...")."""
    said = exception.args[0] if exception.args else ""
    return _problem(request, HTTPStatus.NOT_FOUND, said if isinstance(said, str) else "")


def failed(request: HttpRequest) -> HttpResponse:
    """Answer with 500; the log says why."""
    return _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR)


class Described:
    """Middleware for what Django has no handler for: 405, and what the model refuses in a view of your own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the view answer, and describe its 405."""
        response = self._get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return _problem(request, HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": response["Allow"]})
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what the model refuses; Django answers other exceptions."""
        return _response(_exchange(request).problem(exception)) if isinstance(exception, InvalidRequestError) else None


def _problem(
    request: HttpRequest, status: HTTPStatus, told: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    return _response(_exchange(request).refusal(status, told, headers))


def _exchange(request: HttpRequest) -> Exchange:
    exchange: Exchange | None = request.META.get(EXCHANGE)
    return exchange or Exchange(head(request.META))  # django.test.Client asks Django alone


def _response(reply: Reply) -> HttpResponse:
    return HttpResponse(reply.content, reply.media_type, reply.status, headers=dict(reply.headers))
