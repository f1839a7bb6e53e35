"""What tests of measuring share: a running scaffolded service, and scripted ones."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlship.parity import tolerance_of
from mlship.serving import running
from mlship.trials.target import Target, first_answer, scaffolded
from tests.integration.benchmark.scripted_service import Script, Scripted


@pytest.fixture(scope="session")
def real(scaffolded_service: Path, cases: Mapping[str, Any]) -> Iterator[Target]:
    """The service of the iris model, running."""
    case = cases["numeric"]
    allowed = tolerance_of(case.signature)
    with running(scaffolded_service, ask=first_answer(case.golden, case.signature, allowed)) as started:
        yield scaffolded(started.url, case.golden, case.signature, allowed, started.pid)


@pytest.fixture(scope="session")
def scaffolded_service(request: pytest.FixtureRequest) -> Path:
    """The folder of that service."""
    folder: Path = request.getfixturevalue("scaffolded")("numeric", "asgi")
    return folder


@pytest.fixture
def serve() -> Iterator[Callable[[Script], Scripted]]:
    """Return a function that starts a scripted service."""
    started = []

    def start(script: Script) -> Scripted:
        server = Scripted(script)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
