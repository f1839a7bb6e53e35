"""The ``oci`` image builder: layers put together without an engine and without root, for any platform."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from mlship.errors import BaseImageMissingError, BuildError, EngineMissingError, MlshipError
from mlship.images import loading, parts, planning
from mlship.images.base import Base
from mlship.images.builder import Builder, Work, costs, outcome, proved
from mlship.images.engine import connect, plain_errors
from mlship.images.files import archives, layers, reading
from mlship.images.files.assembling import assemble, attach
from mlship.images.files.blobs import Assembled, Attached, Blob, Image
from mlship.images.files.stored import Stored
from mlship.images.libraries import bytecode, stock
from mlship.images.libraries.stock import Stocked
from mlship.images.names import is_path
from mlship.images.plan import SERVICE, Plan, Platform
from mlship.images.proofs.proof import prove
from mlship.images.pushing import told
from mlship.images.registries.registry import Registry
from mlship.stages import Outcome, Progress

_NO_BYTE_CODE = "no Python {python} is on this machine: the image has no byte code, and starts the slower for it"


@dataclass(frozen=True)
class _Made:
    """The image for one platform, and what it is made of; ``own`` are the layers on top of its base,
    ``size`` bytes when unpacked.
    """

    plan: Plan
    image: Assembled
    bill: Attached
    own: Sequence[Blob]
    size: int
    compiled: str


class OciBuilder(Builder):
    """Put the image together on this machine, without an engine or root, and write it as an OCI layout.

    Where an engine runs, the image of its platform is started and checked; else the service is, as a process.
    """

    libraries = ("docker", "uv", "oras", "cyclonedx-python-lib")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write layout/, plan/ and image.json below ``out``.

        Raises BaseImageMissingError, BuildError when there is no wheel for a platform or the image does not start,
        GateError when it answers otherwise than the model, or costs more than it may.
        """
        work = self.work(inputs, out, progress)
        try:
            bases = [(platform, self._base(platform, progress)) for platform in self.platforms(Platform.own())]
        except BaseImageMissingError as error:
            if self.require_base or is_path(self.base):
                raise
            return self.without_image(work, error)
        with tempfile.TemporaryDirectory(dir=out) as parts:
            made = [self._make(work, base, platform, Path(parts) / platform.architecture) for platform, base in bases]
            stored = Stored.of([each.image for each in made], [each.bill for each in made], work.subject.tag)
            progress("writing the layout")
            stored.write_layout(out / "layout")
            return self._finish(work, made, stored.digest)

    def intact(self, outputs: Mapping[str, Path]) -> bool:
        """Say whether there is an image, started where an engine runs; or its base still cannot be had."""
        try:
            image = json.loads(outputs["image"].read_bytes())
        except (OSError, ValueError):
            return False
        if not image.get("built"):
            return not self.require_base and not self._is_there()
        return image.get("given") == self.given() and _is_proved(image)

    def _is_there(self) -> bool:
        """Say whether the base can be had now."""
        try:
            self._base(Platform.own(), lambda message, fraction=None: None)
        except MlshipError:
            return False
        return True

    def _base(self, platform: Platform, progress: Progress) -> Image:
        progress(f"base image {self.base} for {platform}")
        if is_path(self.base):
            return archives.read(Path(self.base).expanduser(), platform)
        return Registry(self.base).pull(platform, progress)

    def _make(self, work: Work, base: Image, platform: Platform, folder: Path) -> _Made:
        folder.mkdir()
        facts = reading.inspect(base)
        self._require_python(facts)
        work.progress(f"libraries for Python {facts.python} on {facts.machine}")
        with ThreadPoolExecutor(1) as beside:  # libraries wait for uv
            packing = beside.submit(self._service, work, facts, folder)
            stocked = self._libraries(work, facts)
            own = packing.result()
        plan = self.planned(work, facts, platform, stocked.unpacked, folder)
        image = assemble(plan, base, [stocked.layer, *own], self.created, folder)
        size = stocked.size + sum(layers.unpacked_size(each.source) for each in plan.layers[1:])
        written = self.beside(work, platform) / "sbom.cdx.json"
        bill = attach(image.manifest, written.read_bytes(), folder)
        return _Made(plan, image, bill, (stocked.layer, *own), size, stocked.compiled)

    def _service(self, work: Work, base: Base, folder: Path) -> list[Blob]:
        """Return the layers of the service and of its model."""
        parts.copy(work.subject.service, folder)
        if python := bytecode.find(base.python):
            bytecode.compile_folder(folder / parts.SERVICE, SERVICE, python)
        own = planning.own_layers(folder)
        return [layers.pack(each, self.created, folder / f"{each.name}.tar.gz") for each in own]

    def export(self, outputs: Mapping[str, Path], target: Path, progress: Progress) -> None:
        """Write the image to a .tar file, which docker load takes where it is for one platform; or as a folder."""
        progress(f"writing {target}")
        stored = Stored.read(outputs["layout"])
        stored.write_tar(target) if target.suffix == ".tar" else stored.write_layout(target)

    def push(self, outputs: Mapping[str, Path], progress: Progress) -> dict[str, Any]:
        """Push the image, the index of several, and the bills of materials; what is there already is not sent."""
        stored = Stored.read(outputs["layout"])
        sent = Registry(stored.name).push(stored.images, stored.index, stored.attached, progress)
        return told(stored.name, sent.digest, sent.bytes_sent, sent.blobs_sent, sent.blobs_there)

    def _libraries(self, work: Work, base: Base) -> Stocked:
        requirements = work.subject.service / "requirements.txt"
        lock = self.lock(work, base)
        return stock.libraries(
            lock,
            requirements.read_text("utf-8"),
            base,
            self.created,
            lambda folder: self.unpack(work, lock, base, folder, link=True),
        )

    def _require_python(self, base: Base) -> None:
        if self.python and base.python != self.python:
            message = f"base image '{base.name}' has Python {base.python}, not {self.python}"
            raise BuildError(message, f"--set python={base.python}, or leave the option out")

    def _finish(self, work: Work, made: Sequence[_Made], digest: str) -> Outcome:
        own = next((each for each in made if each.plan.platform == Platform.own()), None)
        tag, first = work.subject.tag, own or made[0]
        facts: dict[str, Any] = {
            "built": True,
            "builder": "oci",
            "id": digest,
            "digest": digest,
            "tags": [tag],
            "port": self.port,
            "given": self.given(),
            "platforms": [str(each.plan.platform) for each in made],
            "size": first.plan.base.size + first.size,
            "size_over_base": first.size,
            "compressed_over_base": sum(layer.size for layer in first.own),
            "base": first.plan.base.name,
            "base_digest": first.plan.base.digest,
            "python": first.plan.base.python,
            "compiled_by": first.compiled,
        }
        notes = [_NO_BYTE_CODE.format(python=each.plan.base.python) for each in made if not each.compiled]
        # a gate holds for the largest of them
        largest = max(each.plan.base.size + each.size for each in made)
        facts |= self._proved(work, own, {**facts, "size": largest}, notes)
        said = facts["sentence"] if facts["checked"] == "image" else f"not started; its service: {facts['sentence']}"
        summary = f"{tag} for {', '.join(facts['platforms'])}: {costs(facts)}; {said}"
        return outcome(work, summary, facts, {"layout": "layout"}, *dict.fromkeys(notes))

    def _proved(self, work: Work, own: _Made | None, facts: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
        """Start the image of this machine's platform and check it; where it cannot be started, check the service."""
        why = f"it is not for {Platform.own()}"
        if own is not None:
            try:
                client = connect()
            except EngineMissingError as error:
                why = error.message
            else:
                with closing(client):
                    return self._started(work, client, own, facts, notes)
        notes.append(f"the image was not started: {why}. The service was checked instead")
        found = {"checked": "service", **self.checked(work)}
        self.require(work, {**facts, **found})
        return found

    def _started(
        self, work: Work, client: DockerClient, own: _Made, facts: Mapping[str, Any], notes: list[str]
    ) -> dict[str, Any]:
        work.progress("starting the image and replaying the golden set")
        with loading.loaded(client, own.image, work.out) as image:
            proof = prove(client, str(image.id), work.expected, self.limits)
            notes += proof.notes()
            # what docker run takes, where the image was loaded
            found = {"checked": "image", "id": str(image.id), **proved(work, proof)}
            self.require(work, {**facts, **found})
            with plain_errors(f"to name the image '{work.subject.tag}'"):
                image.tag(*work.subject.tag.rsplit(":", 1))
        return found


def _is_proved(image: Mapping[str, Any]) -> bool:
    """Say whether the engine has the image that ``image`` tells of; one that cannot be started here need not be."""
    if str(Platform.own()) not in image["platforms"]:
        return True
    try:
        client = connect()
    except EngineMissingError:
        return True
    try:
        with closing(client), plain_errors("to look for the image"):
            return bool(image["checked"] == "image" and client.images.get(image["tags"][0]).id == image["id"])
    except (BuildError, EngineMissingError):
        return False
