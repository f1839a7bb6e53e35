"""The OpenAPI document is the same in every framework, valid, and true: no generated request shows it to be wrong."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from mlship.serving import Running

FRAMEWORKS = ("asgi", "fastapi", "flask", "django")
#: More by hand: pytest tests/integration/serving/test_openapi.py with another figure here.
EXAMPLES = 10

# What may not be wrong about a body in these formats, or about tensors whose shape has to fit their values, is more
# than a schema can say: what fits the schema may still be refused.
BEYOND_SCHEMAS = ("/v2/models/{model_name}/infer", "/v2/models/{model_name}/versions/{model_version}/infer")
SETTINGS = "".join(
    f'[[operations]]\ninclude-path = "{path}"\nchecks.positive_data_acceptance.enabled = false\n\n'
    for path in (*BEYOND_SCHEMAS, "/invocations")
)

Start = Callable[..., Running]


def document(url: str, **headers: str) -> dict[str, Any]:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/openapi.json", headers=headers), timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def schemas(part: Any) -> Iterator[Any]:
    """Find all JSON schemas in a document."""
    if isinstance(part, dict):
        if isinstance(part.get("schema"), dict):
            yield part["schema"]
        for value in part.values():
            yield from schemas(value)
    if isinstance(part, list):
        for value in part:
            yield from schemas(value)


def examine(source: str, folder: Path, *options: str) -> None:
    """Let schemathesis ask a service; what it finds fails the test."""
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run", source]
    told = ["--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color"]
    told += ["--generation-database", "none", "--request-timeout", "20", "--continue-on-failure", *options]
    ran = subprocess.run([*command, *told], cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("framework", FRAMEWORKS[1:])
@pytest.mark.parametrize("case", ["numeric", "mixed"])
def test_every_framework_describes_the_same(start: Start, case: str, framework: str) -> None:
    assert document(start(case, framework).url) == document(start(case, "asgi").url)


@pytest.mark.parametrize("case", ["numeric", "mixed", "texts", "switch"])
def test_the_document_is_valid(start: Start, case: str) -> None:
    found = document(start(case, "asgi").url)
    schemathesis.openapi.from_dict(found).validate()
    assert found["openapi"].startswith("3.1")
    parts = [*schemas(found["paths"]), *found["components"]["schemas"].values()]
    for schema in parts:
        Draft202012Validator.check_schema(schema)
    assert len(parts) > 10


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_no_request_is_answered_otherwise_than_described(start: Start, framework: str, tmp_path: Path) -> None:
    examine(f"{start('numeric', framework).url}/openapi.json", tmp_path, "--exclude-checks", "positive_data_acceptance")


def test_json_that_fits_the_document_is_accepted(start: Start, tmp_path: Path) -> None:
    url = start("mixed", "asgi").url
    found = document(url)
    for item in found["paths"].values():
        content = item.get("post", {}).get("requestBody", {}).get("content", {})
        for kind in content.keys() - {"application/json"}:
            del content[kind]
    (tmp_path / "openapi.json").write_text(json.dumps(found))
    examine(str(tmp_path / "openapi.json"), tmp_path, "--url", url)


def test_a_service_with_keys_tells_which_operations_ask_for_one(start: Start) -> None:
    url = start("numeric", "asgi", API_KEYS="secret").url
    found = document(url, **{"X-API-Key": "secret"})
    assert found["security"] == [{"bearer": []}, {"header": []}]
    guarded = {
        (method, path): operation.get("security") != []
        for path, item in found["paths"].items()
        for method, operation in item.items()
    }
    assert {key: status(url, *key) == 401 for key in guarded} == guarded
    assert sorted(set(guarded.values())) == [False, True]


def status(url: str, method: str, path: str) -> int:
    body = b"{}" if method == "post" else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, body, method=method.upper()), timeout=20) as got:
            return int(got.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
