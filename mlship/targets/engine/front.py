"""The gateway on the engine: started, told a new configuration, or left as it is."""

import hashlib
import io
import json
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeGuard

from docker import DockerClient
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from mlship.errors import UsageError
from mlship.stages import Progress
from mlship.targets.engine import containers, trial, waiting
from mlship.targets.engine.containers import MADE, STACK, Spec
from mlship.targets.gateways.programs import PROGRAMS, environment
from mlship.targets.stack import Stack

_ANSWERS = 30.0
#: Among the gateway's files: the digest of those that it was last seen to take, written after all else.
_TAKEN = ".taken"

#: What was done with it, after "the gateway".
Done = Literal["was started", "was told of the change", "was started anew", "is as it was"]


def spec(client: DockerClient, plan: Stack) -> Spec:
    """Return the container of the gateway; raises UsageError where its image is not on the engine."""
    hint = f"docker pull {plan.gateway_image}, or --set gateway_image=NAME"
    image = containers.image_of(client, plan.gateway_image, hint)
    return containers.gateway(plan, PROGRAMS[plan.gateway], str(image.id), environment(plan))


def require_port(plan: Stack, running: Container | None) -> None:
    """Raise UsageError where something else listens at the port."""
    if running is not None and running.attrs["HostConfig"]["PortBindings"]:
        bound = running.attrs["HostConfig"]["PortBindings"].values()
        if any(each["HostPort"] == str(plan.port) for bindings in bound for each in bindings):
            return
    try:
        with socket.create_server(("127.0.0.1", plan.port)):
            return
    except OSError as error:
        raise _port_taken(plan) from error


def require_accepted(
    client: DockerClient, plan: Stack, wanted: Spec, folder: Path, running: Container | None, progress: Progress
) -> None:
    """Raise ServiceError where the gateway refuses its configuration in ``folder``, or a file that it is to get."""
    files = _contents(folder)
    if not (_is(running, wanted) and _taken(running, plan) == digest(files)):
        progress(f"trying the configuration of the gateway, {plan.gateway}")
        trial.require_accepted(client, plan, wanted, files)


def bring(
    client: DockerClient, plan: Stack, wanted: Spec, folder: Path, running: Container | None, progress: Progress
) -> Done:
    """Bring the gateway to its configuration in ``folder``, and wait until it passes requests on.

    Raises ServiceError where it does not.
    """
    files = _contents(folder)
    meant = digest(files)
    done: Done = "is as it was"
    if not _is(running, wanted):
        progress(f"starting the gateway, {plan.gateway}")
        done = _start(client, plan, wanted, files, running)
    elif _taken(running, plan) != meant:
        progress(f"telling the gateway, {plan.gateway}")
        done = _tell(running, plan, files)
    container = containers.of(client, plan.name)[containers.GATEWAY]
    waiting.answers(container, plan.port, tls=plan.tls_cert is not None, seconds=_ANSWERS)
    if done != "is as it was":
        container.put_archive(PROGRAMS[plan.gateway].folder, containers.archive({_TAKEN: meant.encode()}))
    return done


def digest(files: Mapping[str, bytes]) -> str:
    """Return what tells files apart, comments aside: the name of an image, say, is no reason to disturb clients."""
    lines = {
        name: [line.decode(errors="replace") for line in content.splitlines() if not line.lstrip().startswith(b"#")]
        for name, content in files.items()
    }
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()


def _is(running: Container | None, wanted: Spec) -> TypeGuard[Container]:
    return running is not None and running.status == "running" and running.labels[MADE] == wanted.digest


def _tell(running: Container, plan: Stack, files: Mapping[str, bytes]) -> Done:
    program = PROGRAMS[plan.gateway]
    _put(running, plan, files)
    if not program.reload:
        running.restart()
        return "was started anew"
    workers = _workers(running)
    running.kill(signal=program.reload)
    waiting.until(
        lambda: not workers & _workers(running),
        running,
        "did not read its configuration anew",
        _ANSWERS,
        f"docker logs {running.name}",
    )
    return "was told of the change"


def _workers(container: Container) -> set[str]:
    """Return the processes of nginx that take requests: those of the configuration before are "shutting down"."""
    told = container.top(ps_args="-eo pid,args")["Processes"]
    return {pid for pid, title in told if title.strip() == "nginx: worker process"}


def _start(
    client: DockerClient, plan: Stack, wanted: Spec, files: Mapping[str, bytes], before: Container | None
) -> Done:
    if before is not None:
        before.stop()
        before.remove(v=True)
    client.volumes.create(containers.volume(plan.name), labels={STACK: plan.name})
    container = containers.create(client, plan, wanted)
    try:
        _put(container, plan, files)
        client.networks.get(containers.outer(plan.name)).connect(container)
        container.start()
    except APIError as error:
        container.remove(force=True, v=True)
        if "address already in use" in str(error.explanation) or "already allocated" in str(error.explanation):
            raise _port_taken(plan) from error
        raise
    return "was started" if before is None else "was started anew"


def _put(container: Container, plan: Stack, files: Mapping[str, bytes]) -> None:
    """Give the gateway files; until it has taken them, nothing says that it has, whenever this is broken off."""
    container.put_archive(PROGRAMS[plan.gateway].folder, containers.archive({_TAKEN: b"", **files}))


def _taken(container: Container, plan: Stack) -> str:
    """Return the digest of the files that the gateway has last been seen to take, or ""."""
    try:
        chunks, _ = container.get_archive(f"{PROGRAMS[plan.gateway].folder}/{_TAKEN}")
    except NotFound:
        return ""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        file = tar.extractfile(_TAKEN)
        return file.read().decode() if file else ""


def _contents(folder: Path) -> Mapping[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _port_taken(plan: Stack) -> UsageError:
    return UsageError(f"port {plan.port} of 127.0.0.1 is taken", f"--set port={plan.port + 1}")
