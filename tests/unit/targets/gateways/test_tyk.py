"""The API definition of Tyk, made from the description of a real service."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlship.errors import UsageError
from mlship.targets.gateways import tyk
from tests.unit.targets.compose_support import plan


@pytest.fixture
def document(served: Callable[..., Any]) -> Mapping[str, Any]:
    """Return the OpenAPI document of a service with columns of all types."""
    status, found = served("mixed")("GET", "/openapi.json")
    assert status == 200
    return dict(found)


def test_predictions_are_validated_by_the_schema_of_the_model(document: Mapping[str, Any]) -> None:
    found = tyk.definition(document, plan(gateway="tyk"))
    operation = found["paths"]["/predict"]["post"]
    rules = found["x-tyk-api-gateway"]["middleware"]["operations"][operation["operationId"]]
    assert rules["validateRequest"] == {"enabled": True, "errorResponseCode": 422}
    records = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"][1]
    assert records["properties"]["records"]["items"]["properties"]["fare paid"]["nullable"] is True


def test_copies_share_the_requests_and_are_watched(document: Mapping[str, Any]) -> None:
    stack = plan(gateway="tyk", replicas=3)
    upstream = tyk.definition(document, stack)["x-tyk-api-gateway"]["upstream"]
    urls = [f"http://{slot.address}:8000" for slot in stack.stable]
    assert [each["url"] for each in upstream["loadBalancing"]["targets"]] == urls
    assert [each["url"] for each in upstream["uptimeTests"]["tests"]] == [f"{url}/readyz" for url in urls]


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"replicas": 3}, [1, 1, 1]),
        ({"replicas": 3, "canary": 10, "canary_image": "iris:2"}, [3, 3, 3, 1]),
        ({"replicas": 2, "canary": 100, "canary_image": "iris:2"}, [0, 0, 1, 1]),
    ],
    ids=["plain", "some", "all"],
)
def test_weights_are_small_because_a_copy_is_asked_so_many_times_in_a_row(
    document: Mapping[str, Any], options: dict[str, Any], weights: list[int]
) -> None:
    found = tyk.definition(document, plan(gateway="tyk", **options))
    targets = found["x-tyk-api-gateway"]["upstream"]["loadBalancing"]["targets"]
    assert [each["weight"] for each in targets] == weights


def test_metrics_are_not_public(document: Mapping[str, Any]) -> None:
    found = tyk.definition(document, plan(gateway="tyk"))
    rules = found["x-tyk-api-gateway"]["middleware"]["operations"]
    assert rules[found["paths"]["/metrics"]["get"]["operationId"]] == {"block": {"enabled": True, "ignoreCase": True}}


def test_a_key_is_asked_for_where_the_service_has_keys_but_not_for_its_health(document: Mapping[str, Any]) -> None:
    assert "authentication" not in tyk.definition(document, plan(gateway="tyk"))["x-tyk-api-gateway"]["server"]
    found = tyk.definition(document, plan(gateway="tyk", api_keys_secret="/run/keys"))
    scheme = found["x-tyk-api-gateway"]["server"]["authentication"]["securitySchemes"]["key"]
    assert scheme["header"] == {"enabled": True, "name": "X-API-Key"}
    rules = found["x-tyk-api-gateway"]["middleware"]["operations"]
    ready = rules[found["paths"]["/readyz"]["get"]["operationId"]]
    assert ready == {"ignoreAuthentication": {"enabled": True}}


def test_times_are_whole_seconds_and_never_none(document: Mapping[str, Any]) -> None:
    found = tyk.definition(document, plan(gateway="tyk", try_timeout=0.2, timeout=0.4))
    rules = found["x-tyk-api-gateway"]["middleware"]["operations"]
    assert {each["enforceTimeout"]["value"] for each in rules.values() if "enforceTimeout" in each} == {1}


def test_operations_without_rules_are_left_out(document: Mapping[str, Any]) -> None:
    found = tyk.definition(document, plan(gateway="tyk"))
    rules = found["x-tyk-api-gateway"]["middleware"]["operations"]
    assert found["paths"]["/readyz"]["get"]["operationId"] not in rules
    assert all(rules.values())


def test_names_of_operations_are_distinct(document: Mapping[str, Any]) -> None:
    found = tyk.definition(document, plan(gateway="tyk"))
    names = [operation["operationId"] for item in found["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names) > 10


def test_without_a_service_there_is_nothing_to_describe() -> None:
    with pytest.raises(UsageError, match="OpenAPI"):
        tyk.described({})
