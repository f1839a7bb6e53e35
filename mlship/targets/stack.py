"""The plan of a deployment on one machine: copies of a service at fixed addresses, and a gateway before them."""

import hashlib
import ipaddress
import math
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mlship.errors import UsageError

Gateway = Literal["nginx", "envoy", "kong", "tyk"]

#: Seconds for which a gateway leaves a copy alone that has failed.
REST = 1
#: The fewest seconds that a service gets to answer what it is answering when it is told to end.
_GRACE = 8
#: The most copies of one group.
MOST = 64

#: The last part of addresses: from where those of each group count, and from where the engine may give others away.
_STABLE, _SPARE, _CANARY, _OTHERS = 16, 80, 144, 224


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Slot(_Strict):
    """The place of one copy: its name, and its address, which stays while images and containers come and go."""

    name: str
    address: str
    image: str


class Stack(_Strict):
    """All that is to run.

    ``spare`` are places, as many as ``stable`` ones, that are empty but during an update. ``canary_weight`` is the per
    cent of requests for ``canary``. ``port`` is that of 127.0.0.1. ``memory`` in MiB, ``cpus`` in processors; times in
    seconds: ``startup`` until a copy must be ready, ``drain`` for which one that was told to end says so and answers
    on, ``try_timeout`` after which another copy is asked, ``timeout`` after which the gateway gives up. ``rate_limit``
    in requests a second of one client, ``max_body`` in bytes. ``api_keys``, ``tls_cert`` and ``tls_key`` are files of
    this machine, which stay where they are.
    """

    name: str
    version: str
    subnet: str
    stable: tuple[Slot, ...]
    spare: tuple[Slot, ...]
    canary: tuple[Slot, ...]
    canary_weight: int
    container_port: int
    environment: dict[str, str]
    memory: int
    memory_reserved: int
    cpus: float
    startup: int
    drain: int
    gateway: Gateway
    gateway_image: str
    gateway_address: str
    port: int
    rate_limit: int
    max_body: int
    try_timeout: float
    timeout: float
    api_keys: str | None
    tls_cert: str | None
    tls_key: str | None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Return the places that are taken when nothing is being updated."""
        return (*self.stable, *self.canary)

    @property
    def listens(self) -> int:
        """Return the port of the gateway in its container."""
        return 8443 if self.tls_cert else 8080

    @property
    def url(self) -> str:
        """Return where the gateway answers on this machine."""
        return f"http{'s' if self.tls_cert else ''}://127.0.0.1:{self.port}"

    @property
    def grace(self) -> int:
        """Return the seconds that a copy gets to answer what it is answering when it is told to end."""
        return max(_GRACE, math.ceil(self.try_timeout) + 1)

    @property
    def stop_seconds(self) -> int:
        """Return how long a copy may take to end before it is killed."""
        return self.drain + self.grace + 2

    @property
    def settings(self) -> dict[str, str]:
        """Return the environment variables of a copy."""
        settings = {
            "DRAIN_SECONDS": str(self.drain),
            "GRACE_SECONDS": str(self.grace),
            # the gateway tells who asks, nobody else
            "FORWARDED_ALLOW_IPS": self.gateway_address,
            **({"API_KEYS_FILE": "/run/secrets/api_keys"} if self.api_keys else {}),
        }
        return {**settings, **self.environment}


def subnet_of(name: str) -> str:
    """Return a network for the stack called ``name``: the same each time, and another for most other names.

    It is a /24 of 10.128.0.0/9, from which engines take none by themselves.
    """
    first, second = hashlib.sha256(name.encode()).digest()[:2]
    return f"10.{128 + first % 128}.{second}.0/24"


def check_subnet(subnet: str) -> str:
    """Return ``subnet``; raises UsageError unless it is a private network of 256 addresses."""
    hint = "--set subnet=10.200.7.0/24"
    try:
        network = ipaddress.IPv4Network(subnet)
    except ValueError as error:
        raise UsageError(f"subnet '{subnet}' is no network: {error}", hint) from error
    if network.prefixlen != 24 or not network.is_private:
        raise UsageError(f"subnet '{subnet}' is not a private network of 256 addresses", hint)
    return subnet


def places(name: str, subnet: str, image: str, count: int) -> tuple[Slot, ...]:
    """Return ``count`` places for copies of ``image``."""
    return _places(name, subnet, _STABLE, image, count)


def spare_places(name: str, subnet: str, image: str, count: int) -> tuple[Slot, ...]:
    """Return ``count`` places that are empty but during an update."""
    return _places(f"{name}-spare", subnet, _SPARE, image, count)


def canary_places(name: str, subnet: str, image: str, count: int) -> tuple[Slot, ...]:
    """Return ``count`` places for copies of the other version."""
    return _places(f"{name}-canary", subnet, _CANARY, image, count)


def is_stable(name: str, place: str) -> bool:
    """Say whether ``place`` is one of a stable copy of the stack ``name``, in whatever plan."""
    return place.removeprefix(f"{name}-").isdigit()


def gateway_address(subnet: str) -> str:
    """Return the address of the gateway, which the copies know it by."""
    return _address(subnet, 2)


def others(subnet: str) -> str:
    """Return the addresses of what has no fixed one, such as Prometheus."""
    return f"{_address(subnet, _OTHERS)}/27"


def shares(stack: Stack, whole: int) -> Sequence[tuple[Slot, int]]:
    """Return every place that is taken with its weight, for gateways that weigh copies instead of groups.

    The weights of a group's copies add up, but for rounding, to its per cent of ``whole``.
    """
    stable = round((100 - stack.canary_weight) * whole / 100 / len(stack.stable))
    canary = round(stack.canary_weight * whole / 100 / max(1, len(stack.canary)))
    return [*((slot, stable) for slot in stack.stable), *((slot, canary) for slot in stack.canary)]


def _places(name: str, subnet: str, first: int, image: str, count: int) -> tuple[Slot, ...]:
    return tuple(Slot(name=f"{name}-{n + 1}", address=_address(subnet, first + n), image=image) for n in range(count))


def _address(subnet: str, last: int) -> str:
    return str(ipaddress.IPv4Network(subnet)[last])
