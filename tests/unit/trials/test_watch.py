import os
import subprocess
import sys
import time

import pytest

from mlship.trials.watch import Memory, Watch


def until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_peak_is_kept_after_the_memory_is_free() -> None:
    with Watch(os.getpid()) as watch:
        before = watch.rss
        assert before is not None
        held = b"x" * 100_000_000
        until(lambda: (watch.rss or 0) > before + 90_000_000)
        del held
        until(lambda: (watch.rss or 0) < before + 50_000_000)
    assert watch.peak.rss is not None
    assert watch.peak.rss > before + 90_000_000


def test_processes_that_it_starts_are_counted_in() -> None:
    grower = "import sys; held = b'x' * 80_000_000; print('ready', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grower!r}])"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with Watch(process.pid) as watch:
            until(lambda: (watch.peak.rss or 0) > 80_000_000)
        process.communicate()


def test_shared_pages_are_divided(capsys: pytest.CaptureFixture[str]) -> None:
    with Watch(os.getpid()) as watch:
        pass
    assert watch.peak.rss is not None
    assert watch.peak.pss is not None
    assert watch.peak.pss <= watch.peak.rss


def test_a_process_that_has_ended_is_not_an_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Watch(process.pid) as watch:
        process.communicate()
    assert watch.rss is None
    assert watch.peak.rss is not None


def test_without_a_process_nothing_is_seen() -> None:
    with Watch(None) as watch:
        pass
    assert (watch.rss, watch.peak) == (None, Memory())
