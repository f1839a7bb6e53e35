"""What the workspace knows of an image that is to be deployed: its name, what it needs, what it was measured to do."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlship import signature as signatures
from mlship.errors import UsageError
from mlship.reports import reading
from mlship.signature import Signature
from mlship.targets import references
from mlship.targets.references import Reference

_MEBI = 2**20

#: What is assumed where nothing was measured: seconds, bytes, requests a second.
COLD_START, MEMORY, RATE = 10.0, 256 * _MEBI, 100.0
#: Processors that a replica keeps busy while it answers as many requests as it can, where that was not measured.
CORES = 1.0


@dataclass(frozen=True)
class Known:
    """An image and its service. ``image`` is what platforms pull, ``version`` that of the model.

    ``cold_start``: seconds from start to ready; ``memory``: bytes in use under load; ``rate``: requests a second that
    one replica answers, with ``cores`` processors busy. ``measured`` says which of these the workspace has measured;
    the others are assumptions. ``peak``: bytes in use with the largest requests, ``is_short`` where these took all that
    there was. ``digest``: by which the registry in the name of the image knows it, or "".
    """

    image: str
    version: str
    port: int
    signature: Signature
    cold_start: float
    memory: int
    rate: float
    measured: frozenset[str]
    platforms: tuple[str, ...]
    cores: float = CORES
    digest: str = ""
    peak: int = 0
    is_short: bool = False

    @property
    def memory_request(self) -> int:
        """Return the MiB to reserve for a replica: what it uses, and a quarter, in steps of 16."""
        return _steps(self.memory * 1.25 / _MEBI, 16)

    @property
    def memory_limit(self) -> int:
        """Return the MiB that a replica may take, in steps of 64: twice what it uses, or a tenth over its peak."""
        return _steps(max(self.memory * 2, self.peak * 1.1) / _MEBI, 64)

    @property
    def startup_seconds(self) -> int:
        """Return how long a replica may take to get ready: ten times what it took here, at least 30 s."""
        return max(30, math.ceil(self.cold_start * 10))

    @property
    def target_rate(self) -> int:
        """Return the requests a second at which a replica is busy enough for another: 60 % of what it answers."""
        return max(1, math.floor(self.rate * 0.6))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Say what was not measured, for the head of a file."""
        told = {
            "cold_start": f"a cold start of {self.cold_start:g} s",
            "memory": f"{self.memory // _MEBI} MiB of memory",
            "rate": f"{self.rate:g} requests a second for a replica",
        }
        return tuple(sentence for name, sentence in told.items() if name not in self.measured)


def read(inputs: Mapping[str, Path], image: str | None = None) -> Known:
    """Read image.json, the signature and the report, where there is one.

    ``image`` is another name for it, such as that in a registry. Raises UsageError where no image was built.
    """
    built = json.loads(inputs["image"].read_bytes())
    if not built.get("built"):
        raise UsageError("deploy: the workspace has a build context, but no image", "mlship build -t NAME:1")
    signature = signatures.read(inputs["signature"])
    found: dict[str, float] = {}
    if "cold_start_seconds" in built:
        found["cold_start"] = float(built["cold_start_seconds"])
    if built.get("rss_bytes"):
        found["memory"] = float(built["rss_bytes"])
    if "report" in inputs:
        found |= _measured(inputs["report"])
    name = image or str(built["tags"][0])
    reference = references.parse(name)
    return Known(
        image=name,
        version=reference.tag,
        port=int(built.get("port", 8000)),
        signature=signature,
        cold_start=found.get("cold_start", COLD_START),
        memory=int(found.get("memory", MEMORY)),
        rate=found.get("rate", RATE),
        measured=frozenset(found),
        platforms=tuple(built.get("platforms", ())),
        cores=found.get("cores", CORES),
        digest=reference.digest or _digest(reference, built),
        peak=int(built.get("peak_bytes") or 0),
        is_short=bool((built.get("at_the_limit") or {}).get("oom_killed")),
    )


def label(text: str) -> str:
    """Return ``text`` as a DNS label (RFC 1123), of which platforms make names; raises UsageError where it is none."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,46}[a-z0-9])?", text):
        hint = f"--name {re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')[:48] or 'model'}"
        raise UsageError(f"'{text}' cannot be the name of a service: small letters, digits and dashes", hint)
    return text


def default_name(image: str) -> str:
    """Return the name of a service made from that of its image: team/Iris_2:1 becomes iris-2."""
    last = image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    word = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:48].strip("-")
    return word if word[:1].isalpha() else f"model-{word}".strip("-")


def told(known: Known) -> dict[str, Any]:
    """Return what is told of the image in the facts of a deployment."""
    return {"image": known.image, "version": known.version, "assumed": list(known.assumptions)}


def _digest(reference: Reference, built: Mapping[str, Any]) -> str:
    """Return the digest that a registry gives the image that was built, where that is the one which is named.

    It is known before the image is there of those that were made without an engine.
    """
    is_it = reference.registry and _name(reference) in {_name(references.parse(tag)) for tag in built["tags"]}
    return str(built.get("digest", "")) if is_it else ""


def _name(reference: Reference) -> tuple[str, str]:
    """Return what tells one image from another."""
    return reference.repository, reference.tag


def _measured(report: Path) -> dict[str, float]:
    """Return what the benchmark found of the service with 64 connections, or with the most that there were."""
    loads: dict[str, float] = {}
    memory: list[float] = []
    seconds: dict[str, float] = {}  # of a processor, for a request
    for each in reading.read(report).measurements:
        if each.of == "service" and each.metric == "throughput" and re.fullmatch(r"c\d+", each.load):
            loads[each.load] = each.value
        if each.of == "service" and each.metric == "rss":
            memory.append(each.value)
        if each.of == "service" and each.metric == "cpu":
            seconds[each.load] = each.value
    found: dict[str, float] = {}
    if loads:
        most = "c64" if "c64" in loads else max(loads, key=loads.__getitem__)
        found["rate"] = loads[most]
        if most in seconds:
            # a client on the same machine takes what the service would: a process of it fills a processor by itself
            found["cores"] = max(CORES, loads[most] * seconds[most])
    if memory:
        found["memory"] = max(memory)
    return found


def _steps(value: float, step: int) -> int:
    return math.ceil(value / step) * step
