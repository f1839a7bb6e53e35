"""Copies behind Envoy on the engine, under a constant load: faults and updates, without a lost request."""

import pytest

from benchmarks.deploy import faults
from benchmarks.deploy.deployed import Deployed, wait_for
from mlship.client import Client
from tests.integration.targets.conftest import Images

pytestmark = pytest.mark.docker

GATEWAY, OPTIONS = "envoy", {"replicas": 3}


@pytest.mark.parametrize("path", ["/metrics", "/%6detrics", "//metrics", "/v2/../metrics", "/metrics?a=1"])
def test_metrics_do_not_pass_the_gateway_however_they_are_written(path: str, deployed: Deployed) -> None:
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        assert client.request("GET", path)[0] == 403


def test_no_request_is_lost_when_a_copy_is_killed_and_another_freezes(deployed: Deployed) -> None:
    with deployed.load() as load:
        load.wait_for(100)
        faults.kill(deployed, 1)
        with faults.frozen(deployed, 2):
            load.wait_for(600)
    assert load.problems() == []
    wait_for("restart of the copy that was killed", 10, lambda: faults.ended(deployed, 1) == 1)


def test_no_request_is_lost_when_a_copy_is_slow_and_another_runs_out_of_memory(deployed: Deployed) -> None:
    with deployed.load() as load:
        load.wait_for(100)
        with faults.slow(deployed, 2):
            faults.out_of_memory(deployed, 3)
            load.wait_for(600)
    assert load.problems() == []
    wait_for("restart of the copy that was out of memory", 10, lambda: faults.ended(deployed, 3) == 1)


def test_an_update_and_the_way_back_lose_no_request_and_mix_no_versions(deployed: Deployed, images: Images) -> None:
    with deployed.load() as load:
        load.wait_for(100)
        told = deployed.up(image=images.second)
        load.wait_for(100)
    assert told["new"] == 3
    assert load.problems() == []
    assert load.went_back("1", "2") == []
    assert load.last() == "2"
    with deployed.load() as load:
        deployed.up()
        load.wait_for(100)
    assert load.problems() == []
    assert load.went_back("2", "1") == []
    assert load.last() == "1"
