"""From a service and a base to the plan of an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from mlship.artifacts import digest
from mlship.images import parts
from mlship.images.base import Base
from mlship.images.names import is_path, split
from mlship.images.plan import LIBRARIES, MODEL, SERVICE, Health, Layer, LeftOut, Plan, Platform
from mlship.signature import Signature

#: What labels call the base by.
BASE_NAME = "org.opencontainers.image.base.name"

#: Asked with TLS where it is on: whose certificate that is does not matter here.
_IS_READY = (
    "import http.client as h, os, ssl, sys; p = int(os.environ['PORT']); "
    "c = h.HTTPSConnection('127.0.0.1', p, timeout=2, context=ssl._create_unverified_context()) "
    "if os.environ.get('TLS_CERT') else h.HTTPConnection('127.0.0.1', p, timeout=2); "
    "c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"
)


@dataclass(frozen=True)
class Subject:
    """What an image is made of: the ``service`` folder, its ``signature``, and the hashes of ``sources`` by label."""

    service: Path
    signature: Signature
    tag: str
    port: int
    revision: str | None
    source: str | None
    created: int
    sources: Mapping[str, str]


@dataclass(frozen=True)
class Unpacked:
    """The libraries of an image, unpacked in ``folder``: their ``lock``, and what was left out of them."""

    folder: Path
    lock: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def plan(subject: Subject, base: Base, platform: Platform, libraries: Unpacked, folder: Path) -> Plan:
    """Return the plan of an image whose parts lie in ``folder``."""
    return Plan(
        tag=subject.tag,
        base=base,
        platform=platform,
        layers=(Layer(parts.DEPENDENCIES, libraries.folder, LIBRARIES), *own_layers(folder)),
        environment=_environment(subject.port),
        entrypoint=(base.command, "serve.py"),
        command=("serve",),
        health=Health((base.command, "-c", _IS_READY)),
        labels=_labels(subject, base, libraries.lock),
        port=subject.port,
        lock=libraries.lock,
        left_out=libraries.left_out,
    )


def own_layers(folder: Path) -> tuple[Layer, Layer]:
    """Return the layers of the service and of its model, whose parts lie in ``folder``."""
    return Layer(parts.SERVICE, folder / parts.SERVICE, SERVICE), Layer(parts.MODEL, folder / parts.MODEL, MODEL)


def moment(seconds: int) -> str:
    """Return a time, in seconds since 1970, as RFC 3339 writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _environment(port: int) -> dict[str, str]:
    return {
        "PYTHONPATH": LIBRARIES,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "ORT_DISABLE_TELEMETRY": "1",
        "HOST": "0.0.0.0",  # noqa: S104  # within its container
        "PORT": str(port),
        "WORKERS": "auto",
        # the seconds add up to less than the 10 that an engine waits before it kills
        "DRAIN_SECONDS": "3",
        "GRACE_SECONDS": "6",
    }


def _labels(subject: Subject, base: Base, lock: tuple[str, ...]) -> dict[str, str]:
    """Return the labels: the keys of the OCI image spec (annotations), and where the model is from."""
    title, version = split(subject.tag)
    signature = subject.signature
    named = {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.description": f"{signature.model} ({signature.task}) over HTTP",
        "org.opencontainers.image.revision": subject.revision,
        "org.opencontainers.image.source": subject.source,
        "org.opencontainers.image.created": moment(subject.created),
        # a file has no name that means anything elsewhere
        BASE_NAME: "" if is_path(base.name) else base.name,
        "org.opencontainers.image.base.digest": base.digest,
        "io.mlship.model.class": signature.model,
        "io.mlship.model.sha256": digest(parts.model_file(subject.service)),
        "io.mlship.lock.sha256": sha256("\n".join(lock).encode()).hexdigest(),
        **subject.sources,
    }
    return {key: value for key, value in named.items() if value}
