"""A user ships a model, starts the image with docker run, and asks it: the answers are the original's."""

import json
import os
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from tests.e2e.conftest import QUICK, Mlship

pytestmark = pytest.mark.docker


@contextmanager
def started(engine: DockerClient, image: str) -> Iterator[str]:
    """Run the image as README says, on a free port, and wait until it is ready."""
    container = engine.containers.run(image, detach=True, ports={"8000/tcp": ("127.0.0.1", None)})
    try:
        for _ in range(200):
            container.reload()
            published = container.ports.get("8000/tcp")
            if published and ready(f"http://127.0.0.1:{published[0]['HostPort']}"):
                yield f"http://127.0.0.1:{published[0]['HostPort']}"
                return
            time.sleep(0.1)
        pytest.fail(container.logs().decode())
    finally:
        container.remove(force=True)


def ready(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/readyz", timeout=1).status == 200
    except OSError:
        return False


def ask(url: str, rows: Any) -> Any:
    body = json.dumps({"features": rows}).encode()
    request = urllib.request.Request(f"{url}/predict", body, {"content-type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=30))["prediction"]


@pytest.mark.parametrize(
    ("name", "sample", "target"),
    [("mixed", "mixed.csv", "survived"), ("linear", "linear.npy", None)],
)
def test_ship_ends_with_an_image_that_gives_the_originals_answers(
    mlship: Mlship,
    trained: Path,
    original: Callable[[str, str], Any],
    engine: DockerClient,
    base_image: str,
    name: str,
    sample: str,
    target: str | None,
) -> None:
    tag = f"mlship-test/{name}:{os.getpid()}"
    command = ["ship", str(trained / f"{name}.joblib"), "--data", str(trained / sample), "-t", tag, *QUICK]
    command += ["--set", f"build.base={base_image}", *(["--target", target] if target else [])]
    try:
        ran = mlship(*command, engine=True)
        assert ran.code == 0, ran.err
        assert tag in ran.out

        again = mlship(*command, "--json", engine=True)
        assert all(done["skipped"] for done in again.json["stages"].values()), again.err

        known = original(f"{name}.joblib", sample)
        with started(engine, tag) as url:
            answers = ask(url, known["rows"])
            verified = mlship("verify", "--url", url)
        assert answers == known["answers"] if target else answers == pytest.approx(known["answers"], rel=1e-12)
        assert verified.code == 0, verified.err
    finally:
        engine.images.remove(tag, force=True)
