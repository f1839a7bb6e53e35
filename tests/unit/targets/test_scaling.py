"""How large a copy is, and for which machines."""

from collections.abc import Callable

import pytest

from mlship.errors import UsageError
from mlship.targets.known import Known
from mlship.targets.scaling import container_apps, fargate, machine
from tests.unit.targets.conftest import SIGNATURE


def known(memory: int, cores: float = 1.0) -> Known:
    """Return a service with a limit of ``memory`` MiB that keeps ``cores`` processors busy."""
    return Known("iris:1", "1", 8000, SIGNATURE, 1.0, memory * 2**19, 100.0, frozenset(), (), cores)


@pytest.mark.parametrize(
    ("memory", "cores", "expected"),
    [
        (256, 0.4, (1024, 2048)),
        (2112, 1.0, (1024, 3072)),
        (8192, 1.3, (1024, 8192)),
        (8256, 1.0, (2048, 9216)),
        (256, 1.9, (2048, 4096)),
        (256, 64.0, (16384, 32768)),
        (61504, 1.0, (16384, 65536)),
        (122880, 1.0, (16384, 122880)),
    ],
)
def test_fargate_gives_the_smallest_task_that_holds_the_service(
    memory: int, cores: float, expected: tuple[int, int]
) -> None:
    assert fargate(known(memory, cores)) == expected


@pytest.mark.parametrize(
    ("memory", "cores", "expected"),
    [
        (256, 0.4, (1.0, "2Gi")),
        (2048, 1.0, (1.0, "2Gi")),
        (2112, 1.0, (1.25, "2.5Gi")),
        (256, 1.9, (2.0, "4Gi")),
        (256, 64.0, (4.0, "8Gi")),
        (8192, 1.0, (4.0, "8Gi")),
    ],
)
def test_container_apps_give_two_gib_for_each_processor(memory: int, cores: float, expected: tuple[float, str]) -> None:
    assert container_apps(known(memory, cores)) == expected


@pytest.mark.parametrize(("memory", "expected"), [(256, "small"), (768, "small"), (832, "large")])
def test_a_machine_has_memory_left_for_its_platform(memory: int, expected: str) -> None:
    assert machine(known(memory), {"small": 1024, "large": 2048}) == expected


@pytest.mark.parametrize(
    "size", [fargate, container_apps, lambda facts: machine(facts, {"small": 1024})], ids=["task", "replica", "machine"]
)
def test_what_no_machine_holds_is_refused(size: Callable[[Known], object]) -> None:
    with pytest.raises(UsageError, match="the service needs 128000 MiB"):
        size(known(128000))
