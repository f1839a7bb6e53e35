"""The API definition of Tyk: the service's own OpenAPI document, and how Tyk serves it (x-tyk-api-gateway).

Source: Tyk's documentation, "Tyk OAS API definition", and the JSON schema of x-tyk-api-gateway.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlship.client import Client
from mlship.errors import UsageError
from mlship.serving import running
from mlship.targets.gateways.openapi import to_3_0
from mlship.targets.stack import REST, Slot, Stack, shares

_PURE = re.compile(r"/(predict|invocations|v2/models/.+/infer)")
_OPEN = re.compile(r"/(livez|readyz|ping|v2/health/(live|ready))")
_KEY = "key"


def write(inputs: Mapping[str, Path], stack: Stack, folder: Path) -> str:
    """Write the API definition below ``folder``, from which Tyk reads it, and return the name of its file.

    Raises UsageError where the workspace has no service to describe.
    """
    text = json.dumps(definition(described(inputs), stack), indent=2, ensure_ascii=False) + "\n"
    for name in ("apps", "policies"):
        (folder / name).mkdir()
    (folder / "apps" / f"{stack.name}.json").write_text(text, "utf-8")
    return f"apps/{stack.name}.json"


def described(inputs: Mapping[str, Path]) -> dict[str, Any]:
    """Ask the service for its OpenAPI document; raises UsageError where the workspace has no service."""
    if "service" not in inputs:
        raise UsageError(
            "Tyk's definition is made from the service's OpenAPI document: there is none", "mlship scaffold"
        )
    with running(inputs["service"]) as process, Client(process.url) as client:
        document: dict[str, Any] = client.ask("GET", "/openapi.json")
    return document


def definition(document: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """Return the API definition: ``document`` in OpenAPI 3.0, with Tyk's own section."""
    found = to_3_0(document)
    found["servers"] = [{"url": stack.url}]
    for method, path, operation in _operations(found):
        operation["operationId"] = re.sub(r"[^a-z0-9]+", "-", f"{method}{path}".lower())
    if stack.api_keys:
        scheme = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
        found.setdefault("components", {})["securitySchemes"] = {_KEY: scheme}
        found["security"] = [{_KEY: []}]
    found["x-tyk-api-gateway"] = {
        "info": {"id": stack.name, "name": stack.name, "state": {"active": True, "internal": False}},
        "server": _server(stack),
        "upstream": _upstream(stack),
        "middleware": {"operations": _all_rules(found, stack)},
    }
    return found


def _server(stack: Stack) -> dict[str, Any]:
    server: dict[str, Any] = {"listenPath": {"value": "/", "strip": False}}
    if stack.api_keys:
        token = {"enabled": True, "header": {"enabled": True, "name": "X-API-Key"}}
        # not stripped: the copies ask for the key as well
        server["authentication"] = {
            "enabled": True,
            "stripAuthorizationData": False,
            "securitySchemes": {_KEY: token},
        }
    return server


def _upstream(stack: Stack) -> dict[str, Any]:
    urls = {slot.address: f"http://{slot.address}:{stack.container_port}" for slot in stack.slots}
    return {
        "url": urls[stack.stable[0].address],
        "loadBalancing": {
            "enabled": True,
            "skipUnavailableHosts": True,
            "targets": [{"url": urls[slot.address], "weight": weight} for slot, weight in _weights(stack)],
        },
        "uptimeTests": {
            "enabled": True,
            "hostDownRetestPeriod": f"{REST}s",
            "tests": [{"url": f"{url}/readyz", "method": "GET", "timeout": "1s"} for url in urls.values()],
        },
        "rateLimit": {"enabled": True, "rate": stack.rate_limit, "per": "1s"},
    }


def _weights(stack: Stack) -> list[tuple[Slot, int]]:
    """Return each copy with its weight, made as small as they can be: Tyk asks a copy so many times in a row."""
    found = shares(stack, 1000)
    divisor = math.gcd(*(weight for _, weight in found))
    return [(slot, weight // divisor) for slot, weight in found]


def _all_rules(document: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """Return the rules of the operations that have any, by operationId."""
    found = {each["operationId"]: _rules(path, stack) for _, path, each in _operations(document)}
    return {name: rules for name, rules in found.items() if rules}


def _rules(path: str, stack: Stack) -> dict[str, Any]:
    """Return what Tyk does with the requests of one operation."""
    if path == "/metrics":
        return {"block": {"enabled": True, "ignoreCase": True}}
    if _OPEN.fullmatch(path):
        return {"ignoreAuthentication": {"enabled": True}} if stack.api_keys else {}
    # in whole seconds, of which 0 would be none at all
    rules: dict[str, Any] = {"enforceTimeout": {"enabled": True, "value": math.ceil(stack.timeout)}}
    if _PURE.fullmatch(path):
        rules["requestSizeLimit"] = {"enabled": True, "value": stack.max_body}
    if path == "/predict":
        rules["validateRequest"] = {"enabled": True, "errorResponseCode": 422}
    return rules


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Walk over the operations of a document: method, path, and the operation itself."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in {"get", "put", "post", "delete", "options", "head", "patch", "trace"}:
                yield method, path, operation
