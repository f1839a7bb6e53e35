"""mlship serve."""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from mlship.cli.common import as_command
from mlship.cli.console import Answer, Screen
from mlship.errors import UsageError
from mlship.serving import require_packages
from mlship.workspace import Workspace

Workers = Annotated[
    str | None,
    typer.Option("--workers", help="Processes that answer: a number, or auto.", show_default="WORKERS, else 1"),
]
Port = Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port.", show_default="PORT, else 8000")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen at.", show_default="HOST, else 127.0.0.1")]
Dev = Annotated[bool, typer.Option("--dev", help="Start anew whenever a file of the service changes.")]

# What still reads well in a terminal.
_LONGEST = 300


@as_command
def command(
    screen: Screen,
    workspace: Workspace,
    workers: Workers = None,
    port: Port = None,
    host: Host = None,
    dev: Dev = False,
) -> Answer:
    """Run the service in this terminal, until Ctrl-C."""
    there = workspace.artifacts("benchmark")
    if "service" not in there:
        raise UsageError("serve: there is no service in this workspace yet", "mlship scaffold")
    service = there["service"]
    require_packages(service)
    given = {"WORKERS": workers, "PORT": port, "HOST": host, "RELOAD": "1" if dev else None}
    environment = os.environ | {name: str(value) for name, value in given.items() if value is not None}
    url = _url(environment)
    screen.say(_try(service, url))
    screen.answer(Answer({"url": url, "service": str(service)}))
    _become(service, environment)


def _url(environment: Mapping[str, str]) -> str:
    host, port = environment.get("HOST") or "127.0.0.1", environment.get("PORT") or "8000"
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    scheme = "https" if environment.get("TLS_CERT") else "http"
    return f"{scheme}://{shown}:{port}"


def _try(service: Path, url: str) -> str:
    """Return a command that asks the service for a golden example."""
    examples = json.loads((service / "model" / "examples.json").read_bytes())["examples"]
    body = shlex.quote(json.dumps(examples[0]["features"], ensure_ascii=False)) if examples else ""
    if not 0 < len(body) <= _LONGEST:
        return f"try: POST {url}/predict, as README.md of the service shows"
    return f"try: curl -d {body} {url}/predict"


def _become(service: Path, environment: dict[str, str]) -> NoReturn:
    """Turn this process into the service, so that signals and exit codes are its own."""
    os.chdir(service)
    # a service folder is an artifact: running it must not change it
    untouched = environment | {"PYTHONDONTWRITEBYTECODE": "1"}
    os.execve(sys.executable, [sys.executable, "serve.py"], untouched)  # noqa: S606  # no shell is wanted
