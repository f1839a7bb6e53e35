"""What the containers, networks and the volume of a stack are made with; labels say whose they are."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image
from docker.types import Mount

from mlship.errors import UsageError
from mlship.targets.gateways.programs import Program
from mlship.targets.stack import Gateway, Slot, Stack

#: On all that belongs to a stack: its name; on containers, too, their place, and a digest of what they were made with.
STACK, PLACE, MADE = "io.mlship.stack", "io.mlship.place", "io.mlship.made"
GATEWAY = "gateway"

_SECRETS = "/run/secrets"
_MEBI = 2**20
#: Microseconds in which a copy may use its share of the processors.
_PERIOD = 100_000
#: Signals at which a gateway answers what it has before it ends: an image of nginx need not name that one.
_ENDS: Mapping[Gateway, str] = {"nginx": "SIGQUIT"}


@dataclass(frozen=True)
class Spec:
    """A container to be: ``name``, its ``place`` in the stack, ``address`` in the inner network, the SDK's options.

    ``secrets`` tells, of each file that is mounted, what changes when it does.
    """

    name: str
    place: str
    address: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return what tells whether a container was made with these options, and these secrets."""
        made = json.dumps([self.options, self.secrets], sort_keys=True)
        return hashlib.sha256(made.encode()).hexdigest()[:16]


def copy(plan: Stack, slot: Slot, image: str) -> Spec:
    """Return the container of one copy, as compose.yaml has it; ``image`` is the id behind the slot's image."""
    secrets = {"api_keys": plan.api_keys} if plan.api_keys else {}
    options: dict[str, Any] = {
        "image": image,
        "environment": plan.settings,
        "user": "10001:10001",
        "mem_limit": plan.memory * _MEBI,
        "memswap_limit": plan.memory * _MEBI,
        "mem_reservation": plan.memory_reserved * _MEBI,
        # as nano_cpus, which the engine would not let be changed while the copy runs
        "cpu_period": _PERIOD,
        "cpu_quota": int(plan.cpus * _PERIOD),
        "pids_limit": 256,
        "mounts": _mounts(secrets),
        **_LOCKED,
    }
    return Spec(slot.name, slot.name, slot.address, options, _states(secrets))


def gateway(plan: Stack, program: Program, image: str, environment: Mapping[str, str]) -> Spec:
    """Return the container of the gateway; its configuration is in a volume, where its files belong to root."""
    secrets = {"tls_cert": plan.tls_cert, "tls_key": plan.tls_key} if plan.tls_cert and plan.tls_key else {}
    options: dict[str, Any] = {
        "image": image,
        "entrypoint": list(program.entrypoint),
        "command": list(program.command),
        "environment": dict(environment),
        "user": program.user,
        "mounts": [Mount(program.folder, volume(plan.name)), *_mounts(secrets)],
        "tmpfs": dict.fromkeys(program.writes, "mode=1777"),
        "ports": {f"{plan.listens}/tcp": ["127.0.0.1", plan.port]},
        "mem_limit": 512 * _MEBI,
        "pids_limit": 256,
        "stop_signal": _ENDS.get(plan.gateway),
        **_LOCKED,
    }
    return Spec(gateway_name(plan.name), GATEWAY, plan.gateway_address, options, _states(secrets))


def image_of(client: DockerClient, image: str, hint: str) -> Image:
    """Return an image; raises UsageError with ``hint`` where the engine has none of that name."""
    try:
        return client.images.get(image)
    except ImageNotFound as error:
        raise UsageError(f"the image '{image}' is not on the engine", hint) from error


def create(client: DockerClient, plan: Stack, spec: Spec) -> Container:
    """Create a container in the inner network."""
    endpoint = client.api.create_endpoint_config(ipv4_address=spec.address)
    options = {**spec.options}
    ports = {port: tuple(where) for port, where in options.pop("ports", {}).items()}
    return client.containers.create(
        **options,
        name=spec.name,
        ports=ports,
        network=inner(plan.name),
        networking_config={inner(plan.name): endpoint},
        labels={STACK: plan.name, PLACE: spec.place, MADE: spec.digest},
    )


def of(client: DockerClient, stack: str) -> dict[str, Container]:
    """Return the containers of a stack by their place, running or not."""
    found = client.containers.list(all=True, filters={"label": f"{STACK}={stack}"}, ignore_removed=True)
    return {container.labels[PLACE]: container for container in found}


def require_free(client: DockerClient, stack: str, names: Iterable[str]) -> None:
    """Raise UsageError where a container of one of these ``names`` is not of the stack, or its volume is not."""
    hint = "give the service another name: --name ..."
    for name in names:
        with suppress(NotFound):
            if client.containers.get(name).labels.get(STACK) != stack:
                message = f"there is a container '{name}' that mlship has not started, and leaves alone"
                raise UsageError(message, hint)
    with suppress(NotFound):
        if (client.volumes.get(volume(stack)).attrs.get("Labels") or {}).get(STACK) != stack:
            raise UsageError(f"there is a volume '{volume(stack)}' that mlship has not made, and leaves alone", hint)


def archive(files: Mapping[str, bytes]) -> bytes:
    """Return files, in their order, as the engine takes them; anybody may read them, only root may write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            told = tarfile.TarInfo(name)
            told.size = len(content)
            tar.addfile(told, io.BytesIO(content))
    return buffer.getvalue()


def gateway_name(stack: str) -> str:
    """Return the name of the container of the gateway."""
    return f"{stack}-{GATEWAY}"


def inner(stack: str) -> str:
    """Return the name of the network of the copies, which leads nowhere else."""
    return f"{stack}-inner"


def outer(stack: str) -> str:
    """Return the name of the network by which the gateway is reached."""
    return f"{stack}-outer"


def volume(stack: str) -> str:
    """Return the name of the volume with the gateway's configuration."""
    return f"{stack}-{GATEWAY}"


#: What every container of a stack may not do.
_LOCKED: Mapping[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "restart_policy": {"Name": "unless-stopped"},
}


def _mounts(secrets: Mapping[str, str]) -> list[Mount]:
    for path in secrets.values():
        if not Path(path).is_file():
            raise UsageError(f"there is no file '{path}'", "give the path of a file of this machine")
    return [Mount(f"{_SECRETS}/{name}", path, type="bind", read_only=True) for name, path in secrets.items()]


def _states(secrets: Mapping[str, str]) -> dict[str, str]:
    return {name: _state(Path(path)) for name, path in secrets.items()}


def _state(path: Path) -> str:
    """Return what changes when a file does: a digest, or its time where only the containers may read it."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except PermissionError:
        told = path.stat()
        return f"{told.st_mtime_ns} {told.st_size}"
