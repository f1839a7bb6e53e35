"""The ``docker`` image builder: a build context, an image made of it by the engine, and the proof that it answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import ImageNotFound

from mlship.errors import BaseImageMissingError, BuildError, EngineMissingError, UsageError
from mlship.images import base as bases
from mlship.images import pushing
from mlship.images.base import Base
from mlship.images.build import build, discard
from mlship.images.builder import Builder, Work, costs, outcome, proved
from mlship.images.engine import address, connect, plain_errors
from mlship.images.names import is_path
from mlship.images.plan import Platform
from mlship.images.proofs.proof import prove
from mlship.stages import Outcome, Progress


class DockerBuilder(Builder):
    """Build with a Docker-compatible engine (DOCKER_HOST, else the usual socket), then start the image and check it.

    Without an engine the build context is complete all the same, and the service is checked as a local process.
    """

    libraries = ("docker", "uv", "cyclonedx-python-lib")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write context/, plan/ and image.json below ``out``.

        Raises BuildError when the image cannot be built or does not start, GateError when it answers otherwise than
        the model, or costs more than it may. A missing engine is no error here: facts["built"] tells.
        """
        if is_path(self.base):
            raise UsageError(f"an engine builds on an image that it has, not on '{self.base}'", "--builder oci")
        work = self.work(inputs, out, progress)
        try:
            client = connect()
        except EngineMissingError as error:
            return self.without_image(work, error)
        try:
            progress(f"base image {self.base}")
            base = bases.ask(client, self.base, self.python)
            self.write_context(work, base, self._own(base))
            return self._build(work, client, base)
        except BaseImageMissingError as error:
            if self.require_base:
                raise
            return self.without_image(work, error)
        finally:
            client.close()

    def intact(self, outputs: Mapping[str, Path]) -> bool:
        """Say whether the engine still has the image under its name, or there is nothing to build it with."""
        try:
            image = json.loads(outputs["image"].read_bytes())
        except (OSError, ValueError):
            return False
        try:
            client = connect()
        except EngineMissingError:
            return not image.get("built")
        try:
            with plain_errors("to look for the image"):
                if not image.get("built"):
                    return not self.require_base and not _has(client, self.base)
                return image.get("given") == self.given() and all(
                    client.images.get(tag).id == image["id"] for tag in image["tags"]
                )
        except (BuildError, EngineMissingError):
            return False
        finally:
            client.close()

    def export(self, outputs: Mapping[str, Path], target: Path, progress: Progress) -> None:
        """Write the image to a file, as docker save does."""
        if target.suffix != ".tar":
            raise UsageError(f"an engine writes an image to a .tar file, not to '{target}'", "--builder oci")
        progress(f"writing {target}")
        with _engine() as client:
            pushing.save(client, pushing.tag_of(json.loads(outputs["image"].read_bytes())), target)

    def push(self, outputs: Mapping[str, Path], progress: Progress) -> dict[str, Any]:
        """Have the engine push the image."""
        with _engine() as client:
            return pushing.push(client, pushing.tag_of(json.loads(outputs["image"].read_bytes())), progress)

    @staticmethod
    def fits(platforms: Sequence[str], base: str) -> bool:
        """Say whether an engine of this machine could build an image for ``platforms`` on ``base``."""
        return not is_path(base) and {*platforms} <= {str(Platform.own())}

    @staticmethod
    def engine() -> str:
        """Name the engine that answers, its version and address; "" when none does."""
        try:
            client = connect()
        except EngineMissingError:
            return ""
        try:
            with plain_errors("to tell its version"):
                told = client.version()
        finally:
            client.close()
        name = (told.get("Platform") or {}).get("Name") or "Docker"
        return f"{name} {told.get('Version', '')} at {address()}"

    def _own(self, base: Base) -> Platform:
        """Return the platform of the base; raises UsageError where another one is asked for."""
        own = Platform.of(base.machine)
        if self.platforms(own) != (own,):
            asked = ",".join(self.platform)
            raise UsageError(f"the engine builds for {own}, and {asked} is asked for", "--builder oci builds for both")
        return own

    def _build(self, work: Work, client: DockerClient, base: Base) -> Outcome:
        image = build(client, work.out / "context", work.progress)
        tag, size = work.subject.tag, int(image.attrs["Size"])
        try:
            work.progress("starting the image and replaying the golden set")
            proof = prove(client, str(image.id), work.expected, self.limits)
            facts = {
                "built": True,
                "builder": "docker",
                "checked": "image",
                "port": self.port,
                "given": self.given(),
                "id": image.id,
                "tags": [tag],
                "platforms": [str(Platform.of(base.machine))],
                "size": size,
                "size_over_base": size - base.size,
                **proved(work, proof),
                "base": base.name,
                "base_digest": base.digest,
                "python": base.python,
            }
            self.require(work, facts)
            with plain_errors(f"to name the image '{tag}'"):
                image.tag(*tag.rsplit(":", 1))
        except BaseException:
            discard(client, [str(image.id)])
            raise
        summary = f"{tag}: {costs(facts)}; {facts['sentence']}"
        return outcome(work, summary, facts, {"context": "context"}, *proof.notes())


@contextmanager
def _engine() -> Iterator[DockerClient]:
    client = connect()
    try:
        yield client
    finally:
        client.close()


def _has(client: DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True
