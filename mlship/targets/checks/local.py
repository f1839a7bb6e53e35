"""What nginx, Envoy, Kong's deck and Compose think of the files written for them, where they are installed."""

import tempfile
from pathlib import Path

from mlship.stages import Checked
from mlship.targets.checks import programs
from mlship.targets.stack import Stack


def compose(folder: Path) -> Checked:
    """Have Docker Compose read compose.yaml in ``folder``."""
    name = "docker compose config"
    version = programs.ended("docker", ["compose", "version"], folder)
    if version is None or version.returncode != 0:
        return Checked(name, None, "Docker Compose is not installed")
    found = programs.program("docker", ["compose", "config", "--quiet"], folder)
    return Checked(name, found.passed, found.said)


def gateway(folder: Path, plan: Stack) -> Checked:
    """Have the gateway of ``plan`` read its configuration in ``folder``/gateway."""
    match plan.gateway:
        case "nginx":
            return _of_copy(folder / "gateway" / "nginx.conf", plan, "nginx", ["-t", "-q", "-e", "stderr", "-c"])
        case "envoy":
            return _of_copy(folder / "gateway" / "envoy.yaml", plan, "envoy", ["--mode", "validate", "-c"])
        case "kong":
            return programs.program("deck", ["file", "validate", "gateway/kong.yaml"], folder)
        case "tyk":
            return Checked("tyk", None, "Tyk has no program that reads a definition without serving it")


def _of_copy(file: Path, plan: Stack, program: str, arguments: list[str]) -> Checked:
    """Check a copy of ``file`` in which what lies in the container is looked for on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        text = file.read_text("utf-8").replace("/tmp/", f"{folder}/")  # noqa: S108  # what nginx makes when it is asked
        for name, path in (("tls_cert", plan.tls_cert), ("tls_key", plan.tls_key)):
            text = text.replace(f"/run/secrets/{name}", path or "")
        copy = Path(folder) / file.name
        copy.write_text(text, "utf-8")
        return programs.program(program, [*arguments, str(copy)], Path(folder))
