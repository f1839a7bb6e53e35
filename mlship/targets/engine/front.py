"""The gateway on the engine: started, told a new configuration, or left as it is."""

import io
import socket
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from docker import DockerClient
from docker.errors import APIError
from docker.models.containers import Container

from mlship.errors import ServiceError, UsageError
from mlship.stages import Progress
from mlship.targets.engine import containers, waiting
from mlship.targets.engine.containers import STACK, Spec
from mlship.targets.gateways.programs import PROGRAMS, Program, environment
from mlship.targets.stack import Stack

_ANSWERS = 30.0

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
        raise _taken(plan) from error


def bring(
    client: DockerClient, plan: Stack, wanted: Spec, files: Path, running: Container | None, progress: Progress
) -> Done:
    """Bring the gateway to its configuration in the folder ``files``, and wait until it passes requests on.

    Raises ServiceError where it does not, or refuses the configuration: then it goes on with the one it has.
    """
    done = _bring(client, plan, wanted, files, running, progress)
    container = containers.of(client, plan.name)[containers.GATEWAY]
    waiting.answers(container, plan.port, tls=plan.tls_cert is not None, seconds=_ANSWERS)
    return done


def _bring(
    client: DockerClient, plan: Stack, wanted: Spec, files: Path, running: Container | None, progress: Progress
) -> Done:
    program = PROGRAMS[plan.gateway]
    if running is None or running.status != "running" or running.labels[containers.MADE] != wanted.digest:
        progress(f"starting the gateway, {plan.gateway}")
        if running is not None:
            running.stop()
            running.remove(v=True)
        _start(client, plan, wanted, files)
        return "was started" if running is None else "was started anew"
    if _meant(_has(running, program)) == _meant(_contents(files)):
        return "is as it was"
    progress(f"telling the gateway, {plan.gateway}")
    running.put_archive(program.folder, containers.archive(files))
    if not program.reload:
        running.restart()
        return "was started anew"
    tested = running.exec_run([*program.entrypoint, "-t", *program.command[:2]])
    if tested.exit_code:
        raise ServiceError(f"{plan.gateway} refuses its configuration\n{tested.output.decode(errors='replace')}")
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


def _start(client: DockerClient, plan: Stack, wanted: Spec, files: Path) -> None:
    name = containers.volume(plan.name)
    client.volumes.create(name, labels={STACK: plan.name})
    container = containers.create(client, plan, wanted)
    try:
        container.put_archive(PROGRAMS[plan.gateway].folder, containers.archive(files))
        client.networks.get(containers.outer(plan.name)).connect(container)
        container.start()
    except APIError as error:
        container.remove(force=True, v=True)
        if "address already in use" in str(error.explanation) or "already allocated" in str(error.explanation):
            raise _taken(plan) from error
        raise


def _has(container: Container, program: Program) -> Mapping[str, bytes]:
    """Return the files that the gateway was given."""
    chunks, _ = container.get_archive(program.folder)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        found = {told.name.partition("/")[2]: tar.extractfile(told) for told in tar if told.isfile()}
        return {name: file.read() for name, file in found.items() if file is not None}


def _meant(files: Mapping[str, bytes]) -> Mapping[str, list[bytes]]:
    """Return the lines of files that are no comments: the name of an image, say, is no reason to disturb clients."""
    return {
        name: [line for line in content.splitlines() if not line.lstrip().startswith(b"#")]
        for name, content in files.items()
    }


def _contents(folder: Path) -> Mapping[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _taken(plan: Stack) -> UsageError:
    return UsageError(f"port {plan.port} of 127.0.0.1 is taken", f"--set port={plan.port + 1}")
