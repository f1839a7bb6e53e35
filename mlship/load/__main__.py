"""A process of the load generator: lines of JSON in and out.

In: its share of a job; then, when it has said that it is ready, the moment to start, in nanoseconds of the clock that
all processes share (``time.monotonic_ns``). The end of the input ends it: it tells what it has measured so far.
Out: {"ready": true}, {"counted": ...}, ..., {"result": ...}; or {"problem": ..., "hint": ...}.
"""

import json
import os
import signal
import sys
import threading
import time

from mlship.errors import ServiceError
from mlship.load.engine import clock
from mlship.load.generating import generate
from mlship.load.wire import read_share, write_counted, write_result


def main() -> None:
    """Read a share, do it, write what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who ends the input
    share, stopping = read_share(sys.stdin.buffer.readline()), threading.Event()

    def starts() -> int:
        _write(b'{"ready": true}\n')
        line = sys.stdin.buffer.readline()
        threading.Thread(target=_watch, args=[stopping], daemon=True).start()
        start = clock() + int(line or 0) - time.monotonic_ns()
        time.sleep(max(start - clock(), 0) * 1e-9)
        return start

    try:
        _write(write_result(generate(share, starts, stopping.is_set, lambda counted: _write(write_counted(counted)))))
    except ServiceError as error:
        _write(json.dumps({"problem": error.message, "hint": error.hint}).encode() + b"\n")


def _watch(stopping: threading.Event) -> None:
    """Wait for the end of the input; sys.stdin has a lock that a thread must not hold when the process ends."""
    while os.read(0, 1):
        pass
    stopping.set()


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
