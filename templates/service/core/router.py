"""Which route answers which path."""

import re
from collections.abc import Sequence

from core.http import Route
from core.problems import InvalidRequestError, invalid, shown

Found = tuple[Route, dict[str, str]]


class Router:
    """Finds routes: those without parameters in their path by one look-up, the others by their pattern."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        plain = [route for route in routes if "{" not in route.path]
        self._plain: dict[tuple[str, str], Route] = {(route.method, route.path): route for route in plain}
        self._paths = {route.path for route in self.routes}
        self._patterns = [(route, _pattern(route.path)) for route in routes if "{" in route.path]

    def knows(self, path: str) -> bool:
        """Say whether a route has this path, for any method."""
        return path in self._paths or any(pattern.fullmatch(path) for _, pattern in self._patterns)

    def find(self, method: str, path: str) -> Found:
        """Return the route and the parameters in its path; HEAD is answered like GET.

        Raises InvalidRequestError (404, or 405 with the methods that are allowed).
        """
        method = "GET" if method == "HEAD" else method
        if route := self._plain.get((method, path)):
            return route, {}
        there = [(route, match) for route, pattern in self._patterns if (match := pattern.fullmatch(path))]
        for route, match in there:
            if route.method == method:
                return route, match.groupdict()
        raise refusal(path, self.allowed(path))

    def allowed(self, path: str) -> list[str]:
        """Return the methods of the routes that have this path."""
        plain = {kind for kind, there in self._plain if there == path}
        return sorted(plain | {route.method for route, pattern in self._patterns if pattern.fullmatch(path)})


def refusal(path: str, allowed: Sequence[str] = ()) -> InvalidRequestError:
    """Make the error for a path that is not there, or not there for this method."""
    if not allowed:
        return invalid(("path",), f"there is nothing at {shown(path)}", "not_found", status=404)
    methods = [name for method in allowed for name in (("GET", "HEAD") if method == "GET" else (method,))]
    told = f"{shown(path)} is asked with {' or '.join(methods)}"
    return invalid(("method",), told, "method_not_allowed", status=405, headers={"allow": ", ".join(methods)})


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
