"""The ``docker`` image builder: a build context, an image made of it by the engine, and the proof that it answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from docker import DockerClient
from docker.errors import ImageNotFound
from docker.models.images import Image
from pydantic import AfterValidator, BeforeValidator, Field

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.artifacts import digest as sha256
from mlship.artifacts import write_atomic
from mlship.errors import (
    BaseImageMissingError,
    BuildError,
    EngineMissingError,
    GateError,
    MissingDependencyError,
    UsageError,
)
from mlship.images import base as bases
from mlship.images import context as contexts
from mlship.images import names, wheels
from mlship.images.base import Base
from mlship.images.build import build, discard
from mlship.images.engine import address, connect, plain_errors
from mlship.images.proof import Expected, Limits, Proof, prove
from mlship.parity import tolerance_of
from mlship.replay import left_out, replay
from mlship.serving import running
from mlship.stages import ImageBuilder, Outcome, Progress


def _check_memory(memory: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[bkmg]", memory, re.IGNORECASE):
        raise UsageError(f"'{memory}' is not an amount of memory", "--set memory=512m")
    return memory


def _check_python(python: str) -> str:
    if not re.fullmatch(r"3\.\d+", python):
        raise UsageError(f"'{python}' is not a version of Python such as 3.12", "--set python=3.12")
    return python


def _text(value: object) -> object:
    # 3.12 and 1234567 are numbers in TOML, and what is meant here is text
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class DockerBuilder(ImageBuilder):
    """Build with a Docker-compatible engine (DOCKER_HOST, else the usual socket), then start the image and check it.

    Without an engine the build context is complete all the same, and the service is checked as a local process.
    """

    libraries = ("docker",)

    tag: Annotated[str, AfterValidator(names.check_tag)] | None = Field(
        None, description="name of the image, such as iris:1; made up from the model where it is not given"
    )
    base: Annotated[str, AfterValidator(names.check_base)] = Field(
        "python:3.12-slim", description="image to build on: Python with glibc"
    )
    require_base: bool = Field(
        default=True, description="fail when the base image cannot be had, in place of leaving it at a build context"
    )
    memory: Annotated[str, AfterValidator(_check_memory)] = Field(
        "512m", description="memory limit of the container that checks the image"
    )
    port: int = Field(8000, ge=1, le=65535, description="port that the service listens on in the container")
    wheels: str | None = Field(None, description="folder to take the wheels from, in place of the package index")
    python: Annotated[str, BeforeValidator(_text), AfterValidator(_check_python)] | None = Field(
        None, description="Python of the base, such as 3.12; needed where no engine runs and the base's tag is silent"
    )
    revision: Annotated[str, BeforeValidator(_text)] | None = Field(
        None, description="revision of the sources, for the image's labels"
    )

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write context/ and image.json below ``out``.

        Raises BuildError when the image cannot be built or does not start, GateError when it answers otherwise than
        the model. A missing engine is no error here: facts["built"] tells.
        """
        service, golden = inputs["service"], golden_set.read(inputs["golden"])
        signature = signatures.read(inputs["signature"])
        work = _Work(
            service,
            Expected(golden, signature, tolerance_of(signature)),
            out,
            progress,
        )
        try:
            client = connect()
        except EngineMissingError as error:
            self._write_context(work, bases.guess(self.base, self.python))
            return self._without_image(work, error)
        try:
            progress(f"base image {self.base}")
            base = bases.ask(client, self.base, self.python)
            self._write_context(work, base)
            return self._with_engine(work, client, base)
        except BaseImageMissingError as error:
            if self.require_base:
                raise
            self._write_context(work, bases.guess(self.base, self.python))
            return self._without_image(work, error)
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
            if not image.get("built"):
                return not self.require_base and not _has(client, self.base)
            with plain_errors("to look for the image"):
                return all(client.images.get(tag).id == image["id"] for tag in image["tags"])
        except (BuildError, EngineMissingError):
            return False
        finally:
            client.close()

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

    def _write_context(self, work: "_Work", base: Base) -> None:
        work.progress(f"wheels for Python {base.python} on {base.machine}")
        context = work.out / "context"
        folder = Path(self.wheels).expanduser() if self.wheels else None
        lock = wheels.collect(work.service / "requirements.txt", base, context / "wheels", folder)
        labels = contexts.labels(work.service, work.expected.signature, self._tag(work), base, self.revision)
        contexts.write(work.service, base, lock, {"port": self.port, "labels": labels}, context)

    def _with_engine(self, work: "_Work", client: DockerClient, base: Base) -> Outcome:
        image = build(client, work.out / "context", work.progress)
        tag = self._tag(work)
        try:
            work.progress("starting the image and replaying the golden set")
            proof = prove(client, str(image.id), work.expected, Limits(self.memory, self.port))
            with plain_errors(f"to name the image '{tag}'"):
                image.tag(*tag.rsplit(":", 1))
        except BaseException:
            discard(client, [str(image.id)])
            raise
        return _built(work, image, tag, proof, base)

    def _without_image(self, work: "_Work", error: MissingDependencyError) -> Outcome:
        work.progress("no image can be built: checking the service as a local process")
        expected = work.expected
        with running(work.service) as process:
            verdict = replay(process.url, expected.golden, expected.signature, expected.tolerance)
        if not verdict.passed:
            message = f"the service does not answer as the model does: {verdict.sentence()}"
            raise GateError(message, "if service/ has edits of yours, compare it with .mlship/scaffold/service")
        facts = {
            "built": False,
            "reason": error.message,
            "hint": error.hint,
            "parity": verdict.to_json(),
        }
        note = f"no image was built: {error.message}. The build context is complete; the service was checked instead"
        said = verdict.sentence() + left_out(expected.golden)
        return _outcome(work, f"build context, but no image; {said}", facts, note)

    def _tag(self, work: "_Work") -> str:
        model = sha256(contexts.model_file(work.service))
        return self.tag or names.default_tag(work.expected.signature.model, model)


def _has(client: DockerClient, image: str) -> bool:
    try:
        client.images.get(image)
    except ImageNotFound:
        return False
    return True


@dataclass(frozen=True)
class _Work:
    """What one run is about."""

    service: Path
    expected: Expected
    out: Path
    progress: Progress


def _built(work: _Work, image: Image, tag: str, proof: Proof, base: Base) -> Outcome:
    size = int(image.attrs["Size"])
    over, agree = size - base.size, proof.verdict.sentence() + left_out(work.expected.golden)
    facts = {
        "built": True,
        "id": image.id,
        "tags": [tag],
        "size": size,
        "size_over_base": over,
        "cold_start_seconds": round(proof.cold_start, 3),
        "rss_bytes": proof.rss,
        "parity": proof.verdict.to_json(),
        "base": base.name,
        "base_digest": base.digest,
        "python": base.python,
    }
    costs = f"{size / 1e6:.0f} MB ({over / 1e6:.0f} over its base), ready in {proof.cold_start:.1f} s"
    return _outcome(work, f"{tag}: {costs}, {proof.rss / 1e6:.0f} MB of memory; {agree}", facts)


def _outcome(work: _Work, summary: str, facts: Mapping[str, Any], *notes: str) -> Outcome:
    write_atomic(work.out / "image.json", (json.dumps(facts, indent=2) + "\n").encode())
    return Outcome({"context": "context", "image": "image.json"}, summary, facts, notes)
