"""What is wrong with a request, said in a way that a client can act on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: A request with thousands of wrong cells is told about the first few.
MOST_PROBLEMS = 20


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
        return {"loc": loc, "msg": _valid(self.msg), "type": self.type}


class InvalidRequestError(ValueError):
    """The request cannot be answered, and the client can tell why from ``problems``; ``status`` is the HTTP status."""

    def __init__(self, problems: Sequence[Problem], status: int = 422) -> None:
        super().__init__(f"{len(problems)} problems, first: {problems[0]}")
        self.problems = tuple(problems)
        self.status = status

    def to_json(self) -> Mapping[str, Any]:
        """Return the body of the answer."""
        return {"detail": [problem.to_json() for problem in self.problems]}


def invalid(loc: tuple[str | int, ...], msg: str, kind: str, status: int = 422) -> InvalidRequestError:
    """Make the error for one problem."""
    return InvalidRequestError([Problem(loc, msg, kind)], status)


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
