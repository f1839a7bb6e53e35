"""Wait until a container is ready, and say what it wrote where it is not."""

import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container
from docker.models.images import Image

from mlship.errors import ServiceError, UsageError

_POLL, _TAIL = 0.1, 15


def ready(container: Container, seconds: float) -> None:
    """Ask a copy, with its image's own health check, until it is ready.

    Raises ServiceError, with the end of its log, where it ends or takes longer than ``seconds``.
    """
    # one that ends is started anew by the engine, and will not do better
    hint = f"docker run --rm {container.image.tags[0] if container.image.tags else container.image.id}"
    until(lambda: is_ready(container), container, "was not ready", seconds, hint)


def is_ready(container: Container) -> bool:
    """Ask a copy, as it was last seen, with its image's own health check whether it is ready."""
    command = _command(container.attrs["Config"])
    if container.status != "running" or not command:
        return False
    try:
        return bool(container.exec_run(command).exit_code == 0)
    except APIError as error:
        if error.status_code in {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.CONFLICT}:  # it has ended since
            return False
        raise


def answers(container: Container, port: int, *, tls: bool, seconds: float) -> None:
    """Wait until the gateway, at ``port`` of this machine, passes on that the service is ready; raises ServiceError."""
    hint = f"docker logs {container.name}"
    until(lambda: _answers(port, tls=tls), container, "did not answer", seconds, hint)


def until(found: Callable[[], bool], container: Container, what: str, seconds: float, hint: str) -> None:
    """Wait until something is ``found`` of a container that runs; ``what`` says what it did not do.

    Raises ServiceError, with the end of its log, where it ends or takes longer than ``seconds``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        container.reload()
        if container.status in {"exited", "dead", "restarting"}:
            raise _failed(container, "ended before it was ready", hint)
        if found():
            return
        time.sleep(_POLL)
    raise _failed(container, f"{what} within {seconds:g} s", hint)


def require_health_check(image: Image) -> None:
    """Raise UsageError for an image that has no command by which it tells whether it is ready."""
    if not _command(image.attrs["Config"]):
        message = f"the image '{(image.tags or [image.id])[0]}' has no health check: nobody can tell when it is ready"
        raise UsageError(message, "mlship build makes one that has")


def _command(configuration: Mapping[str, Any]) -> list[str]:
    kind, *command = (configuration.get("Healthcheck") or {}).get("Test") or ["NONE"]
    if kind == "NONE":
        return []
    return command if kind == "CMD" else ["/bin/sh", "-c", *command]


def _answers(port: int, *, tls: bool) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # whose certificate it is does not matter here: the gateway is known by its port
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=1, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _failed(container: Container, what: str, hint: str) -> ServiceError:
    log = bytes(container.logs(tail=_TAIL)).decode(errors="replace").splitlines()
    lines = "".join(f"\n  | {line}" for line in log)
    return ServiceError(f"'{container.name}' {what}{lines}", hint)
