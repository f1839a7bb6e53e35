from typing import Any

import pytest
from pydantic import ValidationError

from mlship.errors import UsageError
from mlship.images.docker import DockerBuilder


@pytest.mark.parametrize(
    "options", [{"tag": "Iris"}, {"base": "no name"}, {"memory": "much"}, {"memory": "0m"}, {"python": "2.7"}]
)
def test_a_wrong_option_is_refused_before_any_work(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        DockerBuilder(**options)
    assert caught.value.hint.startswith("-t " if "tag" in options else "--set ")


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(ValidationError):
        DockerBuilder(port=port)


def test_a_version_may_be_written_as_a_number() -> None:
    assert DockerBuilder(python=3.12).python == "3.12"  # type: ignore[arg-type]


def test_each_option_is_described() -> None:
    assert all(field.description for field in DockerBuilder.model_fields.values())
