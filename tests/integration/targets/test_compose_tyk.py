"""The files for Tyk, whose API definition is made from the service while it runs."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml

from mlship.errors import PluginError, UsageError
from mlship.targets.compose import ComposeTarget


def quiet(message: str, fraction: float | None = None) -> None:
    pass


def test_the_files_are_the_golden_ones(
    known_inputs: dict[str, Path],
    scaffolded: Callable[..., Path],
    tmp_path: Path,
    assert_golden: Callable[[str, Mapping[str, bytes]], None],
) -> None:
    inputs = known_inputs | {"service": scaffolded("switch", "asgi")}
    ComposeTarget(gateway="tyk", replicas=3, canary=10, canary_image="registry.example/team/iris:2").run(
        inputs, tmp_path, quiet
    )
    folder = tmp_path / "manifests"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    # what the service says of itself is told by other tests
    own = json.loads(files.pop("gateway/apps/iris.json"))["x-tyk-api-gateway"]
    files["gateway/apps/iris-x-tyk-api-gateway.json"] = json.dumps(own, indent=2).encode() + b"\n"
    assert_golden("deploy/compose/tyk", files)


def test_the_definition_describes_the_service(
    known_inputs: dict[str, Path], scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    inputs = known_inputs | {"service": scaffolded("numeric", "asgi")}
    outcome = ComposeTarget(gateway="tyk").run(inputs, tmp_path, quiet)
    folder = tmp_path / "manifests"
    assert {"gateway/tyk.conf", "gateway/apps/iris.json"} <= set(outcome.facts["files"])
    told = json.loads((folder / "gateway" / "apps" / "iris.json").read_text())
    assert told["openapi"] == "3.0.3"
    assert "/predict" in told["paths"]
    conf = json.loads((folder / "gateway" / "tyk.conf").read_text())
    services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    assert services["gateway"]["environment"]["TYK_GW_SECRET"].startswith("${TYK_GW_SECRET:?")
    assert conf["storage"]["host"] in services
    assert conf["listen_port"] == 8080


def test_without_a_service_it_says_what_makes_one(known_inputs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="OpenAPI") as caught:
        ComposeTarget(gateway="tyk").run(known_inputs, tmp_path, quiet)
    assert caught.value.hint == "mlship scaffold"


def test_it_is_not_started_without_its_redis(
    known_inputs: dict[str, Path], scaffolded: Callable[..., Path], tmp_path: Path
) -> None:
    target = ComposeTarget(gateway="tyk")
    target.run(known_inputs | {"service": scaffolded("numeric", "asgi")}, tmp_path, quiet)
    with pytest.raises(PluginError, match="Redis"):
        target.up(tmp_path / "manifests", quiet)
