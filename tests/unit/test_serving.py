import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from mlship import artifacts
from mlship.errors import MissingDependencyError, ServiceError
from mlship.extras import missing
from mlship.serving import require_packages, running

APP = """
import helper

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": helper.status(), "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})
"""

SERVE = """
import os

import uvicorn

if __name__ == "__main__":
    uvicorn.run("app:app", host=os.environ["HOST"], port=int(os.environ["PORT"]))
"""


@pytest.fixture
def service(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "serve.py").write_text(SERVE)
    (tmp_path / "helper.py").write_text("def status(): return 200\n")
    return tmp_path


def test_a_service_answers_while_the_context_lasts(service: Path) -> None:
    with running(service) as ready:
        assert urllib.request.urlopen(f"{ready.url}/readyz", timeout=5).status == 200
        assert psutil.Process(ready.pid).is_running()
        assert 0 < ready.cold_start < 30
    assert not psutil.pid_exists(ready.pid)


def test_the_cold_start_ends_with_the_first_answer(service: Path) -> None:
    with running(service, ask=lambda url: time.sleep(0.3)) as ready:
        assert ready.cold_start > 0.3


def test_a_service_is_ended_when_its_first_answer_is_wrong(service: Path) -> None:
    def ask(url: str) -> None:
        raise ServiceError(f"{url} answers wrong")

    with pytest.raises(ServiceError, match="answers wrong") as caught, running(service, ask=ask):
        pass
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(caught.value.message.split()[0], timeout=5)


def test_a_service_is_ended_when_the_work_with_it_fails(service: Path) -> None:
    with pytest.raises(KeyboardInterrupt), running(service) as ready:
        raise KeyboardInterrupt
    assert not psutil.pid_exists(ready.pid)


def test_a_service_that_ignores_the_polite_signal_is_killed(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlship.serving._GRACE", 0.3)
    ignoring = "\nimport os\nif os.fork() == 0:\n    os.execvp('sleep', ['sleep', '60'])\n"
    (service / "helper.py").write_text(f"{ignoring}\ndef status(): return 200\n")
    with running(service) as ready:
        [child] = psutil.Process(ready.pid).children()
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_running_a_service_leaves_its_folder_alone(service: Path) -> None:
    before = sorted(service.rglob("*")), artifacts.digest(service)
    with running(service):
        pass
    assert (sorted(service.rglob("*")), artifacts.digest(service)) == before


def test_a_service_that_does_not_start_shows_what_it_said(service: Path) -> None:
    (service / "helper.py").write_text("raise RuntimeError('the model is missing')\n")
    with pytest.raises(ServiceError, match="ended with exit code 1") as caught, running(service):
        pass
    assert "the model is missing" in caught.value.message
    assert str(service) in caught.value.hint


def test_a_service_that_is_never_ready_is_given_up(service: Path) -> None:
    (service / "helper.py").write_text("def status(): return 503\n")
    with pytest.raises(ServiceError, match=r"was not ready within 1\.5 s"), running(service, timeout=1.5):
        pass
    assert not _left_behind(service)


def _left_behind(service: Path) -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if process.cwd() == str(service)]


def test_a_folder_without_a_server_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"no serve\.py"), running(tmp_path):
        pass


def test_variables_of_the_caller_reach_the_service(service: Path) -> None:
    (service / "helper.py").write_text("import os\ndef status(): return int(os.environ['STATUS'])\n")
    with running(service, environment={"STATUS": "200"}) as ready:
        assert urllib.request.urlopen(f"{ready.url}/readyz", timeout=5).status == 200


@pytest.mark.parametrize("name", ["API_KEYS", "API_KEYS_FILE", "RATE_LIMIT", "CORS_ORIGINS"])
def test_access_settings_of_the_shell_do_not_reach_the_service(
    service: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    (service / "helper.py").write_text(f"import os\ndef status(): return 500 if '{name}' in os.environ else 200\n")
    with running(service) as ready:
        assert urllib.request.urlopen(f"{ready.url}/readyz", timeout=5).status == 200


@pytest.mark.parametrize("line", ["no-such-framework>=1", "no-such-framework[extra]; python_version > '3'"])
def test_a_framework_that_is_not_installed_is_named(service: Path, line: str) -> None:
    (service / "requirements.txt").write_text(f"# what it needs\nnumpy\n\n{line}\n")
    with pytest.raises(MissingDependencyError, match="'no-such-framework', which is not installed") as caught:
        require_packages(service)
    assert caught.value.hint == 'pip install "no-such-framework"'


def test_a_service_that_does_not_start_without_its_framework_asks_for_that(service: Path) -> None:
    (service / "requirements.txt").write_text("no-such-framework\n")
    (service / "helper.py").write_text("import no_such_framework\n")
    with pytest.raises(MissingDependencyError, match="'no-such-framework'"), running(service):
        pass


def test_the_extra_that_brings_a_framework_is_named() -> None:
    assert missing("django", "the service").hint == 'pip install "mlship[django]"'


def test_a_requirement_of_another_system_is_not_asked_for(service: Path) -> None:
    (service / "requirements.txt").write_text("no-such-framework; sys_platform == 'no-such-system'\n-r other.txt\n")
    require_packages(service)


def test_an_interpreter_that_is_not_there_is_named(service: Path) -> None:
    with pytest.raises(ServiceError, match="no-such-python"), running(service, python="/no-such-python"):
        pass


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_a_service_ends_when_its_starter_is_killed(service: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from mlship.serving import running
with running(Path(sys.argv[1])) as ready:
    print(ready.pid, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(service)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        os.kill(starter.pid, signal.SIGKILL)
    for _ in range(100):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    pytest.fail("the service is still running")
