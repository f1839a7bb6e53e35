"""The service that is deployed: a small model, trained, converted and built into an image as a user would."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from docker import DockerClient
from docker.errors import ImageNotFound

from benchmarks.images import workspaces
from benchmarks.images.workspaces import FailedError

_TAG = "mlship-benchmark/deployed:1"


@contextmanager
def built(client: DockerClient, folder: Path, base: str) -> Iterator[Mapping[str, Path]]:
    """Train a model and build its image on ``base``; give the artifacts by kind, and remove the image at the end.

    Raises FailedError with the end of what mlship says.
    """
    workspace = workspaces.make(folder, "asgi").first
    command = [sys.executable, "-m", "mlship", "build", "--builder", "docker", "--base", base, "-t", _TAG, "--quiet"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"mlship build: {' '.join(done.stderr.split())[-500:]}")
    made = workspace / ".mlship"
    try:
        yield {"image": made / "build" / "image.json", "signature": made / "convert" / "signature.json"}
    finally:
        with suppress(ImageNotFound):
            client.images.remove(_TAG, force=True)
