"""What --up does after one that was killed or refused: it goes on from what that left, and loses no request."""

import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import NotFound

from benchmarks.deploy import faults
from benchmarks.deploy.deployed import Deployed, quiet, wait_for
from mlship.client import Client
from mlship.errors import ServiceError, UsageError
from mlship.targets import known
from mlship.targets.engine import containers, waiting
from tests.integration.targets.conftest import Images

pytestmark = pytest.mark.docker

# one that was told to end answers on for two seconds, in which this nginx goes on asking it
GATEWAY, OPTIONS = "nginx", {"replicas": 1, "env": {"DRAIN_SECONDS": "2"}}

UP = """
import sys
from pathlib import Path
from mlship.targets.compose import read_plan
from mlship.targets.engine import running
folder = Path(sys.argv[1])
running.up(read_plan(folder), folder / "gateway", lambda message, fraction=None: None)
"""


def kill_up(folder: Path, what: str, when: Callable[[], bool]) -> None:
    """Start --up in a process of its own, and kill that ``when`` something is so; ``what`` names it."""
    process = subprocess.Popen([sys.executable, "-c", UP, str(folder)])
    try:
        wait_for(what, 30, when)
        assert process.poll() is None, f"--up was over before there was a {what}"
    finally:
        process.kill()
        process.wait()


def image_of(deployed: Deployed, name: str) -> str:
    """Return the image of a container that runs, or ""."""
    try:
        container = deployed.engine.containers.get(name)
    except NotFound:
        return ""
    return str(container.attrs["Config"]["Image"]) if container.status == "running" else ""


def places(deployed: Deployed) -> set[str]:
    return {name.removeprefix(f"{deployed.name}-") for name in deployed.containers()}


def config(deployed: Deployed) -> str:
    """Return what the gateway finds when it is started again."""
    gateway = deployed.engine.containers.get(f"{deployed.name}-gateway")
    return str(gateway.exec_run(["cat", "/etc/gateway/nginx.conf"]).output.decode())


def test_an_update_killed_while_new_copies_start_goes_on(
    deployed: Deployed, engine: DockerClient, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a copy with a hundredth of a busy processor takes longer than the 30 s that are usual
    monkeypatch.setattr(known.Known, "startup_seconds", 120)
    new = str(engine.images.get(images.second).id)
    # the spare copy of the new version would be gone at once
    wanted = {"image": images.second, "env": {}}
    _, folder = deployed.written(**wanted)
    with deployed.load() as load:
        load.wait_for(100)
        kill_up(folder, "new copy", lambda: image_of(deployed, f"{deployed.name}-1") == new)
        assert places(deployed) == {"1", "spare-1", "gateway"}
        with ThreadPoolExecutor() as threads:
            with faults.slow(deployed, 1):  # so that it is the spare copy that answers, and this one not yet
                told = threads.submit(deployed.up, **wanted)
                load.wait_for(300)
            assert told.result()["new"] == 0
        load.wait_for(100)
    assert load.problems() == []
    assert load.went_back("1", "2") == []
    assert (load.last(), places(deployed)) == ("2", {"1", "gateway"})
    deployed.up()


def test_an_update_killed_while_old_copies_end_goes_on(deployed: Deployed, images: Images) -> None:
    _, folder = deployed.written(image=images.second)
    old = deployed.copy(1)
    with deployed.load() as load:
        load.wait_for(100)
        kill_up(folder, "old copy that ends", lambda: not waiting.is_ready(old))
        assert places(deployed) == {"1", "spare-1", "gateway"}
        deployed.up(image=images.second)
        load.wait_for(100)
    assert load.problems() == []
    assert load.went_back("1", "2") == []
    assert (load.last(), places(deployed)) == ("2", {"1", "gateway"})
    deployed.up()


def test_a_copy_that_has_ended_since_it_was_seen_is_not_ready(deployed: Deployed) -> None:
    seen = deployed.copy(1)
    assert waiting.is_ready(seen)
    deployed.copy(1).stop()
    assert seen.status == "running"
    assert not waiting.is_ready(seen)
    assert deployed.up()["new"] == 1


def test_a_configuration_that_the_gateway_was_not_told_of_is_told(deployed: Deployed) -> None:
    _, folder = deployed.written(max_body=100)
    gateway = deployed.engine.containers.get(f"{deployed.name}-gateway")
    content = (folder / "gateway" / "nginx.conf").read_bytes()
    gateway.put_archive("/etc/gateway", containers.archive({"nginx.conf": content}))  # as if killed after that
    assert deployed.up(max_body=100)["gateway"] == "was told of the change"
    with Client(f"http://127.0.0.1:{deployed.port}") as client:
        assert client.request("POST", "/predict", b" " * 200)[0] == 413
    assert deployed.up()["gateway"] == "was told of the change"
    assert deployed.up()["gateway"] == "is as it was"


def test_a_refused_configuration_leaves_the_one_there_is(deployed: Deployed) -> None:
    before, left = config(deployed), deployed.containers()
    target, folder = deployed.written()
    (folder / "gateway" / "nginx.conf").write_text(f"{before}\nno_such_word;\n")
    for _ in range(2):
        with pytest.raises(ServiceError, match='unknown directive "no_such_word"'):
            target.up(folder, quiet)
    assert config(deployed) == before
    assert deployed.containers() == left
    assert deployed.up()["gateway"] == "is as it was"


def test_a_refused_certificate_leaves_the_gateway_there_is(
    deployed: Deployed, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "key.pem"
    broken.write_text("no key")
    before = deployed.containers()
    with pytest.raises(ServiceError, match="nginx refuses its configuration"):
        deployed.up(tls_cert=str(certificate[0]), tls_key=str(broken))
    assert deployed.containers() == before


def test_a_refused_configuration_starts_nothing(another: Deployed) -> None:
    target, folder = another.written()
    (folder / "gateway" / "nginx.conf").write_text("no_such_word;\n")
    with pytest.raises(ServiceError, match='unknown directive "no_such_word"'):
        target.up(folder, quiet)
    assert left(another) == []


def test_another_gateway_takes_over_once(deployed: Deployed, gateway_image: Callable[[str], str]) -> None:
    envoy = {"gateway": "envoy", "gateway_image": gateway_image("envoy")}
    assert deployed.up(**envoy)["gateway"] == "was started anew"
    assert deployed.up(**envoy)["gateway"] == "is as it was"
    assert deployed.up()["gateway"] == "was started anew"
    assert deployed.up()["gateway"] == "is as it was"


@pytest.fixture
def another(deployed: Deployed) -> Deployed:
    """Return a stack that is not there yet."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        options = {**deployed.options, "name": f"{deployed.name}-x", "port": free.getsockname()[1]}
    return Deployed(deployed.engine, deployed.folder / "x", deployed.inputs, options)


def left(stack: Deployed) -> list[str]:
    """Return the names of what a stack has on the engine."""
    mine = {"label": f"{containers.STACK}={stack.name}"}
    made = stack.engine.containers.list(all=True, filters=mine, ignore_removed=True)
    found = [*made, *stack.engine.networks.list(filters=mine), *stack.engine.volumes.list(filters=mine)]
    return sorted(str(each.name) for each in found)


@pytest.mark.parametrize("place", ["1", "spare-1", "gateway"])
def test_a_container_that_is_not_ours_is_refused_before_anything_is_made(
    another: Deployed, base_image: str, place: str
) -> None:
    theirs = another.engine.containers.create(base_image, ["true"], name=f"{another.name}-{place}")
    try:
        with pytest.raises(UsageError, match=f"there is a container '{theirs.name}' that mlship has not started"):
            another.up()
    finally:
        theirs.remove(force=True)
    assert left(another) == []


def test_a_volume_that_is_not_ours_is_refused_before_anything_is_made(another: Deployed) -> None:
    theirs = another.engine.volumes.create(f"{another.name}-gateway")
    try:
        with pytest.raises(UsageError, match=f"there is a volume '{theirs.name}' that mlship has not made"):
            another.up()
    finally:
        theirs.remove()
    assert left(another) == []


@pytest.mark.parametrize("which", ["inner", "outer"])
def test_a_network_that_is_not_ours_is_refused_before_anything_is_made(another: Deployed, which: str) -> None:
    theirs = another.engine.networks.create(f"{another.name}-{which}")
    try:
        with pytest.raises(UsageError, match=f"there is a network '{theirs.name}' that mlship has not made"):
            another.up()
    finally:
        theirs.remove()
    assert left(another) == []
