"""Azure Container Apps: an app with revisions, as ARM templates."""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from mlship import rendering
from mlship.errors import UsageError
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import heads, known, references
from mlship.targets.canary import Canary
from mlship.targets.checks import arm
from mlship.targets.known import Known
from mlship.targets.scaling import ScaledTarget, container_apps, require_amd64

#: Seconds: until the ingress has heard that a replica ends, and for what it is answering then.
_DRAIN, _GRACE = 10, 20
#: Characters in the name of an app. Source: "Naming rules and restrictions for Azure resources", Microsoft.App.
_LONGEST_NAME = 32
#: Failures after which a start has failed: the most that Container Apps takes.
_STARTS = 10
_FOLDER = "deploy/azure-container-apps"
_NEXT = "az deployment group create --resource-group GROUP --template-file {} --parameters environmentId=... and so on"


class ContainerAppsTarget(ScaledTarget, Canary):
    """Azure Container Apps: HTTP scale rule, probes, revisions with a split of requests."""

    external: bool = Field(default=False, description="whether the app is reached from outside its environment")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write container-app.json and, where there is another image, canary.json.

        Raises UsageError for an image, a name or a size that the platform cannot take.
        """
        facts = known.read(inputs, self.image)
        require_amd64(facts, "Azure Container Apps")
        values = self._values(facts)
        self.refuse_same(facts.image)
        values |= _revisions(facts.image, self.canary_image, values)
        without = () if self.canary_image else ("canary.json.j2",)
        written = rendering.render_tree(_FOLDER, out / "manifests", values, without=without)
        said = f"app {values['name']} of {self.replicas} to {self.most} replicas"
        if self.canary_image:
            said += f", {self.canary} % of the requests for {self.canary_image}"
        notes = [] if values["registry"] else heads.unpushed(facts.image, "myregistry.azurecr.io")
        if not self.api_keys_secret:
            notes.append("no API keys: whoever reaches the app may ask")
        if self.external:
            notes.append(
                "the app passes every path on, /metrics too, which needs no key: Front Door before it can refuse"
            )
        return self.outcome(facts, written, said, *notes)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Hold the templates against the types in Azure's own library."""
        return (arm.check(folder),)

    def _values(self, facts: Known) -> dict[str, Any]:
        cpu, memory = container_apps(facts)
        fixed = {"DRAIN_SECONDS": str(_DRAIN), "GRACE_SECONDS": str(_GRACE)}
        environment = {**fixed, **self.env, "PORT": str(facts.port)}
        return {
            **heads.values(facts, _NEXT.format("container-app.json")),
            "next_canary": _NEXT.format("canary.json") + ", once mlship verify finds the new version right",
            "canary": self.canary,
            "name": self._app(facts),
            "registry": _registry(facts.image, self.canary_image),
            "environment": {key: _literal(value) for key, value in environment.items()},
            "secret": self.api_keys_secret,
            "external": self.external,
            "cpu": f"{cpu:g}",
            "memory": memory,
            "least": self.replicas,
            "most": self.most,
            "startup_period": min(240, math.ceil(facts.startup_seconds / _STARTS)),
            "termination": _DRAIN + _GRACE + 5,
        }

    def _app(self, facts: Known) -> str:
        name = self.called(facts)
        if len(name) > _LONGEST_NAME or "--" in name:
            told = f"'{name}' cannot be the name of a container app: {_LONGEST_NAME} characters at most, and no '--'"
            raise UsageError(told, f"--name {re.sub('-+', '-', name)[:_LONGEST_NAME].rstrip('-')}")
        return name


def _revisions(image: str, canary_image: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the images and the suffixes of their revisions, by the names that the templates have for them.

    A revision cannot be changed, so its name changes with all that makes it up: the template of its replicas.
    """
    found: dict[str, Any] = {"canary_pulled": "", "canary_revision": ""}
    for prefix, each in (("", image), ("canary_", canary_image)):
        if each:
            pulled = _pulled(each)
            draft = {**values, **found, "part": "stable", "pulled": pulled, "revision": ""}
            resource = json.loads(rendering.render("deploy/container-app.json.j2", draft))["resources"][0]
            found |= {f"{prefix}pulled": pulled, f"{prefix}revision": _suffix(each, resource["properties"]["template"])}
    return found


def _suffix(image: str, template: object) -> str:
    """Return a name for a revision: the tag of its image, and digits; small letters, digits and single dashes."""
    word = re.sub(r"[^a-z0-9]+", "-", references.parse(image).tag.lower())[:12].strip("-")
    digits = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:6]
    return f"v{word}-{digits}"


def _registry(image: str, canary_image: str | None) -> str:
    """Return the host of the registry of both images, or "" where neither tells one."""
    hosts = {host for each in (image, canary_image) if each and (host := heads.registry(each))}
    if len(hosts) > 1:
        told = f"'{canary_image}' is in another registry than '{image}', and the app has the right to pull from one"
        raise UsageError(f"deploy: {told}", "push both to one registry")
    return hosts.pop() if hosts else ""


def _pulled(image: str) -> str:
    """Return what the app pulls: ``image``, in the registry of the parameter where its name tells none."""
    return image if heads.registry(image) else f"[concat(parameters('registryServer'), '/{image}')]"


def _literal(value: str) -> str:
    """Return a value that ARM does not take for an expression.

    Source: "Syntax and expressions in ARM templates", escape characters.
    """
    return f"[{value}" if value.startswith("[") and value.endswith("]") else value
