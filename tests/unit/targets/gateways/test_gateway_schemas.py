"""What is written for Kong and Tyk, held against the schemas that they publish."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from mlship.targets.compose import ComposeTarget
from mlship.targets.gateways import tyk
from tests.unit.targets.compose_support import plan

#: They lie beside the checkout, or where MLSHIP_SCHEMAS says.
SCHEMAS = Path(os.environ.get("MLSHIP_SCHEMAS") or Path(__file__).parents[5] / "shared" / "schemas")
ANOTHER: dict[str, Any] = {"canary": 25, "canary_image": "iris:2"}
WITH_KEYS: dict[str, Any] = {"api_keys_secret": "/run/keys", "tls_cert": "/c.pem", "tls_key": "/k.pem"}


def schema(name: str) -> dict[str, Any]:
    if not (SCHEMAS / name).is_file():
        pytest.skip(f"no {name} in '{SCHEMAS}', where the published schemas are looked for")
    found: dict[str, Any] = json.loads((SCHEMAS / name).read_text())
    return found


@pytest.mark.parametrize("options", [{}, ANOTHER, WITH_KEYS], ids=["plain", "canary", "keys"])
def test_kong_takes_its_file(options: dict[str, Any], known_inputs: dict[str, Path], tmp_path: Path) -> None:
    ComposeTarget(gateway="kong", **options).run(known_inputs, tmp_path, lambda message, fraction=None: None)
    written = yaml.safe_load((tmp_path / "manifests" / "gateway" / "kong.yaml").read_text())
    jsonschema.Draft4Validator(schema("kong-declarative-config.schema.json")).validate(written)


@pytest.mark.parametrize("options", [{}, ANOTHER, WITH_KEYS], ids=["plain", "canary", "keys"])
@pytest.mark.parametrize("case", ["numeric", "mixed", "texts", "switch"])
def test_tyk_takes_its_definition(case: str, options: dict[str, Any], served: Callable[..., Any]) -> None:
    _, document = served(case)("GET", "/openapi.json")
    found = tyk.definition(document, plan(gateway="tyk", **options))
    own = found.pop("x-tyk-api-gateway")
    jsonschema.Draft4Validator(schema("x-tyk-api-gateway.schema.json")).validate(own)
    jsonschema.Draft4Validator(schema("openapi-3.0.schema.json")).validate(found)
