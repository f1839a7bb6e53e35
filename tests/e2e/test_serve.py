"""The story of a service on one's own machine: scaffold it, run it, ask it, change it, end it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from mlship.serving import is_ready
from tests.e2e.conftest import Mlship


@pytest.fixture(scope="module")
def converted(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a model that is converted, and a service in Flask."""
    folder = tmp_path_factory.mktemp("converted")
    command = str(Path(sys.executable).with_name("mlship"))
    model = [str(trained / "linear.joblib"), "--data", str(trained / "linear.npy")]
    for stage in (["convert", *model], ["scaffold", "--framework", "flask"]):
        subprocess.run([command, *stage], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def workspace(converted: Path, tmp_path: Path) -> Path:
    return shutil.copytree(converted, tmp_path / "workspace")


@contextmanager
def served(workspace: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run ``mlship serve`` on a free port until it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    command = [str(Path(sys.executable).with_name("mlship")), "serve", "--port", str(port), *flags]
    with subprocess.Popen(command, cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: process.poll() is not None or is_ready("127.0.0.1", port))
            yield process, port
        finally:
            with suppress(psutil.NoSuchProcess):
                for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                    each.kill()


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_it_answers_the_command_that_it_prints_until_ctrl_c(workspace: Path) -> None:
    with served(workspace, "--workers", "auto") as (process, port):
        assert process.stderr is not None
        asked, told = process.stderr.readline().removeprefix("try: "), process.stderr.readline()
        answer = subprocess.run(["sh", "-c", f"{asked.strip()} --silent"], capture_output=True, text=True, check=True)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert f"http://127.0.0.1:{port}/predict" in asked
    examples = json.loads((workspace / "service" / "model" / "examples.json").read_bytes())["examples"]
    expected = examples[0]["answer"]["prediction"]
    assert json.loads(answer.stdout)["prediction"] == pytest.approx(expected)
    assert (process.returncode, out) == (0, "")
    assert told.startswith(f"serving at http://127.0.0.1:{port} with ")
    assert "Traceback" not in err


def test_with_json_the_address_is_a_document(workspace: Path) -> None:
    with served(workspace, "--json") as (process, port):
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=20)
    assert json.loads(out)["url"] == f"http://127.0.0.1:{port}"


def test_in_development_a_new_model_is_served(workspace: Path) -> None:
    with served(workspace, "--dev") as (_, port):
        info = ["curl", "--silent", f"http://127.0.0.1:{port}/info"]
        before = json.loads(subprocess.run(info, capture_output=True, check=True).stdout)["signature_sha256"]
        signature = workspace / "service" / "model" / "signature.json"
        signature.write_text(json.dumps(json.loads(signature.read_text()), indent=1))

        def changed() -> bool:
            told = subprocess.run(info, capture_output=True, check=False).stdout
            return bool(told) and json.loads(told)["signature_sha256"] != before

        until(changed)


def test_a_setting_that_cannot_be_meant_ends_with_the_exit_code_of_the_service(workspace: Path, mlship: Mlship) -> None:
    ran = mlship("serve", "--workers", "many", cwd=workspace)
    assert ran.code == 2
    assert "error: WORKERS='many' is neither" in ran.err


def test_without_a_service_it_says_what_to_do(mlship: Mlship) -> None:
    ran = mlship("serve")
    assert ran.code == 2
    assert "there is no service in this workspace yet" in ran.err
    assert "hint: mlship scaffold" in ran.err


def test_a_framework_that_is_not_installed_is_named(workspace: Path, mlship: Mlship) -> None:
    requirements = workspace / "service" / "requirements.txt"
    requirements.write_text(requirements.read_text() + "no-such-framework>=1\n")
    ran = mlship("serve", cwd=workspace)
    assert ran.code == 3
    assert "needs the package 'no-such-framework', which is not installed" in ran.err


@pytest.mark.parametrize(("framework", "file"), [("fastapi", "fast.py"), ("asgi", "fast.py"), ("django", "manage.py")])
def test_the_framework_is_a_word(workspace: Path, mlship: Mlship, framework: str, file: str) -> None:
    ran = mlship("scaffold", "--framework", framework, cwd=workspace)
    assert ran.code == 0, ran.err
    assert (workspace / "service" / file).is_file()


@pytest.mark.parametrize("command", ["scaffold", "ship"])
def test_a_wrong_framework_is_told_the_nearest(workspace: Path, mlship: Mlship, command: str) -> None:
    ran = mlship(command, "--framework", "flaks", cwd=workspace)
    assert ran.code == 2
    assert "'flaks'" in ran.err
    assert "did you mean 'flask'?" in ran.err


def test_two_names_for_one_framework_are_refused(workspace: Path, mlship: Mlship) -> None:
    ran = mlship("scaffold", "--framework", "flask", "--plugin", "django", cwd=workspace)
    assert ran.code == 2


def test_a_service_with_grpc_asks_for_its_package(workspace: Path, mlship: Mlship) -> None:
    ran = mlship("scaffold", "--grpc", cwd=workspace)
    assert ran.code == 0, ran.err
    assert "grpcio" in (workspace / "service" / "requirements.txt").read_text()
