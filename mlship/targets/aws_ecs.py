"""Amazon ECS on Fargate behind a load balancer, with rollback and autoscaling, as a CloudFormation stack."""

from collections.abc import Mapping
from pathlib import Path

from mlship.stages import Checked, Outcome, Progress
from mlship.targets import heads, known
from mlship.targets.checks import cloudformation
from mlship.targets.scaling import ScaledTarget, fargate, is_arm

#: Seconds: load balancer and task agree on the end of a task within these, so that no request is lost.
_DRAIN, _GRACE = 10, 20
#: Source: AWS::ECS::TaskDefinition HealthCheck, StartPeriod.
_LONGEST_START = 300

_IS_ALIVE = (
    "import http.client, os, sys; "
    "c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); "
    "c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"
)


class EcsTarget(ScaledTarget):
    """Amazon ECS on Fargate: task, service with circuit breaker, load balancer, autoscaling."""

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write stack.yaml; raises UsageError where no task is large enough."""
        facts = known.read(inputs, self.image)
        name = self.called(facts)
        cpu, memory = fargate(facts)
        fixed = {"PORT": str(facts.port), "DRAIN_SECONDS": str(_DRAIN), "GRACE_SECONDS": str(_GRACE)}
        values = {
            **heads.values(facts, heads.stack(name)),
            "name": name,
            "environment": {**fixed, **self.env, "PORT": str(facts.port)},
            "secret": self.api_keys_secret,
            "cpu": cpu,
            "memory": memory,
            "architecture": "ARM64" if is_arm(facts) else "X86_64",
            "least": self.replicas,
            "most": self.most,
            "health": ["CMD", "python3", "-c", _IS_ALIVE],
            "start_period": min(_LONGEST_START, facts.startup_seconds),
            "stop_timeout": _DRAIN + _GRACE + 5,
        }
        written = self.write(out, "aws-ecs", values)
        notes = heads.unpushed(facts.image, "123456789012.dkr.ecr.eu-west-1.amazonaws.com")
        if not self.api_keys_secret:
            notes.append("no API keys: whoever reaches the load balancer may ask")
        return self.outcome(facts, written, f"service {name} of {self.replicas} to {self.most} tasks", *notes)

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Run cfn-lint and checkov."""
        return cloudformation.cloudformation(folder)
