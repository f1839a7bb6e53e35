"""Runs ``mlship build`` with what earlier builds have left, or without some of it, and takes the time."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from docker import DockerClient
from docker.errors import ImageNotFound

from benchmarks.images.workspaces import FailedError, Pair

Builder = Literal["docker", "oci"]
BUILDERS: tuple[Builder, ...] = ("docker", "oci")
#: What is there: nothing; the wheels, in uv's cache, and the base image, as the engine has it always; all that the last
#: build left, and there is another model.
State = Literal["cold", "wheels", "model"]
STATES: tuple[State, ...] = ("cold", "wheels", "model")

#: What mlship says, with -v, once there is an image.
_BUILT = "starting the image"


@dataclass(frozen=True)
class Times:
    """Seconds until there was an image, and until it had been started and checked, from the start of the command."""

    image: float
    proof: float


@dataclass(frozen=True)
class Site:
    """Where images are built: ``bases`` by builder, ``caches`` is a folder of this benchmark's own."""

    client: DockerClient
    bases: Mapping[Builder, str]
    caches: Path

    def measure(self, pair: Pair, builder: Builder, state: State) -> Times:
        """Build once; a build in the state "model" is the one after another build of ``builder``."""
        if state == "cold":
            shutil.rmtree(self._uv(builder), ignore_errors=True)
            shutil.rmtree(self._own(builder), ignore_errors=True)
        if state != "model":
            shutil.rmtree(self._own(builder) / "mlship" / "libraries", ignore_errors=True)
            self.forget(builder)
        return self.build(pair.later if state == "model" else pair.first, builder, _tag(builder))

    def build(self, folder: Path, builder: Builder, tag: str, *options: str) -> Times:
        """Build the service of a workspace; raises FailedError with the end of what mlship says."""
        command = [sys.executable, "-m", "mlship", "build", "-v", "--force", "--builder", builder]
        command += ["--base", self.bases[builder], "-t", tag, *options]
        places = {"XDG_CACHE_HOME": str(self._own(builder)), "UV_CACHE_DIR": str(self._uv(builder))}
        os.sync()  # what the last build has written does not take of this one's time
        started, built, said = time.perf_counter(), 0.0, []
        with subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **places},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                said.append(line.strip())
                if _BUILT in line:
                    built = time.perf_counter() - started
        if process.returncode or not built:
            raise FailedError(f"mlship build --builder {builder}: {' '.join(said[-8:])[-600:]}")
        return Times(built, time.perf_counter() - started)

    def forget(self, builder: Builder) -> None:
        """Remove the image from the engine, and with it the steps that the engine would not take again."""
        with contextlib.suppress(ImageNotFound):
            self.client.images.remove(_tag(builder), force=True)

    def _own(self, builder: Builder) -> Path:
        return self.caches / builder / "own"

    def _uv(self, builder: Builder) -> Path:
        return self.caches / builder / "uv"


def _tag(builder: Builder) -> str:
    return f"mlship-benchmark/{builder}:1"
