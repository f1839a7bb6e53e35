"""Azure Machine Learning: a managed online endpoint and its deployment, as YAML of its command line."""

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from mlship.errors import UsageError
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import heads, known
from mlship.targets.access import refuse_api_keys
from mlship.targets.checks import azure_schemas
from mlship.targets.options import DeployTarget
from mlship.targets.scaling import machine, require_amd64

#: Characters of the names of endpoints and deployments. Source: Azure Machine Learning, "Manage and increase quotas",
#: online endpoints.
_SHORTEST_NAME, _LONGEST_NAME = 3, 32
#: Machines with their MiB. Source: Azure Machine Learning, "Managed online endpoints SKU list", general purpose.
_MACHINES = {
    "Standard_DS2_v2": 7168,
    "Standard_DS3_v2": 14336,
    "Standard_DS4_v2": 28672,
    "Standard_DS5_v2": 57344,
}


class AzureMlTarget(DeployTarget):
    """Azure Machine Learning: managed online endpoint, with routes for liveness, readiness and scoring."""

    instance_type: str | None = Field(
        None,
        pattern=r"^Standard_[A-Za-z0-9_]+$",
        description="machine of a replica; the smallest Standard_DS_v2 that holds the service",
    )

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write endpoint.yml and deployment.yml; raises UsageError for what the platform cannot take."""
        guard = "the endpoint has keys of its own (auth_mode: key)"
        refuse_api_keys(self.api_keys_secret, "azure-ml", guard)
        facts = known.read(inputs, self.image)
        require_amd64(facts, "Azure Machine Learning")
        name = _endpoint(self.called(facts))
        values = {
            **heads.values(facts, "az ml online-endpoint create --file endpoint.yml"),
            "name": name,
            "deployment": _deployment(facts.version),
            "environment": {**self.env, "PORT": str(facts.port)},
            "instance_type": self.instance_type or machine(facts, _MACHINES),
            "replicas": self.replicas,
        }
        written = self.write(out, "azure-ml", values)
        said = f"endpoint {name}, deployment {values['deployment']} of {self.replicas} instances"
        return self.outcome(facts, written, said, *heads.unpushed(facts.image, "myregistry.azurecr.io"))

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Load the files with Azure's own library, which holds them against its schemas."""
        return (azure_schemas.check(folder),)


def _endpoint(name: str) -> str:
    if not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        told = f"'{name}' cannot be the name of an endpoint: {_SHORTEST_NAME} to {_LONGEST_NAME} characters"
        short = name[:_LONGEST_NAME].rstrip("-")
        raise UsageError(told, f"--name {short if len(short) >= _SHORTEST_NAME else f'{short}-model'}")
    return name


def _deployment(version: str) -> str:
    """Return the name of the deployment of a version of the image: a letter, then letters, digits and dashes."""
    word = re.sub(r"[^a-z0-9]+", "-", version.lower()).strip("-")
    return f"version-{word or '1'}"[:_LONGEST_NAME].rstrip("-")
