"""Build a context on the engine: log lines as they come, the image's id at the end, nothing else left behind."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import DockerException
from docker.models.images import Image

from mlship.errors import BuildError, MlshipError
from mlship.images.engine import disk_full, is_orphan, owner, plain_errors
from mlship.stages import Progress

#: On the layers of the first stage: who builds it. The name stands in Dockerfile.j2.
LABEL = "io.mlship.build"
_TAIL, _WIDTH = 15, 100
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_CHATTER = re.compile(r" ---> Running in|Removing intermediate container| ---> Using cache")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # the engine paints what a step writes to stderr
_MADE = re.compile(r"^(?: ---> |Successfully built |sha256:)([0-9a-f]{12,64})\s*$")
_HINTS = (
    ("No matching distribution found|THESE PACKAGES DO NOT MATCH", "check requirements.lock against wheels/"),
    ("exec format error", "take a base image of this machine's kind: --set base=IMAGE"),
)
#: What an engine says when the first steps of a build, which others share, are removed together with another build.
_DISTURBED, _ATTEMPTS = "failed to get digest sha256|No such image: sha256|unknown parent image ID", 3
_OTHERWISE = "change what fails there: requirements.txt of the service, or the base: --set base=IMAGE"


def build(client: DockerClient, context: Path, progress: Progress) -> Image:
    """Build ``context`` and return the image, which has no tag yet.

    Raises BuildError with the last lines of the log when a step fails.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _build(client, context, progress)
        except BuildError as error:
            if not re.search(_DISTURBED, error.message):
                raise
            progress("another build removed a layer that both use: building again")
    return _build(client, context, progress)


def _build(client: DockerClient, context: Path, progress: Progress) -> Image:
    lines: list[str] = []
    made: list[str] = []
    kept = ""
    _remove_orphans(client)
    try:
        with plain_errors("to build the image"):
            # the name of this process makes the first stage its own: no other build is disturbed when that is removed
            answers = client.api.build(
                path=str(context), rm=True, forcerm=True, decode=True, buildargs={"MLSHIP_BUILD": owner()}
            )
            for answer in answers:
                _follow(answer, lines, made, progress)
        if not made:
            raise BuildError("the container engine built no image" + _tail(lines), "docker info")
        kept = made[-1]
        with plain_errors("to find the image that it built"):
            return client.images.get(kept)
    finally:
        discard(client, made, kept)


def discard(client: DockerClient, made: Sequence[str], kept: str = "") -> None:
    """Remove those of ``made`` that carry no name and that nothing else is built on, except ``kept``."""
    for identity in reversed(dict.fromkeys(made)):
        with suppress(DockerException, OSError):  # gone with its child, needed by another image, or no engine any more
            image = client.images.get(identity)
            found = str(image.id)
            named = image.tags or image.attrs.get("RepoDigests")
            if not named and not (kept and found.removeprefix("sha256:").startswith(kept.removeprefix("sha256:"))):
                client.images.remove(found)


def _remove_orphans(client: DockerClient) -> None:
    """Remove the first stage of builds of this host whose process was killed."""
    with plain_errors("to list images"):
        # what the engine lists, and no more: another build may remove one of them before it is looked at
        left = client.api.images(filters={"dangling": True, "label": LABEL})
    discard(client, [str(told["Id"]) for told in left if is_orphan(told["Labels"][LABEL])])


def _follow(answer: Mapping[str, Any], lines: list[str], made: list[str], progress: Progress) -> None:
    if "error" in answer:
        raise _failed(str(answer["error"]).strip(), lines)
    if identity := str((answer.get("aux") or {}).get("ID", "")):
        made.append(identity.removeprefix("sha256:"))
    for line in _COLOUR.sub("", str(answer.get("stream", ""))).splitlines():
        if match := _MADE.match(line):
            made.append(match[1])
        elif line.strip() and not _CHATTER.match(line):
            lines.append(" ".join(line.split()))
            step = _STEP.match(line)
            progress(lines[-1][:_WIDTH], (int(step[1]) - 1) / int(step[2]) if step else None)


def _failed(words: str, lines: Sequence[str]) -> MlshipError:
    text = "\n".join([*lines, words])
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, text)), _OTHERWISE)
    return disk_full(words) or BuildError(f"the image could not be built: {words}{_tail(lines)}", hint)


def _tail(lines: Sequence[str]) -> str:
    return "".join(f"\n  | {line}" for line in lines[-_TAIL:])
