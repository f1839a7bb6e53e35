import os
import socket
import sys
import time
from pathlib import Path

import pytest

from mlship.errors import DataError, QuarantineError
from mlship.quarantine import Limits, visit

BEHAVIOUR = """
import ctypes, os, socket, sys, time
from mlship.errors import DataError

def answer(request, channel):
    print("models print all kinds of things")
    channel.progress("half way", 0.5)
    while (question := channel.receive()) is not None:
        channel.reply({"twice": question["number"] * 2})
        if question["number"] == 0:
            break
    return {"environment": dict(os.environ), "cwd_on_path": "" in sys.path or os.getcwd() in sys.path}

def look_outside(request, channel):
    try:
        socket.create_connection(("127.0.0.1", request["port"]), timeout=2).close()
    except OSError as error:
        return {"connected": False, "why": str(error)}
    return {"connected": True}

def refuse(request, channel):
    raise DataError("that column is not there", "try another")

def die(request, channel):
    os.abort()

def fail(request, channel):
    raise RuntimeError("something unforeseen")

def sleep(request, channel):
    time.sleep(60)

def eat(request, channel):
    bytearray(8 * 1024**3)

def crash(request, channel):
    ctypes.string_at(0)

def be_killed(request, channel):
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def behaviour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "behaviour_in_quarantine.py").write_text(BEHAVIOUR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "behaviour_in_quarantine"


def test_a_file_in_the_current_folder_cannot_pose_as_a_library(
    behaviour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "socket.py").write_text("raise SystemExit('I posed as a library')")
    monkeypatch.chdir(tmp_path / "elsewhere")
    with visit(f"{behaviour}:answer", {}) as visited:
        visited.ask({"number": 0})
        assert visited.wait()["cwd_on_path"] is False


def test_questions_are_answered_and_prints_do_not_disturb(behaviour: str) -> None:
    with visit(f"{behaviour}:answer", {}) as visited:
        heard: list[tuple[str, float | None]] = []
        visited._send({"number": 4})
        assert visited.wait(lambda *event: heard.append(event)) == {"twice": 8}
        assert heard == [("half way", 0.5)]
        assert visited.ask({"number": 0}) == {"twice": 0}


def test_credentials_of_the_shell_stay_outside(behaviour: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with visit(f"{behaviour}:answer", {}) as visited:
        visited.ask({"number": 0})
        environment = visited.wait()["environment"]
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert environment["PATH"] == os.environ["PATH"]


def test_the_network_is_out_of_reach_where_the_kernel_allows_it(behaviour: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        visit(f"{behaviour}:look_outside", {"port": server.getsockname()[1]}) as visited,
    ):
        found = visited.wait()
    if sys.platform == "linux" and os.geteuid() == 0:
        assert found["network"] == "none"
    assert found["connected"] is (found["network"] != "none")


def test_errors_of_mlship_cross_the_border(behaviour: str) -> None:
    with visit(f"{behaviour}:refuse", {}) as visited, pytest.raises(DataError, match="not there") as caught:
        visited.wait()
    assert caught.value.hint == "try another"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("die", r"crashed \(SIGABRT\)"),
        ("crash", r"crashed \(SIGSEGV\)"),
        ("be_killed", "killed by the system"),
        ("fail", "something unforeseen"),
    ],
)
def test_a_death_is_told_with_its_cause(behaviour: str, function: str, words: str) -> None:
    with visit(f"{behaviour}:{function}", {}) as visited, pytest.raises(QuarantineError, match=words):
        visited.wait()


def test_a_visit_that_takes_too_long_is_stopped(behaviour: str) -> None:
    begun = time.monotonic()
    with (
        visit(f"{behaviour}:sleep", {}, Limits(seconds=1.0)) as visited,
        pytest.raises(QuarantineError, match="longer than 1 s"),
    ):
        visited.wait()
    assert time.monotonic() - begun < 20


def test_a_visit_that_wants_too_much_memory_is_refused_it(behaviour: str) -> None:
    with (
        visit(f"{behaviour}:eat", {}, Limits(memory=4 * 1024**3)) as visited,
        pytest.raises(QuarantineError, match="more memory than there is"),
    ):
        visited.wait()
