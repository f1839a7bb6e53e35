"""What is the same in all files for a Kubernetes cluster: what a pod is given, and how it ends."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from mlship import formats
from mlship.errors import UsageError
from mlship.stages import Checked
from mlship.targets import heads, references
from mlship.targets.canary import Canary
from mlship.targets.checks import programs
from mlship.targets.known import Known
from mlship.targets.options import DeployTarget

#: What the public may ask; /metrics, which needs no key, is for the cluster alone.
PUBLIC = ("/predict", "/v2", "/info", "/openapi.json")

#: Where the secret with the API keys is mounted.
API_KEYS = "/run/secrets/api-keys/API_KEYS"

# Seconds: how long balancers take to hear that a pod goes, and how much more than it needs a pod has for its end.
_PAUSE, _SPARE = 5, 6
# What the service waits after SIGTERM, as its image sets it.
_END = {"DRAIN_SECONDS": "3", "GRACE_SECONDS": "6"}
_LEAST_PROCESSOR = 0.1
_REGISTRY = "registry.example"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # within a pod


def _check_name(text: str) -> str:
    """Return a DNS subdomain (RFC 1123), of which hosts and most objects have their names."""
    label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*", text):
        raise UsageError(f"'{text}' is not a name in a cluster", "small letters, digits, dashes and dots")
    return text


def _check_namespace(text: str) -> str:
    # eight letters are left for -staging
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,53}[a-z0-9])?", text):
        raise UsageError(f"'{text}' cannot be the name of a namespace", "small letters, digits and dashes, 55 at most")
    return text


#: A DNS subdomain.
Name = Annotated[str, AfterValidator(_check_name)]
#: A DNS label.
Namespace = Annotated[str, AfterValidator(_check_namespace)]


class ClusterTarget(DeployTarget, Canary):
    """The options of targets whose service is reached through the cluster's own gateways, and scaled by it."""

    max_replicas: int | None = Field(None, ge=1, description="how far the autoscaler goes; ten times replicas")
    host: Name | None = Field(None, description="name that clients ask for; NAME.example.com")
    route: Literal["ingress", "gateway"] | None = Field(
        None, description="how requests come in: an Ingress, or the Gateway API, which a canary needs"
    )
    ingress_class: Name | None = Field(None, description="class of the Ingress; the default one of the cluster")
    tls_secret: Name | None = Field(None, description="name of the secret with the certificate of the Ingress")
    gateway_ref: str = Field(
        "gateway",
        pattern="^([a-z0-9-]+/)?[a-z0-9.-]+$",
        description="the Gateway of the cluster: NAME, or NAMESPACE/NAME",
    )
    callers: list[Namespace] = Field(
        [], description="namespaces whose pods may ask, those of gateways and Prometheus; all of the cluster"
    )
    pull_secret: Name | None = Field(None, description="name of the secret with which images are pulled")
    monitoring: bool = Field(default=False, description="use the ServiceMonitor, of the Prometheus operator")
    rate_metric: str | None = Field(None, description="metric of pods with requests a second, to scale by it too")

    def values(self, facts: Known, following: str) -> dict[str, Any]:
        """Return what the templates are filled with; ``following`` is what to type next.

        Raises UsageError where options do not go together.
        """
        if self.canary_image and self.route == "ingress":
            raise UsageError("an Ingress has no weights, which canary_image needs", "--set route=gateway")
        self.refuse_same(facts.image)
        namespace, _, gateway = self.gateway_ref.rpartition("/")
        return {
            **values(self, facts, following),
            "max_replicas": most(self.replicas, self.max_replicas),
            "host": self.host or f"{self.called(facts)}.example.com",
            "route": self.route or ("gateway" if self.canary_image else "ingress"),
            "ingress_class": self.ingress_class,
            "tls_secret": self.tls_secret,
            "gateway_name": gateway,
            "gateway_namespace": namespace,
            "callers": self.callers,
            "pull_secret": self.pull_secret,
            "monitoring": self.monitoring,
            "rate_metric": self.rate_metric,
            "canary": self.canary,
            "canary_image": self.canary_image,
            "canary_replicas": self.canary_replicas(self.replicas),
            "canary_reference": references.parse(self.canary_image) if self.canary_image else None,
        }

    def notes(self, facts: Known) -> tuple[str, ...]:
        """Say what the files take for granted, and a cluster will not."""
        found = unpushed(facts.image, self.canary_image)
        if not self.host:
            found.append(f"requests come in for {self.called(facts)}.example.com: --set host=NAME names yours")
        if not self.api_keys_secret:
            found.append("no API keys: whoever reaches the gateway may ask (--set api_keys_secret=NAME)")
        return tuple(found)


def most(replicas: int, max_replicas: int | None) -> int:
    """Return how far an autoscaler goes; raises UsageError where that is less than it begins with."""
    if max_replicas is not None and max_replicas < replicas:
        message = f"max_replicas={max_replicas} is less than replicas={replicas}"
        raise UsageError(message, f"--set max_replicas={replicas * 10}")
    return max_replicas or replicas * 10


def unpushed(image: str, canary_image: str | None) -> list[str]:
    """Return the notes that images have to be pushed, where their names tell no registry."""
    found = heads.unpushed(image, _REGISTRY)
    if canary_image and not heads.registry(canary_image):
        where = "push it to one that the platform pulls from"
        found.append(f"'{canary_image}' tells no registry: {where}, and --canary-image {_REGISTRY}/{canary_image}")
    return found


def values(target: DeployTarget, facts: Known, following: str) -> dict[str, Any]:
    """Return what templates of a cluster are filled with; ``following`` is what to type next.

    Raises UsageError for an image or a setting that cannot be meant.
    """
    environment = {**_END, **target.env, **({"API_KEYS_FILE": API_KEYS} if target.api_keys_secret else {})}
    if target.api_keys_secret:
        _check_name(target.api_keys_secret)
    if environment.get("PORT", str(facts.port)) != str(facts.port):
        raise UsageError(f"PORT={environment['PORT']}: the image listens at {facts.port}", "leave PORT out")
    if environment.get("HOST", _EVERYWHERE[0]) not in _EVERYWHERE:
        raise UsageError(f"HOST={environment['HOST']!r}: the cluster could not reach the service", "leave HOST out")
    workers = _workers(environment)
    reference = references.parse(facts.image)
    reference = replace(reference, digest=reference.digest or facts.digest)
    busy = max(_LEAST_PROCESSOR, facts.cores * 0.6) * workers
    return {
        "name": target.called(facts),
        "image": facts.image,
        "reference": reference,
        "version": facts.version,
        "next": following,
        "assumed": facts.assumptions,
        "port": facts.port,
        "grpc_port": _port(environment, "GRPC_PORT"),
        "replicas": target.replicas,
        "api_keys_secret": target.api_keys_secret,
        "environment": dict(sorted(environment.items())),
        "calls_out": any(name.startswith("OTEL_") for name in environment),
        "public": PUBLIC,
        "cold_start": formats.seconds(facts.cold_start),
        "cold_start_measured": "cold_start" in facts.measured,
        "startup_seconds": facts.startup_seconds,
        "rate": formats.number(facts.rate * workers),
        "target_rate": facts.target_rate * workers,
        "cpu_request": f"{math.ceil(busy * 100) * 10}m",
        "cpu_limit": str(max(1, math.ceil(facts.cores * workers))),
        "memory_request": f"{facts.memory_request * workers}Mi",
        "memory_limit": f"{facts.memory_limit * workers}Mi",
        "pause_seconds": _PAUSE,
        "spare_seconds": _SPARE,
        "termination_seconds": _PAUSE + math.ceil(sum(_seconds(environment, name) for name in _END)) + _SPARE,
    }


def validated(files: Mapping[str, Path]) -> Checked:
    """Hold manifests (path by the name that it is told by) against the schemas of Kubernetes, where they are there."""
    if not programs.is_there("kubernetes_validate"):
        return programs.absent("kubernetes-validate")
    from mlship.targets.checks import manifests  # here: it imports packages that need not be installed

    return manifests.check(files)


def _workers(environment: Mapping[str, str]) -> int:
    """Return how many times a pod needs what was measured, which was with one worker.

    "auto", which the image has, starts as many as the limits of the pod hold: they are those of one.
    """
    text = environment.get("WORKERS", "auto")
    if text == "auto":
        return 1
    if not re.fullmatch(r"[1-9]\d{0,3}", text, re.ASCII):
        raise UsageError(f"WORKERS={text!r} is neither a number of workers nor auto", "--set env.WORKERS=2")
    return int(text)


def _port(environment: Mapping[str, str], name: str) -> int:
    """Return the port that a setting names; 0: none."""
    text = environment.get(name) or "0"
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) > 65535:
        raise UsageError(f"{name}={text!r} is not a port", f"--set env.{name}=8001")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str) -> float:
    text = environment[name]
    if not re.fullmatch(r"\d{1,4}(\.\d{1,9})?", text, re.ASCII):
        raise UsageError(f"{name}={text!r} is not a number of seconds", f"--set env.{name}=5")
    return float(text)
