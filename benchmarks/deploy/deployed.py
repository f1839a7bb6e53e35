"""A stack on the engine: where it is, how it is changed, and the load that is put on it."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.models.containers import Container

from benchmarks.deploy.constant import Constant
from mlship.client import Client
from mlship.targets.compose import ComposeTarget

#: What the columns of a row are multiples of: each row has another answer.
ROWS = (0.3, 1.7, 4.1, 8.9)


def quiet(message: str, fraction: float | None = None) -> None:
    pass


@dataclass
class Deployed:
    """A stack of some ``name``, its workspace files in ``folder``; ``options`` are those of every change."""

    engine: DockerClient
    folder: Path
    inputs: Mapping[str, Path]
    options: dict[str, Any]
    number: int = field(default=0)

    @property
    def port(self) -> int:
        return int(self.options["port"])

    @property
    def name(self) -> str:
        return str(self.options["name"])

    def containers(self) -> dict[str, str]:
        """Return the containers whose names begin with that of the stack: id by name."""
        found = self.engine.containers.list(all=True, filters={"name": f"^/?{self.name}-"}, ignore_removed=True)
        return {str(container.name): str(container.id) for container in found}

    def written(self, **options: Any) -> tuple[ComposeTarget, Path]:
        """Write the files, with other options than the usual ones."""
        target = ComposeTarget(**{**self.options, **options})
        self.number += 1
        target.run(self.inputs, self.folder / str(self.number), quiet)
        return target, self.folder / str(self.number) / "manifests"

    def up(self, **options: Any) -> dict[str, Any]:
        target, folder = self.written(**options)
        return target.up(folder, quiet)

    def down(self) -> dict[str, Any]:
        target, folder = self.written()
        return target.down(folder, quiet)

    def copy(self, number: int) -> Container:
        """Return the container of a copy; they are counted from 1."""
        return self.engine.containers.get(f"{self.name}-{number}")

    def load(self) -> Constant:
        """Return a constant rate of requests to this stack, for the answers that it gives now."""
        bodies, right = [], []
        with Client(f"http://127.0.0.1:{self.port}") as client:
            path = f"/v2/models/{client.ask('GET', '/v2')['name']}/infer"
            tensor = client.ask("GET", path.removesuffix("/infer"))["inputs"][0]
            for value in ROWS:
                row = [value * (1 + column % 3) for column in range(tensor["shape"][-1])]
                told = {"name": tensor["name"], "shape": [1, len(row)], "datatype": tensor["datatype"], "data": row}
                bodies.append(json.dumps({"inputs": [told]}).encode())
                right.append([output["data"] for output in client.ask("POST", path, bodies[-1])["outputs"]])
        return Constant(self.port, path, bodies, right)


def wait_for(what: str, seconds: float, found: Any) -> None:
    """Call ``found`` until it is true; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline, f"no {what} within {seconds:g} s"
        time.sleep(0.05)
