"""The base image: which Python, machine and libc the wheels must fit; asked of the image itself where that can be."""

import json
import platform
import re
from dataclasses import dataclass

from docker import DockerClient
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.images import Image

from mlship.errors import BaseImageMissingError, BuildError, MlshipError, UsageError
from mlship.images.engine import disk_full, plain_errors, removed
from mlship.images.names import split


@dataclass(frozen=True)
class Base:
    """A base image. ``python`` is "3.12", ``command`` how its interpreter is called, ``machine`` "x86_64" or "aarch64".

    ``glibc`` is the highest version that wheels may ask for; ``digest`` and ``size`` (bytes) are known where an engine
    was asked, or its layers were read; ``user`` is whom it runs as, where its layers were read.
    """

    name: str
    python: str
    command: str
    machine: str
    glibc: tuple[int, int]
    digest: str = ""
    size: int = 0
    user: str = ""


#: What manylinux wheels of today's numpy and onnxruntime ask for: assumed where no engine can tell.
ASSUMED_GLIBC = (2, 28)

_PROBE = (
    "import json, os, platform, sys\n"
    "names = os.confstr_names\n"
    "try: libc = os.confstr('CS_GNU_LIBC_VERSION') if 'CS_GNU_LIBC_VERSION' in names else None\n"
    "except (OSError, ValueError): libc = None\n"
    "print(json.dumps({'python': '%d.%d' % sys.version_info[:2], 'machine': platform.machine(), 'libc': libc or ''}))\n"
)
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OTHER_BASE = "--set base=python:3.12-slim"


def ask(client: DockerClient, name: str, python: str | None = None) -> Base:
    """Run the Python of image ``name`` and take its word; the image is pulled where the engine does not have it.

    Raises BaseImageMissingError when the image cannot be had, BuildError when it has no Python or no glibc, or its
    Python is not ``python``.
    """
    image = _fetch(client, name)
    command, facts = _probe(client, name)
    if python and facts["python"] != python:
        message = f"base image '{name}' has Python {facts['python']}, not {python}"
        raise BuildError(message, f"--set python={facts['python']}, or leave the option out")
    digests = image.attrs.get("RepoDigests") or [image.id]
    return Base(
        name,
        facts["python"],
        command,
        facts["machine"],
        glibc(name, facts["libc"]),
        str(digests[0]).rpartition("@")[2],
        int(image.attrs["Size"]),
    )


def guess(name: str, python: str | None = None) -> Base:
    """Read the Python of image ``name`` from its tag, or take ``python``; the machine is this one.

    Raises UsageError when neither tells.
    """
    last, tag = split(name)
    if "alpine" in tag:
        glibc(name, "")
    match = re.match(r"(\d+\.\d+)(?![\d])", tag) if "python" in last else None
    version = python or (match[1] if match else None)
    if version is None:
        message = f"no engine runs, and the name '{name}' does not tell which Python the base image has"
        raise UsageError(message, "--set python=3.12")
    machine = platform.machine().lower()
    return Base(name, version, "python3", _MACHINES.get(machine, machine), ASSUMED_GLIBC)


def _fetch(client: DockerClient, name: str) -> Image:
    with plain_errors(f"to look for base image '{name}'"):
        try:
            return client.images.get(name)
        except ImageNotFound:
            pass
        try:
            return client.images.pull(name if ":" in name.rpartition("/")[2] else f"{name}:latest")
        except APIError as error:
            raise _not_pulled(name, error) from error


def _not_pulled(name: str, error: APIError) -> MlshipError:
    words = " ".join(str(error.explanation or error).split())
    missing = isinstance(error, NotFound) or re.search("not found|denied|does not exist|manifest unknown", words)
    what = "does not exist, or needs docker login" if missing else "is not on the engine and cannot be pulled"
    hint = "take one that is there: docker images, --set base=NAME"
    return disk_full(words) or BaseImageMissingError(f"base image '{name}' {what}: {words}", hint)


def _probe(client: DockerClient, name: str) -> tuple[str, dict[str, str]]:
    """Return how the Python of the image is called, and what it says of itself."""
    for command in ("python3", "python"):
        with plain_errors(f"to run '{command}' of base image '{name}'"):
            printed = _run(client, name, command)
        if printed is None:
            continue
        try:
            facts: dict[str, str] = json.loads(printed)
        except ValueError as error:
            message = f"'{command}' of base image '{name}' does not work: {printed.strip()[-300:] or 'no answer'}"
            raise BuildError(message, _OTHER_BASE) from error
        return command, facts
    raise BuildError(f"base image '{name}' has no 'python3' and no 'python' on its PATH", _OTHER_BASE)


def _run(client: DockerClient, name: str, command: str) -> str | None:
    """Return what the probe prints, or None where the image has no such command."""
    created = client.containers.create(name, ["-c", _PROBE], entrypoint=[command], network_mode="none")
    with removed(created) as container:
        try:
            container.start()
        except APIError as error:
            if re.search("executable file not found|no such file|not found in", str(error.explanation)):
                return None
            raise
        container.wait()
        return bytes(container.logs()).decode(errors="replace")


def glibc(name: str, libc: str) -> tuple[int, int]:
    """Return the version in "glibc 2.36", which image ``name`` has; raises BuildError when it has another library."""
    match = re.fullmatch(r"glibc (\d+)\.(\d+).*", libc)
    if match is None:
        message = f"base image '{name}' has no glibc, and ONNX Runtime has no wheels for another C library"
        raise BuildError(message, _OTHER_BASE)
    return int(match[1]), int(match[2])
