"""Routes of the user's own, in each framework: they answer beside those of the service, and are guarded like them."""

import http.client
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlship.serving import running

BODY = b'{"features": [[5.1, 3.5, 1.4, 0.2]]}'
KEY = {"X-API-Key": "secret"}


@dataclass(frozen=True)
class Change:
    """What a user does: lines added to ``file``, and the setting in app.py by which /predict is taken over."""

    file: str
    lines: str
    before: str
    after: str


CHANGES = {
    "fastapi": Change(
        "app.py",
        """
@app.get("/own/{number}")
def own(number: int) -> dict[str, float]:
    if number == 4:
        raise HTTPException(404, "no such customer")
    return {"half": number / (number and 2)}


@app.post("/predict")
async def predict(request: Request) -> dict[str, object]:
    answer = service.predictor.answer(await request.body())
    return {"mine": answer.rows}
""",
        'own={"/openapi.json"}',
        'own={"/openapi.json", "/predict"}',
    ),
    "flask": Change(
        "app.py",
        """
from flask import abort


@app.get("/own/<int:number>")
def own(number: int) -> dict[str, float]:
    if number == 4:
        abort(404, "no such customer")
    return {"half": number / (number and 2)}


@app.post("/predict")
def predict() -> dict[str, object]:
    return {"mine": service.predictor.answer(request.get_data()).rows}
""",
        '"granian"))',
        '"granian"), own={"/predict"})',
    ),
    "django": Change(
        "service_site/urls.py",
        """
from django.http import Http404, JsonResponse
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from app import service


@require_GET
def own(request, number):
    if number == 4:
        raise Http404("no such customer")
    return JsonResponse({"half": number / (number and 2)})


@require_POST
def predict(request):
    return JsonResponse({"mine": service.predictor.answer(request.body).rows})


urlpatterns += [path("own/<int:number>", own), path("predict", predict)]
""",
        '"granian"))',
        '"granian"), own={"/predict"})',
    ),
}

Ask = Callable[..., tuple[int, http.client.HTTPMessage, Any]]


@pytest.fixture(scope="module", params=list(CHANGES))
def ask(
    request: pytest.FixtureRequest, scaffolded: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    """Return a function that asks a service with routes of the user's own, which wants a key."""
    change = CHANGES[request.param]
    service = tmp_path_factory.mktemp("own") / "service"
    shutil.copytree(scaffolded("numeric", request.param), service)
    app = service / "app.py"
    assert change.before in app.read_text()
    app.write_text(app.read_text().replace(change.before, change.after))
    with (service / change.file).open("a") as file:
        file.write(change.lines)
    with running(service, environment={"API_KEYS": "secret", "MAX_BODY_BYTES": "1000"}) as started:
        address = urlsplit(started.url).netloc

        def send(method: str, path: str, body: bytes | None = None, headers: Any = KEY) -> Any:
            connection = http.client.HTTPConnection(address, timeout=20)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            is_json = answer.headers["Content-Type"].endswith("json")
            return answer.status, answer.headers, json.loads(content) if is_json else content.decode()

        yield send


def test_a_route_of_ones_own_answers_with_the_headers_of_all(ask: Ask) -> None:
    status, headers, content = ask("GET", "/own/8", headers={**KEY, "X-Request-ID": "mine"})
    assert (status, content) == (200, {"half": 4})
    told = [headers.get_all(name) for name in ("x-request-id", "x-content-type-options", "cache-control")]
    assert told == [["mine"], ["nosniff"], ["no-store"]]


@pytest.mark.parametrize("path", ["/own/8", "/own/0", "/nothing"])
def test_a_route_of_ones_own_asks_for_the_key(ask: Ask, path: str) -> None:
    status, headers, content = ask("GET", path, headers={})
    assert (status, content["status"]) == (401, 401)
    assert headers["WWW-Authenticate"]


def test_a_route_of_ones_own_is_spared_large_bodies(ask: Ask) -> None:
    status, _, content = ask("POST", "/predict", bytes(1001))
    assert (status, content["status"]) == (413, 413)


def test_a_path_of_the_service_can_be_taken_over(ask: Ask) -> None:
    status, headers, content = ask("POST", "/predict", BODY)
    assert (status, content) == (200, {"mine": 1})
    assert headers["X-Request-ID"]
    assert ask("POST", "/predict", BODY, {})[0] == 401


def test_what_the_model_refuses_in_a_route_of_ones_own_is_a_problem_document(ask: Ask) -> None:
    status, headers, content = ask("POST", "/predict", b'{"features": [["x", 1, 2, 3]]}')
    assert (status, headers["Content-Type"]) == (422, "application/problem+json")
    assert content["errors"][0]["field"] == "sepal length (cm)"


def test_what_a_route_of_ones_own_refuses_is_a_problem_document(ask: Ask) -> None:
    status, headers, content = ask("GET", "/own/4")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert (content["detail"], content["request_id"]) == ("no such customer", headers["X-Request-ID"])


def test_another_method_of_a_route_of_ones_own_is_405(ask: Ask) -> None:
    status, headers, content = ask("DELETE", "/own/8")
    assert (status, content["title"]) == (405, "Method Not Allowed")
    assert "GET" in headers["Allow"]


def test_a_route_of_ones_own_that_fails_tells_the_client_nothing_of_it(ask: Ask) -> None:
    status, headers, content = ask("GET", "/own/0")
    assert (status, headers["Content-Type"]) == (500, "application/problem+json")
    assert (content["detail"], content["status"]) == ("Internal Server Error", 500)


def test_a_route_of_ones_own_is_counted(ask: Ask) -> None:
    def count() -> float:
        lines = ask("GET", "/metrics")[2].splitlines()
        return float(next(line for line in lines if 'route="other",status="200"' in line).split()[-1])

    before = count()
    ask("GET", "/own/8")
    assert count() == before + 1


def test_the_other_paths_are_still_those_of_the_service(ask: Ask) -> None:
    assert ask("GET", "/livez", headers={})[2] == {"status": "ok"}
    assert "/predict" in ask("GET", "/openapi.json")[2]["paths"]
