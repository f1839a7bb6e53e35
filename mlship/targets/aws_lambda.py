"""AWS Lambda: the image with Lambda's runtime interface client and a handler, and a CloudFormation stack."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mlship import rendering
from mlship.errors import UsageError
from mlship.stages import Checked, Outcome, Progress
from mlship.targets import heads, known
from mlship.targets.access import refuse_api_keys
from mlship.targets.checks import checkov, cloudformation
from mlship.targets.checks.programs import program
from mlship.targets.known import Known
from mlship.targets.options import DeployTarget
from mlship.targets.scaling import is_arm

#: Seconds, MiB. Sources: AWS Lambda Developer Guide, "Understand the Lambda execution environment lifecycle" (time to
#: start), "Configure Lambda function memory" (where there is a whole processor, and the most that there is).
_START, _WHOLE_PROCESSOR, _MOST_MEMORY = 10, 1769, 10240

#: The version of awslambdaric, the client, that the handler was tested with.
_CLIENT = "4.2.2"


class LambdaTarget(DeployTarget):
    """AWS Lambda: function from a container image, behind a function URL or API Gateway."""

    replicas: int = Field(
        0, ge=0, le=1000, description="copies that are kept started (provisioned concurrency), which is paid for"
    )
    front: Literal["url", "api-gateway"] = Field("url", description="what is asked: a function URL, or an HTTP API")
    memory: int | None = Field(
        None, ge=128, le=_MOST_MEMORY, description="MiB; where it is not given, as much as brings a whole processor"
    )
    max_replicas: int = Field(100, ge=1, le=1000, description="copies at most: each answers one request at a time")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write stack.yaml, Dockerfile and handler.py.

        Raises UsageError for API keys, which have no place there, and for more memory than a function may have.
        """
        guard = "its address asks for signed requests of AWS"
        refuse_api_keys(self.api_keys_secret, "aws-lambda", guard)
        facts = known.read(inputs, self.image)
        name, memory = self.called(facts), self._memory(facts)
        built = json.loads(inputs["image"].read_bytes())
        values = {
            **heads.values(facts, f"make and push the image, as Dockerfile says, and {heads.stack(name)}"),
            "name": name,
            "environment": dict(self.env),
            **_building(facts, built.get("python", "3.12"), name),
            "release": self._release(facts, memory, str(built.get("id", ""))),
            "front": self.front,
            "memory": memory,
            "architecture": "arm64" if is_arm(facts) else "x86_64",
            "warm": self.replicas,
            "most": max(self.max_replicas, self.replicas),
        }
        written = self.write(out, "aws-lambda", values)
        slow = f"it takes {facts.cold_start:g} s to start, and Lambda gives {_START} s before it starts it again"
        notes = [slow] if facts.cold_start > _START else []
        return self.outcome(facts, written, f"function {name}, {memory} MiB", *notes)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Run cfn-lint, checkov and hadolint."""
        dockerfile = replace(checkov.check(folder, "dockerfile", {}), validator="checkov, Dockerfile")
        return *cloudformation.cloudformation(folder), dockerfile, program("hadolint", ["Dockerfile"], folder)

    def _memory(self, facts: Known) -> int:
        if facts.memory_limit > _MOST_MEMORY:
            told = f"the service needs {facts.memory_limit} MiB, and a function has {_MOST_MEMORY} at most"
            raise UsageError(f"deploy: {told}", "mlship deploy aws-ecs has larger tasks")
        return self.memory or max(_WHOLE_PROCESSOR, facts.memory_limit)

    def _release(self, facts: Known, memory: int, built: str) -> str:
        """Return a word that changes with what runs: CloudFormation makes a version for each name of the resource.

        ``built`` is the id of the image, as the same name may be given to another one.
        """
        handler = (rendering.templates() / "deploy" / "aws-lambda" / "handler.py").read_text("utf-8")
        said = json.dumps([facts.image, built, dict(self.env), memory, _CLIENT, handler], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:12]


def _building(facts: Known, python: str, name: str) -> dict[str, Any]:
    """Return the commands that fetch the client, which is compiled for one Python and machine, and build the image."""
    machine, platform = ("aarch64", "linux/arm64") if is_arm(facts) else ("x86_64", "linux/amd64")
    wheels = f"--only-binary :all: --platform manylinux2014_{machine} --python-version {python}"
    return {
        "fetch": f"pip install --target client {wheels} awslambdaric=={_CLIENT}",
        "build": f"docker build --platform {platform} -t {name}-lambda .",
    }
