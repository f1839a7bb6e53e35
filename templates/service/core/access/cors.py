"""Which pages of other origins a browser lets read the answers.

Source: Fetch standard, section 3.3 "CORS protocol". Credentials (cookies) are never allowed: API keys need none.
"""

from collections.abc import Collection, Sequence

from core.http import Head, Reply

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SENT = (
    "accept, authorization, content-type, inference-header-content-length, traceparent, tracestate, x-api-key, "
    "x-outputs, x-request-id"
)
_READ = "inference-header-content-length, retry-after, x-request-id"
_MAX_AGE = "3600"


class Cors:
    """Lets pages of ``origins`` read answers; "*" among them: all pages; without any, none of another origin."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._all = "*" in origins
        # Browsers send an origin in lower case and without a path; people copy it from the address bar.
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    def headers(self, head: Head) -> dict[str, str]:
        """Return the headers that allow, or do not allow, the page that asks to read the answer."""
        if not self._origins:
            return {}
        if self._all:
            return {"access-control-allow-origin": "*", "access-control-expose-headers": _READ}
        origin = head.header(b"origin")
        if origin not in self._origins:
            return {"vary": "Origin"}
        return {"access-control-allow-origin": origin, "access-control-expose-headers": _READ, "vary": "Origin"}

    def preflight(self, head: Head, allowed: Collection[str] | None = None) -> Reply | None:
        """Return the answer to the question of a browser whether it may ask; None where ``head`` is not that question.

        ``allowed`` are the methods of the path, None where a framework knows them. ``headers`` says who may ask.
        """
        if not self._origins or b"access-control-request-method" not in head.headers:
            return None
        if head.method != "OPTIONS" or (allowed is not None and not allowed):
            return None
        methods = ", ".join(_METHODS if allowed is None else allowed)
        told = {"access-control-allow-methods": methods, "access-control-allow-headers": _SENT}
        return Reply(204, media_type="", headers={**told, "access-control-max-age": _MAX_AGE})
