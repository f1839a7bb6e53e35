"""The files for Compose: what they say, that they say the same as the plan, and what is refused."""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlship import config
from mlship.errors import ConfigError, PluginError, UsageError
from mlship.rendering import templates
from mlship.stages import Outcome
from mlship.targets.checks import programs
from mlship.targets.compose import ComposeTarget, read_plan

Inputs = dict[str, Path]
ANOTHER = "registry.example/team/iris:2"
GATEWAYS = ["nginx", "envoy", "kong"]


def quiet(message: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture
def write(known_inputs: Inputs, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the files with options, and returns their folder."""

    def run(**options: Any) -> Path:
        ComposeTarget(**options).run(known_inputs, tmp_path / "out", quiet)
        return tmp_path / "out" / "manifests"

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def services(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
    return found


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_files_are_the_golden_ones(
    gateway: str, write: Callable[..., Path], assert_golden: Callable[[str, Mapping[str, bytes]], None]
) -> None:
    folder = write(gateway=gateway, replicas=3, canary=10, canary_image=ANOTHER)
    assert_golden(f"deploy/compose/{gateway}", contents(folder))


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_all_files_are_told(gateway: str, known_inputs: Inputs, tmp_path: Path) -> None:
    outcome: Outcome = ComposeTarget(gateway=gateway).run(known_inputs, tmp_path, quiet)
    assert outcome.facts["files"] == sorted(contents(tmp_path / "manifests"))
    assert outcome.summary == f"2 copies of registry.example/team/iris:1.2 behind {gateway}"


def test_compose_runs_what_the_plan_says(write: Callable[..., Path]) -> None:
    folder = write(replicas=3, canary=40, canary_image=ANOTHER, env={"ACCESS_LOG": "0.1"})
    plan, found = read_plan(folder), services(folder)
    assert [slot.name for slot in plan.slots] == ["iris-1", "iris-2", "iris-3", "iris-canary-1", "iris-canary-2"]
    for slot in plan.slots:
        service = found[slot.name]
        assert service["image"] == slot.image
        assert service["networks"]["inner"]["ipv4_address"] == slot.address
        assert service["environment"] == plan.settings
        assert service["mem_limit"] == service["memswap_limit"] == f"{plan.memory}m"
        assert service["stop_grace_period"] == f"{plan.stop_seconds}s"
    assert found["gateway"]["ports"] == [f"127.0.0.1:{plan.port}:{plan.listens}"]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_every_service_is_locked_down(gateway: str, write: Callable[..., Path]) -> None:
    for name, service in services(write(gateway=gateway)).items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        assert "mem_limit" in service, name
        assert service.get("read_only") is (None if name == "grafana" else True), name


def test_memory_and_start_up_are_those_that_were_measured(write: Callable[..., Path]) -> None:
    service = services(write())["iris-1"]
    assert service["mem_limit"] == "192m"
    assert service["healthcheck"] == {"start_period": "30s"}


def test_what_was_not_measured_is_said_to_be_assumed(known_inputs: Inputs, tmp_path: Path) -> None:
    del known_inputs["report"]
    image = json.loads(known_inputs["image"].read_text())
    known_inputs["image"].write_text(json.dumps({key: image[key] for key in ("built", "tags")}))
    ComposeTarget().run(known_inputs, tmp_path, quiet)
    for name in ("compose.yaml", "gateway/nginx.conf"):
        text = (tmp_path / "manifests" / name).read_text()
        assert "# Not measured, so assumed: a cold start of 10 s.\n" in text
        assert "# Not measured, so assumed: 256 MiB of memory.\n" in text


def test_a_dollar_in_a_setting_is_not_for_compose_to_fill_in(write: Callable[..., Path]) -> None:
    folder = write(env={"CORS_ORIGINS": "https://a.example/$b"})
    assert services(folder)["iris-1"]["environment"]["CORS_ORIGINS"] == "https://a.example/$$b"
    assert read_plan(folder).settings["CORS_ORIGINS"] == "https://a.example/$b"


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_no_secret_is_written(gateway: str, write: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("keys", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("hunter2")
    files = {"tls_cert": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    folder = write(gateway=gateway, api_keys_secret=str(tmp_path / "keys"), **files)
    assert not [name for name, content in contents(folder).items() if b"hunter2" in content]
    told = yaml.safe_load((folder / "compose.yaml").read_text())
    assert told["secrets"]["api_keys"] == {"file": str(tmp_path / "keys")}
    assert told["services"]["iris-1"]["secrets"] == ["api_keys"]
    assert told["services"]["iris-1"]["environment"]["API_KEYS_FILE"] == "/run/secrets/api_keys"
    assert told["services"]["gateway"]["secrets"] == ["tls_cert", "tls_key"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"gateway": "ngnix"}, "gateway"),
        ({"replicas": 0}, "replicas"),
        ({"replicas": 65}, "replicas"),
        ({"port": 70000}, "port"),
        ({"canary": 10}, "to which"),
        ({"name": "Iris_2"}, "cannot be the name of a service"),
        ({"subnet": "10.0.0.0/8"}, "256 addresses"),
        ({"subnet": "8.8.8.0/24"}, "private"),
        ({"subnet": "here"}, "no network"),
        ({"tls_cert": "/cert.pem"}, "go together"),
        ({"tls_cert": "cert.pem", "tls_key": "/key.pem"}, "absolute path"),
        ({"api_keys_secret": "abc123"}, "absolute path"),
        ({"timeout": 1.0, "try_timeout": 2.0}, "shorter"),
        ({"try_timeout": 0.01}, "try_timeout"),
        ({"timeout": 4000}, "timeout"),
        ({"gateway_image": "Foo@@"}, "'Foo@@' is not the name of an image"),
        ({"env": {"API_KEYS": "abc"}}, "looks like a secret"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, UsageError), match=words):
        config.configure("targets", "compose", options)


@pytest.mark.parametrize(
    "options", [{"image": "Foo@@"}, {"canary": 5, "canary_image": "Foo@@"}], ids=["image", "canary"]
)
def test_what_cannot_be_the_name_of_an_image_is_refused(options: dict[str, Any], write: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="'Foo@@' is not the name of an image"):
        write(**options)


def test_a_port_at_which_the_gateway_would_not_ask_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="PORT=9000 is not the port of the image, 8000"):
        write(env={"PORT": "9000"})
    assert read_plan(write(env={"PORT": "8000"})).settings["PORT"] == "8000"


def test_words_that_yaml_takes_for_others_are_names_of_settings(write: Callable[..., Path]) -> None:
    assert services(write(env={"NO": "1", "null": "2"}))["iris-1"]["environment"].keys() >= {"NO", "null"}


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        (
            "nginx",
            {"proxy_read_timeout 500ms;", "proxy_read_timeout 1000500ms;", "proxy_next_upstream_timeout 1250ms;"},
        ),
        ("envoy", {"per_try_timeout: 0.500s", "timeout: 1000.500s", "stream_idle_timeout: 1006s"}),
        ("kong", {"read_timeout: 500", "write_timeout: 500"}),
    ],
)
def test_times_are_told_in_whole_milliseconds(gateway: str, words: set[str], write: Callable[..., Path]) -> None:
    folder = write(gateway=gateway, try_timeout=0.5, timeout=1000.5)
    (path,) = (folder / "gateway").iterdir()
    assert {word for word in words if word in path.read_text()} == words


@pytest.mark.parametrize("gateway", ["nginx", "envoy"])
def test_the_shortest_and_the_longest_times_are_taken(gateway: str, write: Callable[..., Path]) -> None:
    assert _said(gateway, write(gateway=gateway, try_timeout=0.05, timeout=3600)) == (True, "found nothing")


def test_nginx_has_somebody_to_ask_however_many_requests_are_slow(write: Callable[..., Path]) -> None:
    folder = write(replicas=3)
    text = (folder / "gateway" / "nginx.conf").read_text()
    for slot in read_plan(folder).stable:
        assert text.count(f"server {slot.address}:8000 max_fails=0;") == 1


def test_kong_is_not_started_with_a_reference_for_a_key(write: Callable[..., Path]) -> None:
    folder = write(gateway="kong", api_keys_secret="/run/keys")
    with pytest.raises(PluginError, match="an API key that deck has to put in"):
        ComposeTarget().up(folder, quiet)


RUN = ["nginx", "envoy"]


@pytest.mark.parametrize("options", [{}, {"replicas": 1}, {"canary": 100, "canary_image": ANOTHER}], ids=str)
@pytest.mark.parametrize("gateway", RUN)
def test_the_gateway_takes_its_configuration(gateway: str, options: dict[str, Any], write: Callable[..., Path]) -> None:
    assert _said(gateway, write(gateway=gateway, **options)) == (True, "found nothing")


@pytest.mark.parametrize("gateway", RUN)
def test_the_gateway_takes_a_certificate(
    gateway: str, write: Callable[..., Path], certificate: tuple[Path, Path]
) -> None:
    folder = write(gateway=gateway, tls_cert=str(certificate[0]), tls_key=str(certificate[1]))
    assert _said(gateway, folder) == (True, "found nothing")


@pytest.mark.parametrize(
    ("gateway", "right", "wrong", "said"),
    [
        ("nginx", "least_conn;", "most_conn;", 'unknown directive "most_conn"'),
        ("envoy", "LEAST_REQUEST", "MOST_REQUEST", "MOST_REQUEST"),
    ],
)
def test_a_broken_configuration_is_found(
    gateway: str, right: str, wrong: str, said: str, write: Callable[..., Path]
) -> None:
    folder = write(gateway=gateway)
    (path,) = (folder / "gateway").iterdir()
    path.write_text(path.read_text().replace(right, wrong))
    passed, words = _said(gateway, folder)
    assert passed is False
    assert said in words


def _said(gateway: str, folder: Path) -> tuple[bool | None, str]:
    if programs.find(gateway) is None:
        message = f"no {gateway}: scripts/ci-engine.sh packages, pip install 'mlship[test]'"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    found = {each.validator: each for each in ComposeTarget().check(folder, quiet)}[gateway]
    return found.passed, found.said


def test_a_validator_that_is_not_installed_is_named(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = write(gateway="envoy")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))  # programs are looked for beside it as well
    told = [(each.validator, each.passed) for each in ComposeTarget(gateway="envoy").check(folder, quiet)]
    assert told == [("docker compose config", None), ("envoy", None)]


def test_the_dashboard_asks_for_metrics_that_the_service_has(service_code: Callable[[str], Any]) -> None:
    module = Path(service_code("core.watching.metrics").__file__).read_text()
    dashboard = json.loads((templates() / "deploy/compose/watch/grafana/dashboard.json").read_text())
    asked = {word for panel in dashboard["panels"] for target in panel["targets"] for word in _metrics(target["expr"])}
    assert asked >= {"http_requests", "http_request_duration_seconds", "predict_rows", "service_ready", "model"}
    for name in asked - {"process_resident_memory_bytes"}:
        assert f'"{name}"' in module, name


def _metrics(expression: str) -> set[str]:
    words = re.findall(r"([a-z_]+)\{", expression)
    return {re.sub("_(total|bucket|sum|count|info)$", "", word) for word in words}
