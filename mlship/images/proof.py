"""The proof of an image: start it locked down, replay the golden set, and measure what it costs."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from docker import DockerClient
from docker.errors import NotFound
from docker.models.containers import Container

from mlship.errors import BuildError, GateError, ServiceError
from mlship.golden import Golden
from mlship.images.engine import address, is_orphan, owner, plain_errors, removed
from mlship.parity import Tolerance, Verdict
from mlship.replay import replay
from mlship.serving import is_ready
from mlship.signature import Signature

#: On the containers of a proof: who started it, as host:process.
LABEL = "io.mlship.proof"
_TAIL, _POLL = 15, 0.01


@dataclass(frozen=True)
class Proof:
    """``cold_start``: seconds from start to the first 200 of /readyz; ``rss``: bytes after the replay."""

    verdict: Verdict
    cold_start: float
    rss: int


@dataclass(frozen=True)
class Expected:
    """What the answers are held against."""

    golden: Golden
    signature: Signature
    tolerance: Tolerance


@dataclass(frozen=True)
class Limits:
    """What the container gets: ``memory`` as Docker writes it ("512m"), its ``port``, seconds to get ready."""

    memory: str
    port: int
    timeout: float = 60.0


def prove(client: DockerClient, image: str, expected: Expected, limits: Limits) -> Proof:
    """Run ``image`` read-only, without capabilities and within ``limits``, and compare its answers.

    Raises BuildError with the end of the container's log when it does not start or answer, GateError when it answers
    otherwise than the model. The container is removed in any case.
    """
    with plain_errors("to run the image"):
        _remove_orphans(client)
        with removed(_create(client, image, limits)) as container:
            started = time.monotonic()
            container.start()
            url = _wait(container, started, limits)
            cold_start = time.monotonic() - started
            try:
                verdict = replay(url, expected.golden, expected.signature, expected.tolerance)
            except ServiceError as error:
                raise _failed(container, f"does not answer: {error.message}", limits, error.hint) from error
            stats: Any = container.stats(stream=False)
    if not verdict.passed:
        message = f"the image does not answer as the model does: {verdict.sentence()}"
        raise GateError(message, "mlship verify on the service, then build again: mlship build --force")
    return Proof(verdict, cold_start, resident(stats))


def resident(stats: Mapping[str, Any]) -> int:
    """Return the bytes of memory in use, as ``docker stats`` counts them: less the file cache that can go."""
    memory = stats.get("memory_stats", {})
    details = memory.get("stats", {})
    return max(
        0, int(memory.get("usage", 0)) - int(details.get("total_inactive_file", details.get("inactive_file", 0)))
    )


def _create(client: DockerClient, image: str, limits: Limits) -> Container:
    bind, _ = _hosts()
    return client.containers.create(
        image,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        mem_limit=limits.memory,
        ports={f"{limits.port}/tcp": (bind, 0)},
        labels={LABEL: owner()},
    )


def _hosts() -> tuple[str, str]:
    """Return where the engine publishes the port, and where it is reached; they differ for an engine elsewhere."""
    parts = urlsplit(address())
    if parts.scheme in {"tcp", "http", "https"} and parts.hostname not in {"localhost", "127.0.0.1", "::1", None}:
        return "0.0.0.0", str(parts.hostname)  # noqa: S104  # a CI runner's engine is another host
    return "127.0.0.1", "127.0.0.1"


def _wait(container: Container, started: float, limits: Limits) -> str:
    """Return the URL of the service once it is ready."""
    port = 0
    while time.monotonic() - started < limits.timeout:
        container.reload()
        if container.status in {"exited", "dead"}:
            code = container.attrs["State"]["ExitCode"]
            raise _failed(container, f"ended with exit code {code} before it was ready", limits)
        published = (container.ports or {}).get(f"{limits.port}/tcp")
        port = int(published[0]["HostPort"]) if published else 0
        if port and is_ready(_hosts()[1], port):
            return f"http://{_hosts()[1]}:{port}"
        time.sleep(_POLL)
    raise _failed(container, f"was not ready within {limits.timeout:g} s", limits)


def _failed(container: Container, what: str, limits: Limits, hint: str = "") -> BuildError:
    container.reload()
    if container.attrs["State"].get("OOMKilled"):
        what, hint = f"needs more memory than {limits.memory}", "--set memory=1g"
    log = bytes(container.logs(tail=_TAIL)).decode(errors="replace").splitlines()
    lines = "".join(f"\n  | {line}" for line in log)
    return BuildError(f"the image {what}{lines}", hint or "run the service outside: mlship serve")


def _remove_orphans(client: DockerClient) -> None:
    """Remove what a killed process of this host has left running."""
    for container in client.containers.list(all=True, filters={"label": LABEL}, ignore_removed=True):
        if is_orphan(container.labels[LABEL]):
            with suppress(NotFound):
                container.remove(force=True, v=True)
