"""POST /predict: rows of features in, answers out."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from core.bodies.answers import preferred
from core.bodies.media import Bodies
from core.http import JSON, Call, Head, Reply, Route
from core.protocols import describe
from core.protocols.describe_bodies import described

if TYPE_CHECKING:
    from core.service import Service

PATH = "/predict"

#: Media types of bodies that are read as JSON: curl -d says that it sends a form, and old clients say nothing.
JSON_TYPES = (JSON, "", "application/x-www-form-urlencoded")


def routes(service: "Service") -> list[Route]:
    """Return the route of ``service``."""
    bodies = Bodies(service)

    def predict(call: Call) -> Reply:
        outputs = chosen(service, call.head)
        if not plain(call.head):
            return bodies.answer(call, outputs)
        return service.predictor.answer(call.body, outputs)

    operation = describe.predict(service.model.signature, service.examples, service.settings)
    return [Route("POST", PATH, predict, described(operation, bodies.types), (*JSON_TYPES, *bodies.types))]


def plain(head: Head) -> bool:
    """Say whether a request is JSON and wants JSON: only such ones are answered together with others."""
    return head.media_type in JSON_TYPES and preferred(head.headers) == JSON


def chosen(service: "Service", head: Head) -> tuple[str, ...]:
    """Return the outputs to compute for a request.

    Raises InvalidRequestError where it asks for one that is not there (422), or the service is not ready (503).
    """
    service.require_ready()
    asked = wanted(head)
    return service.predictor.choose(asked) if asked else service.predictor.usual


def wanted(head: Head) -> list[str]:
    """Return the outputs that are asked for, by the query or by the header X-Outputs, each comma-separated names."""
    asked = parse_qs(head.query).get("outputs", []) if head.query else []
    header = head.headers.get(b"x-outputs")
    return [*asked, header.decode("latin-1")] if header else asked
