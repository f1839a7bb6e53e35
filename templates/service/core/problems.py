"""What is wrong with a request, said in a way that a client can act on: problem documents (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from core.http import PROBLEM, Reply

#: A request with thousands of wrong cells is told about the first few.
MOST_PROBLEMS = 20
_STATUSES = {status.value for status in HTTPStatus}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    ``loc`` is the path to it, such as ("body", "features", 3, "age"); ``type`` is a word for programs.
    """

    loc: tuple[str | int, ...]
    msg: str
    type: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; text that is not valid Unicode (lone surrogates) is written with backslashes."""
        loc = [_valid(part) if isinstance(part, str) else part for part in self.loc]
        named: dict[str, Any] = {}
        if len(loc) > 2 and isinstance(loc[2], int):
            named["row"] = loc[2]
        if len(loc) > 3 and isinstance(loc[3], str):
            named["field"] = loc[3]
        return {"loc": loc, **named, "detail": _valid(self.msg), "type": self.type}

    def sentence(self) -> str:
        """Say it in one line: where, and what."""
        where = ".".join(str(part) for part in self.loc)
        return _valid(f"{where}: {self.msg}" if where else self.msg)


class InvalidRequestError(ValueError):
    """The request cannot be answered, and the client can tell why from ``problems``.

    ``status`` is the HTTP status, ``headers`` go with it (Retry-After, Allow).
    """

    def __init__(
        self, problems: Sequence[Problem], status: int = 422, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{len(problems)} problems, first: {problems[0]}")
        self.problems = tuple(problems)
        self.status = status
        self.headers = dict(headers or {})

    def detail(self) -> str:
        """Say in one line what is wrong."""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return self.problems[0].sentence() + more

    def reply(self, **members: Any) -> Reply:
        """Return the problem document; ``members`` are added to it."""
        document = {
            "type": "about:blank",
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail(),
            "errors": [problem.to_json() for problem in self.problems],
            **members,
        }
        return Reply(self.status, orjson.dumps(document), PROBLEM, self.headers)


def invalid(
    loc: tuple[str | int, ...], msg: str, kind: str, status: int = 422, headers: Mapping[str, str] | None = None
) -> InvalidRequestError:
    """Make the error for one problem."""
    return InvalidRequestError([Problem(loc, msg, kind)], status, headers)


def title(status: int) -> str:
    """Return the name of a status; one that HTTP does not know is an error, like those that it knows."""
    return HTTPStatus(status).phrase if status in _STATUSES else "Error"


def shown(value: object) -> str:
    """Show a JSON value in a message: short, and never the contents of something nested."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, bool | None):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a whole number of more than 20 digits"
    text = f"'{value}'" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _valid(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
