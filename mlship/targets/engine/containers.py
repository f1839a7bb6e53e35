"""What the containers, networks and the volume of a stack are made with; labels say whose they are."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image

from mlship.errors import UsageError
from mlship.targets.gateways.programs import Program
from mlship.targets.stack import Slot, Stack

#: On all that belongs to a stack: its name; on containers, too, their place, and a digest of what they were made with.
STACK, PLACE, MADE = "io.mlship.stack", "io.mlship.place", "io.mlship.made"
GATEWAY = "gateway"

_SECRETS = "/run/secrets"
_MEBI = 2**20
#: Microseconds in which a copy may use its share of the processors.
_PERIOD = 100_000


@dataclass(frozen=True)
class Spec:
    """A container to be: ``name``, its ``place`` in the stack, ``address`` in the inner network, the SDK's options."""

    name: str
    place: str
    address: str
    options: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """Return what tells whether a container was made with these options."""
        return hashlib.sha256(json.dumps(self.options, sort_keys=True).encode()).hexdigest()[:16]


def copy(plan: Stack, slot: Slot, image: str) -> Spec:
    """Return the container of one copy, as compose.yaml has it; ``image`` is the id behind the slot's image."""
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
        **_LOCKED,
    }
    if plan.api_keys:
        options["volumes"] = _mounted({"api_keys": plan.api_keys})
    return Spec(slot.name, slot.name, slot.address, options)


def gateway(plan: Stack, program: Program, image: str, environment: Mapping[str, str]) -> Spec:
    """Return the container of the gateway; its configuration is in a volume, where its files belong to root."""
    secrets = {"tls_cert": plan.tls_cert, "tls_key": plan.tls_key} if plan.tls_cert else {}
    volumes = {volume(plan.name): {"bind": program.folder, "mode": "rw"}, **_mounted(secrets)}
    options: dict[str, Any] = {
        "image": image,
        "entrypoint": list(program.entrypoint),
        "command": list(program.command),
        "environment": dict(environment),
        "user": program.user,
        "volumes": volumes,
        "tmpfs": dict.fromkeys(program.writes, "mode=1777"),
        "ports": {f"{plan.listens}/tcp": ["127.0.0.1", plan.port]},
        "mem_limit": 512 * _MEBI,
        "pids_limit": 256,
        **_LOCKED,
    }
    return Spec(f"{plan.name}-{GATEWAY}", GATEWAY, plan.gateway_address, options)


def image_of(client: DockerClient, image: str, hint: str) -> Image:
    """Return an image; raises UsageError with ``hint`` where the engine has none of that name."""
    try:
        return client.images.get(image)
    except ImageNotFound as error:
        raise UsageError(f"the image '{image}' is not on the engine", hint) from error


def create(client: DockerClient, plan: Stack, spec: Spec) -> Container:
    """Create a container in the inner network; raises UsageError where its name is taken by something else."""
    _require_free(client, plan, spec.name)
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


def archive(folder: Path) -> bytes:
    """Return the files of ``folder`` as the engine takes them; anybody may read them, only root may write."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_anybodys)
    return buffer.getvalue()


def inner(stack: str) -> str:
    """Return the name of the network of the copies, which leads nowhere else."""
    return f"{stack}-inner"


def outer(stack: str) -> str:
    """Return the name of the network by which the gateway is reached."""
    return f"{stack}-outer"


def volume(stack: str) -> str:
    """Return the name of the volume with the gateway's configuration."""
    return f"{stack}-gateway"


#: What every container of a stack may not do.
_LOCKED: Mapping[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "restart_policy": {"Name": "unless-stopped"},
}


def _mounted(secrets: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    found = {path: {"bind": f"{_SECRETS}/{name}", "mode": "ro"} for name, path in secrets.items() if path}
    for path in found:
        if not Path(path).is_file():
            raise UsageError(f"there is no file '{path}'", "give the path of a file of this machine")
    return found


def _anybodys(told: tarfile.TarInfo) -> tarfile.TarInfo:
    told.uid = told.gid = told.mtime = 0
    told.uname = told.gname = ""
    told.mode = 0o755 if told.isdir() else 0o644
    return told


def _require_free(client: DockerClient, plan: Stack, name: str) -> None:
    try:
        other = client.containers.get(name)
    except NotFound:
        return
    if other.labels.get(STACK) != plan.name:
        message = f"there is a container '{name}' that mlship has not started, and leaves alone"
        raise UsageError(message, "give the service another name: --name ...")
