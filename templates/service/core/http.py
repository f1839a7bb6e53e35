"""HTTP without a framework: what every web framework hands to the service, and what it gets back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from core.predictor import Work

JSON = "application/json"
#: Of parameters or headers.
NONE: Mapping[str, str] = MappingProxyType({})
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body.

    ``path`` is percent-decoded, ``query`` is as it was sent. Names of ``headers`` are in lower case; of repeated
    headers the last one counts. ``client`` is the address of the peer.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    client: str = ""

    def header(self, name: bytes) -> str:
        """Return a header, "" where it was not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def media_type(self) -> str:
        """Return the type of the body, without its parameters, in lower case."""
        return self.header(b"content-type").partition(";")[0].strip().lower()


@dataclass(slots=True)  # not frozen: that takes three times as long to make, and every request has one
class Reply:
    """An answer: ``content`` is of ``media_type``, and answers ``rows`` rows of features."""

    status: int
    content: bytes = b""
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A whole request to a route: ``parameters`` are those of its path."""

    head: Head
    body: bytes = b""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """One thing that the service answers.

    ``path`` may hold parameters, such as /v2/models/{model_name}. ``handle`` raises InvalidRequestError for what is
    wrong with a call. ``takes`` are the media types of its body, empty where it reads none; ``open`` routes need no API
    key and no free place. ``operation`` is its OpenAPI description. ``work`` decodes a call whose rows may be answered
    together with those of others; it raises as ``handle`` does.
    """

    method: Literal["GET", "POST"]
    path: str
    handle: Callable[[Call], Reply]
    operation: Mapping[str, Any]
    takes: tuple[str, ...] = ()
    open: bool = False
    work: "Callable[[Call], Work[Reply]] | None" = None
