"""Amazon SageMaker: a real-time endpoint with autoscaling, updated blue/green, as a CloudFormation stack."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from mlship.stages import Checked, Outcome, Progress
from mlship.targets import heads, known
from mlship.targets.access import refuse_api_keys
from mlship.targets.checks import cloudformation
from mlship.targets.scaling import ScaledTarget, is_arm, machine

#: Source: Amazon SageMaker Developer Guide, "Custom Inference Code with Hosting Services": containers answer there.
_PORT = "8080"
#: Sizes of both families with their MiB. Source: Amazon SageMaker pricing, real-time inference, ml.m5 and ml.m6g.
_SIZES = {"large": 8192, "xlarge": 16384, "2xlarge": 32768, "4xlarge": 65536, "12xlarge": 196608}
#: Seconds that a start and an update take. Source: SageMaker API reference, ProductionVariant, BlueGreenUpdatePolicy.
_SHORTEST_START, _LONGEST_START, _LONGEST_UPDATE = 60, 3600, 28800


class SageMakerTarget(ScaledTarget):
    """Amazon SageMaker: model, endpoint and its configuration, autoscaling, blue/green updates with rollback."""

    instance_type: str | None = Field(
        None,
        pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$",
        description="machine of a replica; the smallest ml.m5 that holds the service, or ml.m6g for an image for ARM",
    )
    canary: int = Field(10, ge=1, le=50, description="per cent of the new copies that get requests first in an update")
    max_latency_ms: int = Field(1000, ge=1, description="p99 above which an update is rolled back")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write stack.yaml; raises UsageError for API keys, which have no place there."""
        guard = "SageMaker asks for signed requests of AWS, and hands no secrets to containers"
        refuse_api_keys(self.api_keys_secret, "aws-sagemaker", guard)
        facts = known.read(inputs, self.image)
        name = self.called(facts)
        family = "ml.m6g" if is_arm(facts) else "ml.m5"
        startup = min(_LONGEST_START, max(_SHORTEST_START, facts.startup_seconds))
        values = {
            **heads.values(facts, heads.stack(name)),
            "name": name,
            "environment": {**self.env, "PORT": _PORT},
            "instance_type": self.instance_type
            or machine(facts, {f"{family}.{size}": memory for size, memory in _SIZES.items()}),
            "least": self.replicas,
            "most": self.most,
            "canary": self.canary,
            "latency": self.max_latency_ms * 1000,
            "startup": startup,
            # instances take minutes to come, before any of them starts the container
            "update": min(_LONGEST_UPDATE, 3600 + startup),
        }
        written = self.write(out, "aws-sagemaker", values)
        return self.outcome(facts, written, f"endpoint {name} of {self.replicas} to {self.most} instances")

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Run cfn-lint and checkov."""
        return cloudformation.cloudformation(folder)
