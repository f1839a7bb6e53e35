"""What both builders do: plan an image, check the service where no image can be started, and say what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.artifacts import digest, write_atomic
from mlship.errors import GateError, MissingDependencyError
from mlship.images import base as bases
from mlship.images import context as contexts
from mlship.images import names, parts, planning, sbom
from mlship.images.base import Base
from mlship.images.files import archives
from mlship.images.libraries import requirements, slimming, wheels
from mlship.images.names import is_path
from mlship.images.options import Options
from mlship.images.plan import LeftOut, Plan, Platform
from mlship.images.planning import Subject, Unpacked
from mlship.images.proofs import gates
from mlship.images.proofs.proof import Expected, Limits, Proof
from mlship.parity import tolerance_of
from mlship.replay import left_out, replay
from mlship.serving import running
from mlship.stages import Outcome, Progress

#: What of the user's files is named in labels by its hash.
_SOURCES = {"original": "io.mlship.source.sha256", "sample": "io.mlship.data.sha256"}


@dataclass(frozen=True)
class Work:
    """What one run is about."""

    subject: Subject
    expected: Expected
    out: Path
    progress: Progress


class Builder(Options):
    """Plans an image of a service, and says what came of it."""

    uses = tuple(_SOURCES)
    writes = ("context", "layout", "plan", "image")

    def work(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Work:
        """Read what the stages before have left."""
        service, signature = inputs["service"], signatures.read(inputs["signature"])
        sources = {label: digest(inputs[kind]) for kind, label in _SOURCES.items() if kind in inputs}
        tag = self.tag or names.default_tag(signature.model, digest(parts.model_file(service)))
        subject = Subject(service, signature, tag, self.port, self.revision, self.source, self.created, sources)
        expected = Expected(golden_set.read(inputs["golden"]), signature, tolerance_of(signature))
        return Work(subject, expected, out, progress)

    @property
    def limits(self) -> Limits:
        """Return what the container gets that checks the image."""
        return Limits(self.memory, self.port)

    def plan(self, work: Work, base: Base, platform: Platform, folder: Path) -> Plan:
        """Put the parts of the image into ``folder``; return their plan, which is written down beside the image."""
        libraries = self.libraries_of(work, base, folder / parts.DEPENDENCIES)
        parts.copy(work.subject.service, folder)
        return self.planned(work, base, platform, libraries, folder)

    def libraries_of(self, work: Work, base: Base, folder: Path) -> Unpacked:
        """Lock and unpack the libraries of the service in ``folder``, without what serving does not need."""
        work.progress(f"libraries for Python {base.python} on {base.machine}")
        lock = self.lock(work, base)
        return Unpacked(folder, lock, self.unpack(work, lock, base, folder))

    def lock(self, work: Work, base: Base) -> tuple[str, ...]:
        """Return the requirements of the service, resolved for ``base``, with hashes."""
        return wheels.lock(work.subject.service / "requirements.txt", base, self._wheels)

    def unpack(
        self, work: Work, lock: tuple[str, ...], base: Base, folder: Path, *, link: bool = False
    ) -> tuple[LeftOut, ...]:
        """Unpack what ``lock`` names in ``folder``; return what was left out, as serving does not need it.

        With ``link`` no file in ``folder`` may be changed, only removed: uv's cache has it too.
        """
        written = work.subject.service / "requirements.txt"
        options = () if self.wheels else requirements.places(written)
        wheels.unpack(lock, base, folder, self._wheels, options, link=link)
        return slimming.slim(folder, written)

    @property
    def _wheels(self) -> Path | None:
        return Path(self.wheels).expanduser() if self.wheels else None

    def planned(self, work: Work, base: Base, platform: Platform, libraries: Unpacked, folder: Path) -> Plan:
        """Return the plan of what lies in ``folder``, and write it, its lock and its bill of materials down."""
        plan = planning.plan(work.subject, base, platform, libraries, folder)
        beside = self.beside(work, platform)
        write_atomic(beside / "plan.json", (json.dumps(plan.to_json(), indent=2) + "\n").encode())
        write_atomic(beside / "requirements.lock", "".join(f"{line}\n" for line in plan.lock).encode())
        model = plan.labels["io.mlship.model.sha256"]
        write_atomic(
            beside / "sbom.cdx.json",
            sbom.bill(plan, libraries.folder, model, self.created),
        )
        return plan

    @staticmethod
    def beside(work: Work, platform: Platform) -> Path:
        """Return the folder for what is told of the image for ``platform``."""
        return work.out / "plan" / str(platform).replace("/", "-")

    def write_context(self, work: Work, base: Base, platform: Platform) -> None:
        """Write the folder that an engine builds the image from."""
        context = work.out / "context"
        contexts.write(self.plan(work, base, platform, context), context, self.created)

    def without_image(self, work: Work, error: MissingDependencyError) -> Outcome:
        """Leave a build context behind where no image can be built, and check the service as a process."""
        found = bases.guess(self.base, self.python)
        platform = self.platforms(Platform.of(found.machine))[0]
        self.write_context(work, replace(found, machine=platform.machine), platform)
        work.progress("no image can be built: checking the service as a local process")
        facts = {
            "built": False,
            "given": self.given(),
            "reason": error.message,
            "hint": error.hint,
            **self.checked(work),
        }
        note = f"no image was built: {error.message}. The build context is complete; the service was checked instead"
        said = f"build context, but no image; {facts['sentence']}"
        return outcome(work, said, facts, {"context": "context"}, note)

    @staticmethod
    def checked(work: Work) -> dict[str, Any]:
        """Replay the golden set against the service as a process; raises GateError where its answers differ."""
        expected = work.expected
        with running(work.subject.service) as process:
            verdict = replay(process.url, expected.golden, expected.signature, expected.tolerance)
        if not verdict.passed:
            message = f"the service does not answer as the model does: {verdict.sentence()}"
            raise GateError(message, "if service/ has edits of yours, compare it with .mlship/scaffold/service")
        return {"parity": verdict.to_json(), "sentence": verdict.sentence() + left_out(expected.golden)}

    def require(self, work: Work, facts: Mapping[str, Any]) -> None:
        """Raise GateError where the image costs more than it may; what it costs is written down before."""
        if error := gates.check(facts, self.max_size, self.max_cold_start, self.max_rss):
            _write(work, facts)
            raise error

    def given(self) -> dict[str, str]:
        """Return what tells whether the files that options name have changed: their fingerprint does not."""
        files: dict[str, str] = {}
        base, folder = Path(self.base).expanduser(), self._wheels
        if is_path(self.base) and base.exists():
            files["base"] = archives.identity(base)
        if folder is not None and folder.is_dir():
            listed = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
            files["wheels"] = sha256(json.dumps(listed).encode()).hexdigest()
        return files


def proved(work: Work, proof: Proof) -> dict[str, Any]:
    """Return what is told of an image that was started."""
    return {**proof.to_json(), "sentence": proof.verdict.sentence() + left_out(work.expected.golden)}


def costs(facts: Mapping[str, Any]) -> str:
    """Say in a few words what an image costs."""
    said = f"{facts['size'] / 1e6:.0f} MB ({facts['size_over_base'] / 1e6:.0f} over its base)"
    if "cold_start_seconds" in facts:
        said += f", ready in {facts['cold_start_seconds']:.1f} s, {facts['rss_bytes'] / 1e6:.0f} MB of memory"
    return said


def outcome(work: Work, summary: str, facts: Mapping[str, Any], artifacts: Mapping[str, str], *notes: str) -> Outcome:
    """Write image.json, and return what the stage leaves behind."""
    _write(work, facts)
    return Outcome({**artifacts, "plan": "plan", "image": "image.json"}, summary, facts, notes)


def _write(work: Work, facts: Mapping[str, Any]) -> None:
    write_atomic(work.out / "image.json", (json.dumps(facts, indent=2) + "\n").encode())
