"""One request on its way through the service: who asks for what, whether it may, its answer, what is noted of it."""

import itertools
import os
import re
from collections.abc import Mapping
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING

from core.http import NONE, Call, Head, Reply, Route
from core.problems import InvalidRequestError, invalid, title
from core.router import refusal

if TYPE_CHECKING:
    from core.predictor import Work

_GIVEN_ID = b"x-request-id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
#: What counts them is itself no Python: every request has one.
_new_id = map(f"{os.urandom(6).hex()}-%x".__mod__, itertools.count()).__next__


class Exchange:
    """Begun by ``Service``; ``refused`` is the answer where the head alone decides."""

    __slots__ = ("head", "held", "noted", "parameters", "refused", "request_id", "route", "started")

    def __init__(self, head: Head, route: Route | None = None, parameters: Mapping[str, str] = NONE) -> None:
        self.head = head
        self.route = route
        self.parameters = parameters
        self.renew()

    def renew(self) -> "Exchange":
        """Begin anew: the next request has the same head, and this one is noted. It takes half the time of another."""
        self.started = perf_counter()
        #: What the client gave in X-Request-ID, where that is a plain word.
        self.request_id = (_GIVEN_ID in self.head.headers and _given(self.head)) or _new_id()
        self.refused: Reply | None = None
        #: Whether it takes one of the places that MAX_CONCURRENCY gives out, until it is noted.
        self.held = False
        self.noted = False
        return self

    @property
    def template(self) -> str:
        """The path of the route, for logs and metrics: a few values, whatever clients ask for."""
        return self.route.path if self.route else "other"

    def answer(self, body: bytes = b"") -> Reply:
        """Let the route answer."""
        if self.refused or not self.route:
            return self.refused or Reply(404)
        try:
            return self.route.handle(Call(self.head, body, self.parameters))
        except InvalidRequestError as error:
            return self.problem(error)

    def work(self, body: bytes) -> "Work[Reply]":
        """Return what the route's ``work`` makes of the body; raises InvalidRequestError."""
        if self.route is None or self.route.work is None:
            raise TypeError(f"{self.template} is answered alone")
        return self.route.work(Call(self.head, body, self.parameters))

    def problem(self, error: InvalidRequestError) -> Reply:
        """Return the answer that says what is wrong.

        Under /v2 it has the member ``error`` and, for wrong tensors, the status 400, as that protocol wants.
        """
        if not self.head.path.startswith("/v2"):
            return error.reply(request_id=self.request_id)
        if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            error = InvalidRequestError(error.problems, HTTPStatus.BAD_REQUEST, error.headers)
        return error.reply(request_id=self.request_id, error=error.detail())

    def refusal(self, status: int, told: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """Return the answer for what a framework refuses; ``told`` is what it says beyond the name of the status."""
        if status == HTTPStatus.NOT_FOUND and not told:
            return self.problem(refusal(self.head.path))
        return self.problem(invalid((), told or title(status), "http", status, headers))


def _given(head: Head) -> str:
    given = head.headers[_GIVEN_ID]
    return given.decode() if _REQUEST_ID.fullmatch(given) else ""


def check_body(head: Head, route: Route, limit: int) -> None:
    """Refuse, before a body is read, what cannot be right about it; raises InvalidRequestError (411, 413, 415)."""
    if b"content-length" not in head.headers and b"transfer-encoding" not in head.headers:
        raise no_length()
    check_length(head, limit)
    if head.header(b"content-encoding").strip().lower() not in {"", "identity"}:
        raise invalid(
            ("header", "content-encoding"),
            "the body must not be compressed",
            "media_type",
            status=415,
            headers={"accept-encoding": "identity"},
        )
    if head.media_type not in route.takes:
        told = f"the body is of a type among {', '.join(kind for kind in route.takes if kind)}"
        raise invalid(("header", "content-type"), told, "media_type", status=415)


def check_length(head: Head, limit: int) -> None:
    """Refuse a body that says of itself that it is larger than ``limit`` bytes; raises InvalidRequestError (413)."""
    length = head.headers.get(b"content-length", b"0").strip()
    if not length.isdigit() or len(length) > 18 or int(length) > limit:
        raise too_large(limit)


def no_length() -> InvalidRequestError:
    """Make the error for a body that does not say where it ends."""
    return invalid(("header", "content-length"), "the length of the body is missing", "length_required", status=411)


def too_large(limit: int) -> InvalidRequestError:
    """Make the error for a body that is too large; the rest of it is still on its way, so the connection is closed."""
    return invalid(
        ("body",), f"the body is larger than {limit} bytes", "too_large", status=413, headers={"connection": "close"}
    )


def too_slow(seconds: float) -> InvalidRequestError:
    """Make the error for a body that did not arrive in time."""
    told = f"the body did not arrive within {seconds:g} s"
    return invalid(("body",), told, "timeout", status=408, headers={"connection": "close"})
