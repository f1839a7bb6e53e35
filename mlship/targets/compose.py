"""The target ``compose``: copies of the service behind a gateway on one machine, with Compose or without."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from mlship import rendering
from mlship.errors import UsageError
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import known, references, stack
from mlship.targets.canary import Canary
from mlship.targets.checks import local
from mlship.targets.engine import running
from mlship.targets.gateways import tyk
from mlship.targets.gateways.programs import PROGRAMS, environment
from mlship.targets.known import Known
from mlship.targets.options import DeployTarget
from mlship.targets.stack import MOST, REST, Gateway, Stack

#: The plan that --up starts, beside compose.yaml, which says the same to Compose.
PLAN = "stack.json"

#: Seconds after which nginx gives up an address at which nothing runs.
_CONNECT = 0.25
#: Refusals of nginx itself: status, title, and what is told of it.
_REFUSALS = (
    (413, "Content Too Large", "the body is larger than the gateway takes"),
    (429, "Too Many Requests", "more requests a second than one client may send"),
    (502, "Bad Gateway", "no copy of the service answers"),
    (504, "Gateway Timeout", "no copy of the service answered in time"),
)


def _check_file(path: str) -> str:
    if not Path(path).is_absolute():
        raise UsageError(f"'{path}' has to be the absolute path of a file", f"{Path(path).resolve()}")
    return path


def _check_image(image: str) -> str:
    references.parse(image)
    return image


File = Annotated[str, AfterValidator(_check_file)]
Image = Annotated[str, AfterValidator(_check_image)]


class ComposeTarget(DeployTarget, Canary):
    """Copies of the service on this machine, a gateway before them, and what Prometheus and Grafana need."""

    replicas: int = Field(2, ge=1, le=MOST, description="copies of the service")
    api_keys_secret: File | None = Field(None, description="file with one API key a line; it is mounted, never copied")
    gateway: Gateway = Field("nginx", description="what stands before the copies")
    gateway_image: Image | None = Field(None, description="image of the gateway; the official one, pinned")
    port: int = Field(8080, ge=1, le=65535, description="port of 127.0.0.1 at which the gateway answers")
    subnet: Annotated[str, AfterValidator(stack.check_subnet)] | None = Field(
        None, description="network of the copies, such as 10.200.7.0/24; one made of the name"
    )
    cpus: float = Field(1.0, gt=0, description="processors that a copy may use")
    rate_limit: int = Field(1000, ge=1, le=100_000, description="requests a second of one client")
    max_body: int = Field(16 * 2**20, ge=1, description="bytes that a request may have")
    try_timeout: float = Field(
        2.0, ge=0.05, le=3600, description="seconds after which a copy is given up, and another asked"
    )
    timeout: float = Field(10.0, ge=0.05, le=3600, description="seconds after which the gateway gives up")
    tls_cert: File | None = Field(None, description="certificate of the gateway, a PEM file")
    tls_key: File | None = Field(None, description="its key, a PEM file; both are mounted, never copied")

    @model_validator(mode="after")
    def _together(self) -> "ComposeTarget":
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UsageError("tls_cert and tls_key go together", "--set tls_key=/path/key.pem")
        if self.timeout < self.try_timeout:
            message = f"timeout={self.timeout:g} is shorter than try_timeout={self.try_timeout:g}"
            raise UsageError(message, f"--set timeout={self.try_timeout * 3:g}")
        return self

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/manifests: compose.yaml, gateway/, watch/ and the plan that --up starts.

        Raises UsageError where no image was built, or, for Tyk, no service made.
        """
        facts = known.read(inputs, self.image)
        plan, folder = self.plan(facts), out / "manifests"
        values = self._values(plan, facts)
        written = self.write(out, "compose", values)
        files = rendering.render_tree(f"gateway/{self.gateway}", folder / "gateway", values)
        if self.gateway == "tyk":
            progress("asking the service for its OpenAPI document")
            files.append(tyk.write(inputs, plan, folder / "gateway"))
        (folder / PLAN).write_text(plan.model_dump_json(indent=2) + "\n", "utf-8")
        other = f", {len(plan.canary)} of {self.canary_image} for {self.canary} %" if plan.canary else ""
        summary = f"{len(plan.stable)} copies of {facts.image} behind {self.gateway}{other}"
        return self.outcome(facts, sorted([*written, *(f"gateway/{name}" for name in files), PLAN]), summary)

    def plan(self, facts: Known) -> Stack:
        """Return all that is to run; raises UsageError for an image that has no name, or a port nobody would ask."""
        references.parse(facts.image)
        self.refuse_same(facts.image)
        self._require_port(facts.port)
        name = self.called(facts)
        subnet = self.subnet or stack.subnet_of(name)
        program = PROGRAMS[self.gateway]
        return Stack(
            name=name,
            version=facts.version,
            subnet=subnet,
            stable=stack.places(name, subnet, facts.image, self.replicas),
            spare=stack.spare_places(name, subnet, facts.image, self.replicas),
            canary=self._canary(name, subnet),
            canary_weight=self.canary,
            container_port=facts.port,
            environment=dict(self.env),
            memory=facts.memory_limit,
            memory_reserved=facts.memory_request,
            cpus=self.cpus,
            startup=facts.startup_seconds,
            drain=program.drain,
            gateway=self.gateway,
            gateway_image=self.gateway_image or program.image,
            gateway_address=stack.gateway_address(subnet),
            port=self.port,
            rate_limit=self.rate_limit,
            max_body=self.max_body,
            try_timeout=self.try_timeout,
            timeout=self.timeout,
            api_keys=self.api_keys_secret,
            tls_cert=self.tls_cert,
            tls_key=self.tls_key,
        )

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Ask nginx or Envoy, and Compose, where they are installed, what they think of the files."""
        progress("asking the validators")
        return local.compose(folder), local.gateway(folder, read_plan(folder))

    def up(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """Start the copies and the gateway on the engine, or change those that run to the plan, losing no request.

        Raises EngineMissingError, and ServiceError where something does not get ready.
        """
        return running.up(read_plan(folder), folder / "gateway", progress)

    def down(self, folder: Path, progress: Progress) -> dict[str, Any]:
        """End what ``up`` has started, and nothing else."""
        return running.down(read_plan(folder).name, progress)

    def _require_port(self, port: int) -> None:
        if self.env.get("PORT", str(port)) != str(port):
            message = f"PORT={self.env['PORT']} is not the port of the image, {port}, which the gateway asks"
            raise UsageError(message, "leave env.PORT out; --set port=9000 is where the gateway answers")

    def _canary(self, name: str, subnet: str) -> tuple[stack.Slot, ...]:
        if self.canary_image is None:
            return ()
        return stack.canary_places(name, subnet, self.canary_image, self.canary_replicas(self.replicas))

    @staticmethod
    def _values(plan: Stack, facts: Known) -> dict[str, object]:
        """Return what the templates are filled with."""
        program = PROGRAMS[plan.gateway]
        return {
            "stack": plan,
            "assumptions": facts.assumptions,
            "program": program,
            "environment": environment(plan),
            "probe": ["CMD", *program.probe, *([_own_url(plan)] if plan.gateway == "nginx" else [])],
            "shares": stack.shares(plan, 10_000),
            "others": stack.others(plan.subnet),
            "refusals": _REFUSALS,
            "rest": REST,
            # of the stable and the spare places together, so that one of the stable copies stays
            "ejected": math.ceil(100 * (len(plan.stable) - 1) / (2 * len(plan.stable))),
            "connect": _CONNECT,
            "again": _again(plan),
            "idle": max(60, math.ceil(plan.timeout) + 5),
            "milliseconds": lambda seconds: round(seconds * 1000),
        }


def read_plan(folder: Path) -> Stack:
    """Read the plan that ``run`` has written to ``folder``."""
    return Stack.model_validate_json((folder / PLAN).read_bytes())


def _again(plan: Stack) -> float:
    """Return the seconds within which nginx may ask another copy: one that hangs, and all others that are gone."""
    return min(plan.timeout, plan.try_timeout + _CONNECT * (len(plan.slots) + 1))


def _own_url(plan: Stack) -> str:
    return f"http{'s' if plan.tls_cert else ''}://127.0.0.1:{plan.listens}/readyz"
