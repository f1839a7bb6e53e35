"""What --up and --down do with one copy behind nginx: change it, refuse, and leave alone what is not theirs."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.containers import Container

from benchmarks.deploy.deployed import Deployed, wait_for
from mlship.client import Client
from mlship.errors import ServiceError, UsageError
from tests.integration.targets.conftest import Images

pytestmark = pytest.mark.docker

GATEWAY, OPTIONS = "nginx", {"replicas": 1}


def test_an_image_that_does_not_get_ready_changes_nothing(
    deployed: Deployed, base_image: str, engine: DockerClient
) -> None:
    before = deployed.containers()
    with pytest.raises(UsageError, match="no health check"):
        deployed.up(image=base_image)
    with pytest.raises(ServiceError, match="ended before it was ready") as caught:
        deployed.up(env={"WORKERS": "none"})
    assert "WORKERS='none' is neither a positive whole number nor auto" in caught.value.message
    assert deployed.containers() == before


def test_another_version_gets_its_share_and_can_be_asked_for(deployed: Deployed, images: Images) -> None:
    told = deployed.up(canary=50, canary_image=images.second)
    assert told["gateway"] == "was told of the change"
    assert versions(deployed, 40) == {"1", "2"}
    assert versions(deployed, 20, always="always") == {"2"}
    assert versions(deployed, 20, always="never") == {"1"}
    deployed.up()
    assert versions(deployed, 20) == {"1"}


def versions(deployed: Deployed, count: int, always: str = "") -> set[str]:
    headers = {"X-Canary": always} if always else {}
    with Client(f"http://127.0.0.1:{deployed.port}", headers=headers) as client:
        return {client.ask("GET", "/info")["version"] for _ in range(count)}


def test_metrics_do_not_pass_the_gateway(deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        assert client.request("GET", "/metrics")[0] == 403


def test_the_id_of_a_request_comes_back(deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}", headers={"X-Request-ID": "abc-123"}) as client:
        assert client.request("GET", "/readyz")[1]["x-request-id"] == "abc-123"


def test_a_request_without_an_id_gets_the_one_that_the_gateway_writes_to_its_log(deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        told = client.request("GET", "/readyz")[1]["x-request-id"]
    gateway = deployed.engine.containers.get(f"{deployed.name}-gateway")
    wait_for("line in the log of the gateway", 10, lambda: f'"request_id":"{told}"'.encode() in gateway.logs())


def test_a_body_that_is_too_large_is_refused_in_the_form_of_the_service(deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        status, headers, content = client.request("POST", "/predict", b" " * (17 * 2**20))
    assert (status, headers["content-type"]) == (413, "application/problem+json")
    assert b'"detail":"the body is larger than the gateway takes"' in content


def test_addresses_of_another_network_are_refused(deployed: Deployed) -> None:
    subnet = deployed.engine.networks.get(f"{deployed.name}-inner").attrs["IPAM"]["Config"][0]["Subnet"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UsageError, match="those of another network"):
        deployed.up(name=f"{deployed.name}-c", subnet=subnet, port=port)


@pytest.fixture
def by_hand(deployed: Deployed, base_image: str) -> Iterator[Container]:
    """Make a container that somebody else might have made, under a name that a stack would use."""
    found = deployed.engine.containers.create(base_image, ["true"], name=f"{deployed.name}-d-1")
    yield found
    found.remove(force=True)


def test_a_container_made_by_hand_is_left_alone(deployed: Deployed, by_hand: Container) -> None:
    other = Deployed(deployed.engine, deployed.folder / "d", deployed.inputs, {**deployed.options})
    with socket.create_server(("127.0.0.1", 0)) as free:
        other.options |= {"name": f"{deployed.name}-d", "port": free.getsockname()[1]}
    with pytest.raises(UsageError, match="mlship has not started"):
        other.up()
    other.down()
    by_hand.reload()
    assert by_hand.status == "created"


def test_the_gateway_gets_a_certificate(
    deployed: Deployed, certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [Path(shutil.copy(file, tmp_path)) for file in certificate]
    for file in files:
        file.chmod(0o644)  # nginx runs as user 10001
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    told = deployed.up(tls_cert=str(files[0]), tls_key=str(files[1]))
    assert (told["new"], told["gateway"]) == (0, "was started anew")
    with Client(f"https://127.0.0.1:{deployed.port}") as client:
        assert client.request("GET", "/readyz")[0] == 200
    assert deployed.up()["gateway"] == "was started anew"


def test_a_single_copy_is_replaced_without_a_lost_request(deployed: Deployed, images: Images) -> None:
    with deployed.load() as load:
        load.wait_for(100)
        deployed.up(image=images.second)
        load.wait_for(100)
    assert load.problems() == []
    assert load.went_back("1", "2") == []
    assert load.last() == "2"
