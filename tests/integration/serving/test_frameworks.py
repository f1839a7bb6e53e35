"""What only one framework has: Django's checks and its test client, the page of FastAPI; and WSGI with many threads."""

import http.client
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlship.serving import Running

Start = Callable[..., Running]


def python(service: Path, *arguments: str) -> str:
    """Run Python in a service folder, which stays as it is, and return what it prints."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=service, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def test_djangos_own_checks_for_production_find_nothing(scaffolded: Callable[..., Path]) -> None:
    told = python(
        scaffolded("numeric", "django"), "-W", "error", "manage.py", "check", "--deploy", "--fail-level", "DEBUG"
    )
    assert "no issues" in told


def test_djangos_test_client_gets_problem_documents_too(scaffolded: Callable[..., Path]) -> None:
    code = (
        "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'service_site.settings'; import django; django.setup();"
        "from django.test import Client; got = Client().get('/nothing');"
        "print(got.status_code, got['content-type'], got.json()['title'])"
    )
    assert python(scaffolded("numeric", "django"), "-c", code) == "404 application/problem+json Not Found\n"


def test_a_key_of_django_from_the_environment_is_kept(scaffolded: Callable[..., Path]) -> None:
    code = (
        "import os; os.environ['SECRET_KEY'] = 'given'; from service_site import settings; print(settings.SECRET_KEY)"
    )
    assert python(scaffolded("numeric", "django"), "-c", code) == "given\n"


def test_fastapi_shows_its_page(start: Start) -> None:
    with urllib.request.urlopen(start("numeric", "fastapi").url + "/docs", timeout=20) as page:
        assert b"/openapi.json" in page.read()


@pytest.mark.parametrize("framework", ["flask", "django"])
def test_threads_each_give_their_own_answer_and_count_every_one(
    start: Start, cases: Mapping[str, Any], framework: str
) -> None:
    address = urlsplit(start("numeric", framework).url).netloc
    golden = cases["numeric"].golden
    rows, expected = golden.inputs["features"][:200], golden.outputs["prediction"][:200]

    def work(first: int) -> int:
        connection = http.client.HTTPConnection(address, timeout=20)
        for number in range(first, len(rows), 8):
            connection.request("POST", "/predict", json.dumps({"features": [rows[number].tolist()]}))
            assert json.load(connection.getresponse()) == {"prediction": [int(expected[number])]}
            connection.request("GET", "/nothing")
            assert json.load(connection.getresponse())["status"] == 404
        connection.close()
        return len(range(first, len(rows), 8))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == len(rows)
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        page = answer.read().decode()
    counts = {line.split()[0]: float(line.split()[1]) for line in page.splitlines() if not line.startswith("#")}
    assert counts['http_requests_total{route="/predict",status="200"}'] == len(rows)
    assert counts['http_requests_total{route="other",status="404"}'] == len(rows)
