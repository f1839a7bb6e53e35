"""What tests of running services share: a server of each framework, and how to ask it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mlship.serving import Running, running
from tests.integration.serving.processes import Server, kill, launch, wait_ready

FRAMEWORKS = ("asgi", "fastapi", "flask", "django")


@pytest.fixture(scope="module")
def start(scaffolded: Callable[..., Path]) -> Iterator[Callable[..., Running]]:
    """Return a function that starts the service of a case in a framework, with environment variables of its own.

    The same service is started once a module; all end with it.
    """
    with ExitStack() as stack:
        started: dict[Any, Running] = {}

        def serve(name: str = "numeric", framework: str = "asgi", **environment: str) -> Running:
            key = (name, framework, *sorted(environment.items()))
            if key not in started:
                service = scaffolded(name, framework, grpc="GRPC_PORT" in environment)
                started[key] = stack.enter_context(running(service, environment=environment))
            return started[key]

        yield serve


@pytest.fixture
def serve(scaffolded: Callable[..., Path], tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that runs serve.py with environment variables of its own, and waits until it is ready."""
    with ExitStack() as stack:

        def run(
            framework: str = "asgi", service: Path | None = None, *, ready: bool = True, **variables: str
        ) -> Server:
            server = launch(service or scaffolded("numeric", framework), tmp_path, variables)
            stack.callback(kill, server)
            if ready:
                wait_ready(server)
            return server

        yield run
