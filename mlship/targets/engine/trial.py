"""Have a gateway read its configuration in a container of its own, before the one that answers is touched."""

from collections.abc import Mapping

from docker import DockerClient

from mlship.errors import ServiceError
from mlship.images.engine import removed
from mlship.targets.engine import containers
from mlship.targets.engine.containers import PLACE, STACK, Spec
from mlship.targets.gateways.programs import PROGRAMS
from mlship.targets.stack import Gateway, Stack

#: What makes a gateway read its configuration, say what it thinks of it, and end; Kong is not asked.
_ASKED: Mapping[Gateway, tuple[str, ...]] = {"nginx": ("-t",), "envoy": ("--mode", "validate")}
_TRIAL, _SECONDS = "trial", 60


def require_accepted(client: DockerClient, plan: Stack, wanted: Spec, files: Mapping[str, bytes]) -> None:
    """Raise ServiceError, with its words, where the gateway refuses ``files``, or the secrets that it is given."""
    program, asked = PROGRAMS[plan.gateway], _ASKED.get(plan.gateway)
    if asked is None:
        return
    options = {name: value for name, value in wanted.options.items() if name not in {"ports", "restart_policy"}}
    # files can be put only where something may be written
    options |= {"command": [*asked, *program.command], "read_only": False, "network_mode": "none"}
    options["mounts"] = [mount for mount in wanted.options["mounts"] if mount["Type"] == "bind"]
    if (left := containers.of(client, plan.name).get(_TRIAL)) is not None:  # by a process that was killed
        left.remove(force=True, v=True)
    container = client.containers.create(**options, labels={STACK: plan.name, PLACE: _TRIAL})
    with removed(container):
        inside = {f"{program.folder.lstrip('/')}/{name}": content for name, content in files.items()}
        container.put_archive("/", containers.archive(inside))
        container.start()
        refused = container.wait(timeout=_SECONDS)["StatusCode"] != 0
        said = bytes(container.logs()).decode(errors="replace").strip()
    if refused:
        lines = "".join(f"\n  | {line}" for line in said.splitlines())
        message = f"{plan.gateway} refuses its configuration, and nothing was changed{lines}"
        raise ServiceError(message, "mlship deploy compose --check")
