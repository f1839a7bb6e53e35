"""The options of an image that every builder has, and what each of them may be."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from mlship.errors import UsageError
from mlship.images import names
from mlship.images.plan import PLATFORMS, Platform
from mlship.images.proofs import gates
from mlship.stages import ImageBuilder


def _check_memory(memory: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[bkmg]", memory, re.IGNORECASE):
        raise UsageError(f"'{memory}' is not an amount of memory", "--set memory=512m")
    return memory


def _check_python(python: str) -> str:
    if not re.fullmatch(r"3\.\d+", python):
        raise UsageError(f"'{python}' is not a version of Python such as 3.12", "--set python=3.12")
    return python


def _check_platform(name: str) -> str:
    known = {str(platform) for platform in PLATFORMS}
    if name not in known:
        raise UsageError(f"there are no images for platform '{name}'", f"--platform {' or '.join(sorted(known))}")
    return name


def _text(value: object) -> object:
    # 3.12 and 1234567 are numbers in TOML, and what is meant here is text
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class Options(ImageBuilder):
    """What is built, on what, and what it may cost."""

    tag: Annotated[str, AfterValidator(names.check_tag)] | None = Field(
        None, description="name of the image, such as iris:1; made up from the model where it is not given"
    )
    base: Annotated[str, AfterValidator(names.check_base)] = Field(
        "python:3.12-slim",
        description="image to build on: Python with glibc; for the builder oci also a folder or a file of an image",
    )
    platform: tuple[Annotated[str, AfterValidator(_check_platform)], ...] = Field(
        (), description="what it is to run on: linux/amd64, linux/arm64; this machine's where it is not given"
    )
    require_base: bool = Field(
        default=True, description="fail when the base image cannot be had, in place of leaving it at a build context"
    )
    memory: Annotated[str, AfterValidator(_check_memory)] = Field(
        "512m", description="memory limit of the container that checks the image"
    )
    port: int = Field(8000, ge=1, le=65535, description="port that the service listens on in the container")
    wheels: str | None = Field(None, description="folder to take the wheels from, in place of the package index")
    python: Annotated[str, BeforeValidator(_text), AfterValidator(_check_python)] | None = Field(
        None, description="Python of the base, such as 3.12; needed where no engine runs and the base's tag is silent"
    )
    revision: Annotated[str, BeforeValidator(_text)] | None = Field(
        None, description="revision of the sources, for the image's labels"
    )
    source: str | None = Field(None, description="address of the sources, for the image's labels")
    created: int = Field(
        0, ge=0, le=253402300799, description="time of the image and of its files, in seconds since 1970"
    )
    max_size: Annotated[str, AfterValidator(gates.check_size)] | None = Field(
        None, description="gate: how large the image may be, such as 150MB"
    )
    max_cold_start: Annotated[str, AfterValidator(gates.check_time)] | None = Field(
        None, description="gate: from the start to the first answer, such as 2s"
    )
    max_rss: Annotated[str, AfterValidator(gates.check_size)] | None = Field(
        None, description="gate: memory in use after the golden set, such as 200MB"
    )

    def platforms(self, own: Platform) -> tuple[Platform, ...]:
        """Return what the image is built for, each once; ``own`` where nothing was asked for."""
        asked = dict.fromkeys(self.platform)
        return tuple(platform for name in asked for platform in PLATFORMS if str(platform) == name) or (own,)
