"""The plan of an image: plain data that says all that is in it, whichever builder makes it."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlship.images.base import Base

#: Whom the service runs as: a number, so that Kubernetes can see that it is not root.
USER = "10001:10001"

#: Where the parts of an image lie in it.
LIBRARIES, SERVICE, MODEL = "/opt/app/lib", "/opt/app/service", "/opt/app/service/model"

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, order=True)
class Platform:
    """What an image runs on, in the words of Go: ``architecture`` is "amd64" or "arm64". The system is Linux."""

    architecture: str

    def __str__(self) -> str:
        return f"linux/{self.architecture}"

    @property
    def machine(self) -> str:
        """Return the architecture as kernels and wheels call it: "x86_64" or "aarch64"."""
        return _MACHINES[self.architecture]

    @classmethod
    def own(cls) -> "Platform":
        """Return the platform of this machine."""
        return cls.of(platform.machine().lower())

    @classmethod
    def of(cls, machine: str) -> "Platform":
        """Return the platform of a ``machine``, as kernels call it."""
        return cls({value: key for key, value in _MACHINES.items()}.get(machine, machine))


#: The platforms that wheels are there for.
PLATFORMS = tuple(Platform(architecture) for architecture in _MACHINES)


@dataclass(frozen=True)
class Layer:
    """The files of the folder ``source``, which go below ``destination``; all belong to root and all may read them.

    Files have the mode 0644, or 0755 where their owner may run them; folders 0755.
    """

    name: str
    source: Path
    destination: str


@dataclass(frozen=True)
class LeftOut:
    """What of a distribution is not put into an image: files that match ``pattern``, their ``size`` in bytes."""

    distribution: str
    pattern: str
    reason: str
    size: int


@dataclass(frozen=True)
class Health:
    """How an engine finds out whether a container is well: ``command`` ends with 0; times in seconds."""

    command: tuple[str, ...]
    interval: int = 10
    timeout: int = 3
    start_period: int = 30
    retries: int = 3


@dataclass(frozen=True)
class Plan:
    """An image for one platform: ``layers`` on top of ``base``, in order of change, and how it is run.

    ``lock`` are the lines of its requirements with their hashes.
    """

    tag: str
    base: Base
    platform: Platform
    layers: tuple[Layer, ...]
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    health: Health
    labels: Mapping[str, str]
    port: int
    lock: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()
    user: str = USER
    folder: str = SERVICE
    stop_signal: str = "SIGTERM"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values; the sources of its layers are named by their last part."""
        told = asdict(self)
        told["platform"] = str(self.platform)
        told["base"]["glibc"] = ".".join(map(str, self.base.glibc))
        for layer in told["layers"]:
            layer["source"] = layer["source"].name
        return told
