import platform

import pytest

from mlship.errors import BuildError, UsageError
from mlship.images.base import ASSUMED_GLIBC, guess


@pytest.mark.parametrize(
    ("name", "python"),
    [
        ("python:3.12-slim", "3.12"),
        ("python:3.11", "3.11"),
        ("python:3.13.1-bookworm", "3.13"),
        ("registry.example:5000/base/python-slim:3.12", "3.12"),
    ],
)
def test_the_python_of_a_base_is_read_from_its_tag(name: str, python: str) -> None:
    assert guess(name).python == python


def test_a_guess_is_for_this_machine_and_what_wheels_ask_for() -> None:
    base = guess("python:3.12-slim")
    assert base.machine == {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    assert base.glibc == ASSUMED_GLIBC


@pytest.mark.parametrize("name", ["python", "python:3-slim", "python:latest", "debian:12.5", "team/base:3.12"])
def test_a_tag_that_does_not_tell_the_python_asks_for_the_option(name: str) -> None:
    with pytest.raises(UsageError, match="does not tell which Python") as caught:
        guess(name)
    assert caught.value.hint == "--set python=3.12"


def test_the_option_tells_the_python_where_the_tag_does_not() -> None:
    assert guess("team/base:7", "3.12").python == "3.12"


def test_a_base_without_glibc_is_refused() -> None:
    with pytest.raises(BuildError, match=r"'python:3.12-alpine' has no glibc"):
        guess("python:3.12-alpine")
