"""Start the service anew when one of its files changes: for development."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import sleep
from types import FrameType

_POLL = 0.25


def run(folders: Iterable[Path], environment: Mapping[str, str]) -> int:
    """Run the same command in ``environment``, with RELOAD off, until this process is told to end.

    Returns the exit code. A service that does not start waits for the next change.
    """
    told: list[int] = []
    service: subprocess.Popen[bytes] | None = None

    def tell(number: int, _: FrameType | None) -> None:
        told.append(number)
        if len(told) > 1 and service:  # what the first one means is done below
            service.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    while True:
        seen = _state(folders)
        # in a group of its own: Ctrl-C is for this process, which hands it on
        command = [sys.executable, *sys.argv]
        service = subprocess.Popen(command, env={**environment, "RELOAD": "0"}, process_group=0)  # noqa: S603
        while not told and _state(folders) == seen:
            sleep(_POLL)
        # nobody waits on one's own machine for the seconds in which SIGTERM lets it drain
        service.send_signal(told[0] if told else signal.SIGINT)
        code = service.wait()
        if told:
            return code
        sys.stderr.write("a file has changed: starting anew\n")


def _state(folders: Iterable[Path]) -> Mapping[str, int]:
    """Return when each file was changed, in nanoseconds; those of caches and of a .venv do not count."""
    state = {}
    for folder in folders:
        for home, names, files in os.walk(folder):
            names[:] = [name for name in names if not name.startswith((".", "__"))]
            for path in (os.path.join(home, name) for name in files):
                try:
                    state[path] = os.stat(path).st_mtime_ns
                except OSError:  # gone in the meantime
                    continue
    return state
