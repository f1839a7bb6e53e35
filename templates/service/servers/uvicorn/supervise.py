"""Start workers, start another for one that has died, and end all of them together.

A worker is the same command with a listening socket of its own: connections that wait there outlive the worker. The
service is ready once all of them serve: before that, one may be told to end that has connections and cannot answer yet.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from core.running.parents import PARENT
from core.running.start import shared_folder

#: The variable by which a worker knows its socket.
SOCKET = "SERVICE_SOCKET"
#: The file that is there until all workers serve.
_STARTING = "starting"


def run(sockets: Sequence[socket.socket]) -> int:
    """Keep a worker at each of ``sockets`` until this process is told to end; returns the exit code.

    A worker that ends before it was ready ends all: another would do the same.
    """
    with shared_folder() as shared:
        (shared / _STARTING).touch()
        return _Workers(sockets, shared).run()


def serves(shared: Path, workers: int) -> None:
    """Say that this worker serves, which may be the last of all ``workers``."""
    _serves(shared, os.getpid()).touch()
    if len(list(shared.glob(_serves(shared, "*").name))) >= workers:
        (shared / _STARTING).unlink(missing_ok=True)


def _serves(shared: Path, pid: int | str) -> Path:
    return shared / f"ready-{pid}"


class _Workers:
    def __init__(self, sockets: Sequence[socket.socket], shared: Path) -> None:
        self._sockets = sockets
        self._shared = shared
        self._running: dict[int, socket.socket] = {}
        self._starting = False
        self._told = 0  # the signal that ends all
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)

    def run(self) -> int:
        code = 0
        for each in self._sockets:
            self._start(each)
        while self._running:
            pid, status = os.wait()
            listening = self._running.pop(pid)
            if self._told:
                continue
            if _serves(self._shared, pid).exists():
                sys.stderr.write(f"worker {pid} has ended: starting another\n")
                self._start(listening)
            else:
                code = max(1, os.waitstatus_to_exitcode(status))
                self._end(signal.SIGINT)
        return code

    def _start(self, listening: socket.socket) -> None:
        if self._told:
            return
        told = {SOCKET: str(listening.fileno()), PARENT: str(os.getpid()), "SHARED_DIR": str(self._shared)}
        told["WORKERS"] = str(len(self._sockets))  # "auto" might find another number now, and wait for it for ever
        self._starting = True
        command = [sys.executable, *sys.argv]
        worker = subprocess.Popen(command, env=os.environ | told, pass_fds=[listening.fileno()])  # noqa: S603
        self._running[worker.pid] = listening
        worker.returncode = 0  # who waits for it is os.wait above
        self._starting = False
        if self._told:
            self._end(self._told)

    def _tell(self, number: int, _: FrameType | None) -> None:
        if self._told:
            self._pass_on(signal.SIGKILL)
            sys.exit(128 + number)
        self._told = number
        if not self._starting:
            self._end(number)

    def _end(self, number: int) -> None:
        self._told = number
        self._pass_on(number)
        for each in self._sockets:  # the workers have them as well: once they close theirs, the port is closed
            each.close()

    def _pass_on(self, number: int) -> None:
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
