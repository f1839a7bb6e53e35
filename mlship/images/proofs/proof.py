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

from mlship.client import Client
from mlship.errors import BuildError, GateError, ServiceError
from mlship.golden import Golden
from mlship.images.engine import address, is_orphan, owner, plain_errors, removed
from mlship.images.proofs.counting import resident, serving, stats
from mlship.images.proofs.enduring import Endured, endure
from mlship.images.proofs.strain import largest
from mlship.parity import Tolerance, Verdict
from mlship.replay import payload, replay, sendable
from mlship.serving import is_ready
from mlship.signature import Signature

#: On the containers of a proof: who started it, as host:process.
LABEL = "io.mlship.proof"
#: Processors that the container gets.
CPUS = 1
_TAIL, _POLL = 15, 0.01


@dataclass(frozen=True)
class Proof:
    """What a container of the image did.

    Seconds from its start: ``cold_start`` to the first 200 of /readyz, ``first_answer`` to that of /predict. ``rss``:
    bytes after the replay. ``workers`` are the processes that served, ``threads`` those that work on one answer, None
    where /info does not tell.
    """

    verdict: Verdict
    cold_start: float
    first_answer: float
    rss: int
    workers: int
    threads: int | None
    endured: Endured

    @property
    def peak(self) -> int:
        """Return the most bytes that were held against the memory limit, file cache and all."""
        return self.endured.peak

    def to_json(self) -> dict[str, Any]:
        """Return the facts of a build that this tells."""
        return {
            "cold_start_seconds": round(self.cold_start, 3),
            "first_answer_seconds": round(self.first_answer, 3),
            "rss_bytes": self.rss,
            "workers": self.workers,
            "threads": self.threads,
            **self.endured.to_json(),
            "parity": self.verdict.to_json(),
        }

    def notes(self) -> tuple[str, ...]:
        """Return what the user must be told although the image passed."""
        return self.endured.notes()


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
            return _observe(container, expected, limits)


def _observe(container: Container, expected: Expected, limits: Limits) -> Proof:
    started = time.monotonic()
    container.start()
    url = _wait(container, started, limits)
    ready = time.monotonic()
    try:
        _ask_once(url, expected)
        first = time.monotonic()
        verdict = replay(url, expected.golden, expected.signature, expected.tolerance)
    except ServiceError as error:
        raise _failed(container, f"does not answer: {error.message}", limits, error.hint) from error
    if not verdict.passed:
        message = f"the image does not answer as the model does: {verdict.sentence()}"
        raise GateError(message, "mlship verify on the service, then build again: mlship build --force")
    counted, workers, info = stats(container), len(serving(container)), _info(url)
    request, threads = largest(expected.golden, expected.signature, info), info.get("threads")
    return Proof(
        verdict=verdict,
        cold_start=ready - started,
        first_answer=first - started,
        rss=resident(counted),
        workers=workers,
        threads=threads if isinstance(threads, int) else None,
        endured=endure(container, url, limits.memory, request, counted),
    )


def _ask_once(url: str, expected: Expected) -> None:
    """Wait for the answer to one golden row; where none can be sent, the replay tells."""
    row = sendable(expected.golden)[:1]
    if len(row):
        with Client(url) as client:
            client.predict(payload(expected.golden, expected.signature, row))


def _info(url: str) -> Mapping[str, Any]:
    """Return what the service tells of itself: nothing, where it is one that has no such page."""
    try:
        with Client(url) as client:
            told = client.ask("GET", "/info")
    except ServiceError:
        return {}
    return told if isinstance(told, dict) else {}


def _create(client: DockerClient, image: str, limits: Limits) -> Container:
    bind, _ = _hosts()
    return client.containers.create(
        image,
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        nano_cpus=int(CPUS * 1e9),
        mem_limit=limits.memory,
        memswap_limit=limits.memory,  # no swap beside it, which Kubernetes does not give either
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
