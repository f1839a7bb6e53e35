"""Images on the real engine: what is in them, that they answer, and what a failing one says and leaves behind."""

import contextlib
import json
import os
import platform
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import pytest
from docker import DockerClient
from docker.models.containers import Container
from docker.models.images import Image

from mlship import golden as golden_set
from mlship import signature as signatures
from mlship.artifacts import digest
from mlship.errors import BaseImageMissingError, BuildError, EngineMissingError, GateError, MlshipError
from mlship.images import base as bases
from mlship.images import build
from mlship.images.docker import DockerBuilder
from mlship.images.engine import owner
from mlship.images.proofs import proof
from mlship.images.proofs.proof import Expected, Limits, prove
from mlship.parity import DOUBLE
from mlship.stages import Outcome

pytestmark = pytest.mark.docker

Inputs = dict[str, Path]

#: No process has this number: the kernel's largest is 2**22.
GONE = f"{socket.gethostname()}:{2**22 + 1}"


@dataclass(frozen=True)
class Built:
    """An image that passed, with what it was made from."""

    builder: DockerBuilder
    inputs: Inputs
    out: Path
    outcome: Outcome
    image: Image

    @property
    def python(self) -> str:
        return str(self.outcome.facts["python"])


def quiet(message: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture(scope="module")
def built(
    engine: DockerClient,
    base_image: str,
    make_service: Callable[..., Inputs],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Built]:
    inputs, out = make_service(), tmp_path_factory.mktemp("built")
    builder = DockerBuilder(tag=f"mlship-test/linear:{os.getpid()}", base=base_image, revision="abc123")
    outcome = builder.run(inputs, out, quiet)
    assert builder.tag
    yield Built(builder, inputs, out, outcome, engine.images.get(builder.tag))
    engine.images.remove(builder.tag, force=True)


@pytest.fixture(scope="module")
def container(engine: DockerClient, built: Built) -> Iterator[Container]:
    """Run the image as locked down as it must bear; it serves all tests that look inside, and is stopped by none."""
    with started(engine, built) as running:
        yield running


@contextlib.contextmanager
def started(engine: DockerClient, built: Built) -> Iterator[Container]:
    running = engine.containers.run(
        built.image, detach=True, read_only=True, cap_drop=["ALL"], network_mode="none", mem_limit="512m"
    )
    try:
        yield running
    finally:
        running.remove(force=True)


@pytest.fixture
def nothing_left(engine: DockerClient) -> Iterator[None]:
    """Fail when the test leaves a container, a tagged image or a dangling one."""
    before = _leavings(engine)
    yield
    assert _leavings(engine) == before


def _leavings(engine: DockerClient) -> set[str]:
    """Return what this process has left on an engine that others use as well."""
    containers = engine.containers.list(all=True, filters={"label": f"{proof.LABEL}={owner()}"}, ignore_removed=True)
    told = [
        *engine.api.images(filters={"label": f"{build.LABEL}={owner()}"}),
        *engine.api.images(filters={"label": f"org.opencontainers.image.version={os.getpid()}"}),
        *engine.api.images(name=f"mlship-test/*:{os.getpid()}*"),
    ]
    return {found.id for found in containers} | {image["Id"] for image in told}


def test_the_image_answers_as_the_model_does(built: Built) -> None:
    facts = built.outcome.facts
    assert facts["built"] is True
    assert facts["parity"]["passed"] is True
    assert facts["parity"]["rows"] == 120
    assert json.loads((built.out / "image.json").read_text()) == facts


def test_the_costs_of_the_image_are_recorded(built: Built) -> None:
    facts = built.outcome.facts
    assert facts["id"] == built.image.id
    assert 10e6 < facts["size_over_base"] < 200e6
    assert 0 < facts["cold_start_seconds"] < 30
    assert 10e6 < facts["rss_bytes"] < 512 * 2**20


def test_the_user_is_a_number_and_not_root(container: Container) -> None:
    assert container.exec_run(["id", "-u"]).output.strip() == b"10001"
    assert container.exec_run(["id", "-g"]).output.strip() == b"10001"


def test_the_service_user_owns_no_file_of_the_service(container: Container) -> None:
    found = container.exec_run(["find", "/opt/app", "!", "-user", "root", "-o", "-perm", "/022", "!", "-type", "l"])
    assert found.output == b""


def test_the_container_stops_when_it_is_asked_to(engine: DockerClient, built: Built) -> None:
    with started(engine, built) as running:
        while b"startup complete" not in running.logs():
            time.sleep(0.1)
        asked = time.monotonic()
        running.stop(timeout=10)
        running.reload()
        assert time.monotonic() - asked < 8
        assert running.attrs["State"]["ExitCode"] in {0, 143}


@pytest.mark.parametrize("program", ["pip", "gcc", "cc", "make"])
def test_the_image_has_no_tool_that_serving_does_not_need(program: str, container: Container) -> None:
    code = f"import shutil, importlib.util as u; exit(bool(shutil.which({program!r}) or u.find_spec({program!r})))"
    assert container.exec_run(["python3", "-c", code]).exit_code == 0


def test_the_image_holds_no_tests_no_wheels_and_no_installer(container: Container) -> None:
    listed = container.exec_run(["find", "/opt/app/service", "/build", "-name", "*.py"]).output.decode()
    assert "/opt/app/service/app.py" in listed
    assert "/tests/" not in listed
    assert "find: '/build'" in listed.replace("\u2018", "'").replace("\u2019", "'")


def test_the_libraries_are_compiled(built: Built, container: Container) -> None:
    found = container.exec_run(["find", "/opt/app/lib/uvicorn", "-name", "main.*.pyc"]).output
    assert f"main.cpython-{built.python.replace('.', '')}.pyc" in found.decode()


def test_docker_finds_the_container_healthy(container: Container) -> None:
    deadline = time.monotonic() + 40
    status = "starting"
    while status == "starting" and time.monotonic() < deadline:
        time.sleep(0.5)
        container.reload()
        status = container.attrs["State"]["Health"]["Status"]
    assert status == "healthy", container.attrs["State"]["Health"]


def test_labels_tell_what_is_in_the_image(built: Built) -> None:
    labels = built.image.labels
    assert labels["org.opencontainers.image.title"] == "linear"
    assert labels["org.opencontainers.image.version"] == str(os.getpid())
    assert labels["org.opencontainers.image.revision"] == "abc123"
    assert labels["org.opencontainers.image.base.name"] == built.builder.base
    assert labels["io.mlship.model.sha256"] == digest(built.inputs["service"] / "model" / "model.onnx")


def test_the_model_is_the_last_layer_and_alone_in_it(built: Built) -> None:
    newest = built.image.history()[0]
    assert "COPY" in newest["CreatedBy"]
    files = [built.inputs["service"] / "model" / name for name in ("model.onnx", "signature.json")]
    assert newest["Size"] == sum(file.stat().st_size for file in files)


def test_another_model_changes_the_last_layer_only(
    engine: DockerClient, built: Built, make_service: Callable[..., Inputs], tmp_path: Path
) -> None:
    inputs = make_service(slope=2.5)
    tag = f"mlship-test/other:{os.getpid()}"
    built.builder.model_copy(update={"tag": tag}).run(inputs, tmp_path, quiet)
    try:
        layers = engine.images.get(tag).attrs["RootFS"]["Layers"]
        before = built.image.attrs["RootFS"]["Layers"]
        assert layers[:-1] == before[:-1]
        assert layers[-1] != before[-1]
    finally:
        engine.images.remove(tag, force=True)


def test_the_context_builds_by_hand(engine: DockerClient, built: Built) -> None:
    tag = f"mlship-test/by-hand:{os.getpid()}"
    image, _ = engine.images.build(path=str(built.out / "context"), tag=tag, rm=True, network_mode="none")
    try:
        assert image.id == built.image.id
    finally:
        engine.images.remove(tag)
        engine.images.prune(filters={"dangling": True, "label": "io.mlship.build=by-hand"})


def test_the_image_is_intact_as_long_as_its_name_leads_to_it(engine: DockerClient, built: Built) -> None:
    outputs = {"image": built.out / "image.json"}
    assert built.builder.intact(outputs)
    name, _, version = str(built.builder.tag).partition(":")
    engine.images.get(built.builder.base).tag(name, version)
    assert not built.builder.intact(outputs)
    built.image.tag(name, version)
    assert built.builder.intact(outputs)


@pytest.mark.usefixtures("nothing_left")
def test_a_service_that_does_not_start_shows_its_log(
    built: Built, make_service: Callable[..., Inputs], tmp_path: Path
) -> None:
    inputs = make_service(app="raise RuntimeError('the model is upside down')")
    error = _failure(BuildError, built, inputs, tmp_path)
    assert "before it was ready" in error.message
    assert "RuntimeError: the model is upside down" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_a_service_that_fails_on_a_row_shows_its_log(
    built: Built, make_service: Callable[..., Inputs], tmp_path: Path
) -> None:
    app = (built.inputs["service"] / "app.py").read_text()
    inputs = make_service(app=app.replace("body, more = b", "raise ValueError('not today'); body, more = b"))
    error = _failure(BuildError, built, inputs, tmp_path)
    assert "does not answer" in error.message
    assert "ValueError: not today" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_an_image_with_other_answers_does_not_pass(built: Built, tmp_path: Path) -> None:
    golden = golden_set.read(built.inputs["golden"])
    shifted = replace(golden, outputs={"prediction": golden.outputs["prediction"] + 1})
    golden_set.write(shifted, tmp_path / "golden.npz")
    error = _failure(GateError, built, built.inputs | {"golden": tmp_path / "golden.npz"}, tmp_path / "out")
    assert "120 of 120 rows differ" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_a_missing_wheel_is_named(built: Built, make_service: Callable[..., Inputs], tmp_path: Path) -> None:
    inputs = make_service(requirements="scikit-learn\n")
    (tmp_path / "wheels").mkdir()
    error = _failure(BuildError, built, inputs, tmp_path, wheels=str(tmp_path / "wheels"))
    assert "no wheel of 'scikit-learn'" in error.message
    assert f"Python {built.python} on" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_a_failing_step_shows_the_end_of_the_log(
    engine: DockerClient, built: Built, make_service: Callable[..., Inputs], tmp_path: Path
) -> None:
    inputs = make_service(app="def broken(:")  # compileall finds it
    error = _failure(BuildError, built, inputs, tmp_path)
    assert "the image could not be built" in error.message
    assert "SyntaxError" in error.message
    assert "\x1b" not in error.message


@pytest.mark.usefixtures("nothing_left")
def test_a_base_that_cannot_be_had_is_named(built: Built, tmp_path: Path) -> None:
    error = _failure(BaseImageMissingError, built, built.inputs, tmp_path, base="localhost:1/no/such:base")
    assert "base image 'localhost:1/no/such:base' is not on the engine and cannot be pulled" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_who_does_not_insist_gets_a_checked_context_where_the_base_cannot_be_had(built: Built, tmp_path: Path) -> None:
    options = {"base": "localhost:1/no/such/python:3.11", "require_base": False}
    outcome = DockerBuilder(**options).run(built.inputs, tmp_path, quiet)
    assert outcome.facts["built"] is False
    assert outcome.facts["parity"]["passed"] is True
    assert (tmp_path / "context" / "Dockerfile").is_file()


@pytest.mark.usefixtures("nothing_left")
def test_a_base_of_another_python_than_asked_for_is_refused(built: Built, tmp_path: Path) -> None:
    error = _failure(BuildError, built, built.inputs, tmp_path, python="3.99")
    assert f"has Python {built.python}, not 3.99" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_a_base_may_call_its_python_python_and_have_an_entrypoint(
    engine: DockerClient, base_image: str, tmp_path: Path
) -> None:
    rename = 'RUN ["mv", "/usr/bin/python3", "/usr/bin/python"]'
    (tmp_path / "Dockerfile").write_text(f'FROM {base_image}\n{rename}\nENTRYPOINT ["/bin/false"]\n')
    engine.images.build(path=str(tmp_path), tag="mlship-test/renamed:1", rm=True)
    try:
        base = bases.ask(engine, "mlship-test/renamed:1")
    finally:
        engine.images.remove("mlship-test/renamed:1", force=True)
    assert base.command == "python"
    assert base.machine == platform.machine()
    assert base.glibc >= (2, 28)


@pytest.mark.usefixtures("nothing_left")
def test_a_base_without_python_is_refused(engine: DockerClient, built: Built, tmp_path: Path) -> None:
    empty = tmp_path / "empty.tar"
    empty.write_bytes(bytes(10240))  # an archive with no file in it
    engine.api.import_image(src=str(empty), repository="mlship-test/empty", tag="1")
    try:
        error = _failure(BuildError, built, built.inputs, tmp_path, base="mlship-test/empty:1")
    finally:
        engine.images.remove("mlship-test/empty:1", force=True)
    assert "has no 'python3' and no 'python'" in error.message


@pytest.mark.usefixtures("nothing_left")
def test_too_little_memory_is_told(engine: DockerClient, built: Built) -> None:
    with pytest.raises(BuildError, match="needs more memory than 12m") as caught:
        prove(engine, built.image.id, _expected(built), Limits("12m", 8000))
    assert caught.value.hint.startswith("--set memory=")


def test_the_container_of_a_killed_run_is_removed_by_the_next(engine: DockerClient, built: Built) -> None:
    orphan = engine.containers.create(built.image, labels={proof.LABEL: GONE})
    prove(engine, built.image.id, _expected(built), Limits("512m", 8000))
    with pytest.raises(docker.errors.NotFound):
        orphan.reload()


def test_the_layers_of_a_killed_build_are_removed_by_the_next(
    engine: DockerClient, built: Built, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {built.builder.base}\nLABEL {build.LABEL}={GONE}\n")
    orphan, _ = engine.images.build(path=str(tmp_path), rm=True)
    built.builder.run(built.inputs, tmp_path, quiet)
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(orphan.id)


def test_an_engine_that_dies_during_the_build_is_told(
    engine: DockerClient, built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _Relay() as relay:
        monkeypatch.setenv("DOCKER_HOST", relay.address)

        def cut(message: str, fraction: float | None = None) -> None:
            if "RUN" in message:
                relay.cut()

        with pytest.raises(EngineMissingError, match=r"stopped answering|no container engine answers"):
            built.builder.run(built.inputs, tmp_path, cut)
    _clear(engine)


def _clear(engine: DockerClient) -> None:
    """Remove the layers of a build that was cut off, once the engine has noticed and let go of them."""
    deadline = time.monotonic() + 20
    found = False
    while time.monotonic() < deadline:
        left = engine.images.list(filters={"dangling": True, "label": f"{build.LABEL}={owner()}"})
        if found and not left:
            return
        found = found or bool(left)
        build.discard(engine, [image.id for image in left])
        time.sleep(0.5)
    pytest.fail("the engine does not let go of the layers of a build that was cut off")


def _expected(built: Built) -> Expected:
    return Expected(golden_set.read(built.inputs["golden"]), signatures.read(built.inputs["signature"]), DOUBLE)


def _failure(kind: type[MlshipError], built: Built, inputs: Inputs, out: Path, **options: Any) -> MlshipError:
    tag = f"mlship-test/failing:{os.getpid()}"
    builder = built.builder.model_copy(update={"tag": tag, **options})
    with pytest.raises(kind) as caught:
        builder.run(inputs, out, quiet)
    return caught.value


class _Relay:
    """A port that leads to the engine's socket until it is cut."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open = [self._server]
        self._threads: list[threading.Thread] = []
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> "_Relay":
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()
        for each in self._open:
            each.close()

    def cut(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._server.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect("/var/run/docker.sock")
                self._open += [caller, engine]
                self._run(self._pump, caller, engine)
                self._run(self._pump, engine, caller)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _run(self, function: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=function, args=arguments)
        self._threads.append(thread)
        thread.start()
