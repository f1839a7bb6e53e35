"""Targets on which the platform itself adds copies when there is more to answer, and how large a copy may be there."""

import math
from collections.abc import Mapping

from pydantic import Field

from mlship.errors import UsageError
from mlship.targets.known import Known
from mlship.targets.options import DeployTarget

_MOST = 1000

#: CPU units of a Fargate task -> least, most and step of its memory in MiB.
#: Source: Amazon ECS Developer Guide, "Amazon ECS task definition parameters for Fargate", task size.
_FARGATE = {
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}


class ScaledTarget(DeployTarget):
    """Has at least ``replicas`` copies, and more under load."""

    max_replicas: int | None = Field(
        None, ge=1, le=_MOST, description="copies at most, under load; ten times replicas where it is not given"
    )

    @property
    def most(self) -> int:
        """Return how many copies there may be; raises UsageError where that is less than there must be."""
        if self.max_replicas is None:
            return min(10 * self.replicas, _MOST)
        if self.max_replicas < self.replicas:
            told = f"max_replicas={self.max_replicas} is less than replicas={self.replicas}"
            raise UsageError(f"deploy: {told}", f"--set max_replicas={self.replicas}, or more")
        return self.max_replicas


def fargate(facts: Known) -> tuple[int, int]:
    """Return CPU units and MiB of the smallest Fargate task with the processors and the memory of a copy.

    Raises UsageError where none has the memory.
    """
    memory, units = facts.memory_limit, 1024 * _processors(facts)
    for cpu, (least, most, step) in _FARGATE.items():
        if memory <= most and (cpu >= units or cpu == max(_FARGATE)):
            return cpu, max(least, math.ceil(memory / step) * step)
    raise _too_large("a Fargate task", memory, 122880)


def container_apps(facts: Known) -> tuple[float, str]:
    """Return processors and memory of the smallest replica with the processors and the memory of a copy.

    Source: Azure Container Apps, "Containers", allocation on the Consumption profile: 2 GiB for each processor, in
    quarters, up to 4. Raises UsageError where none has the memory.
    """
    quarters = max(4 * min(4, _processors(facts)), math.ceil(facts.memory_limit / 512))
    if quarters > 16:
        raise _too_large("a replica of Container Apps", facts.memory_limit, 8192)
    return quarters / 4, f"{quarters / 2:g}Gi"


def machine(facts: Known, machines: Mapping[str, int]) -> str:
    """Return the first of ``machines``, whose memory in MiB grows, that holds a copy beside what the platform runs.

    Raises UsageError where none does.
    """
    for name, memory in machines.items():
        if facts.memory_limit <= memory * 3 // 4:
            return name
    hint = "--set instance_type=NAME names a larger one"
    raise UsageError(
        f"deploy: the service needs {facts.memory_limit} MiB, which none of {', '.join(machines)} has", hint
    )


def require_amd64(facts: Known, platform: str) -> None:
    """Raise UsageError for an image that a platform without ARM machines cannot start."""
    if is_arm(facts):
        told = f"{platform} runs linux/amd64, and the image is for {', '.join(facts.platforms)}"
        raise UsageError(f"deploy: {told}", "mlship build --platform linux/amd64")


def is_arm(facts: Known) -> bool:
    """Say whether the image is for ARM alone."""
    return bool(facts.platforms) and all("/arm64" in each for each in facts.platforms)


def _processors(facts: Known) -> int:
    """Return how many processors a copy keeps busy, in whole ones: the measure is not much finer."""
    return max(1, round(facts.cores))


def _too_large(what: str, memory: int, most: int) -> UsageError:
    told = f"the service needs {memory} MiB, and {what} has {most} at most"
    return UsageError(f"deploy: {told}", "mlship optimize makes a smaller model; WORKERS=1 a smaller service")
