"""Run a job in processes of its own, and put together what they tell."""

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from mlship.errors import ServiceError
from mlship.load.dividing import divide
from mlship.load.job import Job, Result, Slice
from mlship.load.merging import Merging
from mlship.load.wire import Share, read_counted, read_result, write_share

#: Seconds: to start a process, to hand the start over, to end.
_START, _AHEAD, _GRACE = 30.0, 0.02, 5.0
_POLL = 0.1
#: Bytes that a process can tell before it has to wait for this one: the latencies of some slices.
_PIPE = 1 << 20

_Line = tuple[int, dict[str, Any] | None]


def run(job: Job, *, stop: threading.Event | None = None, on_slice: Callable[[Slice], None] | None = None) -> Result:
    """Put the load of ``job`` on its URL and return what came of it.

    ``on_slice`` is called with each slice when all processes have told it. Once ``stop`` is set, what was measured so
    far is returned. What goes wrong with requests stands in the result.
    Raises ServiceError for a URL that cannot be used, or when a generator dies or does not end in time.
    """
    lines: queue.Queue[_Line] = queue.Queue()
    with ExitStack() as stack:
        shares = divide(job)
        generators = [stack.enter_context(_Generator(number, share, lines)) for number, share in enumerate(shares)]
        return _Run(job, generators, lines, stop or threading.Event(), on_slice).result()


class _Generator:
    """A process, a thread that reads its lines, and the end of its input."""

    def __init__(self, number: int, share: Share, lines: "queue.Queue[_Line]") -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlship.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=_PIPE,
            stderr=self._log,
            process_group=0,  # Ctrl-C is not for it, from its first moment on
        )
        self._number, self._share, self._lines = number, share, lines
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        self.write(write_share(self._share))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it has told all, or it never will
        self._process.wait()
        self._reader.join()
        self.stop()
        assert self._process.stdout
        self._process.stdout.close()
        self._log.close()

    def write(self, line: bytes) -> None:
        """Write a line to it, unless it was asked to end; where it has died, the reader tells."""
        assert self._process.stdin
        if self._process.stdin.closed:
            return
        with contextlib.suppress(OSError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ask it to end."""
        assert self._process.stdin
        with contextlib.suppress(OSError):  # what was written last did not reach it
            self._process.stdin.close()

    def last_words(self) -> str:
        """Return the last line of its error output."""
        self._log.seek(0)
        return " ".join(self._log.read().decode("utf-8", "replace").strip().splitlines()[-1:])

    def _read(self) -> None:
        assert self._process.stdout
        while line := self._process.stdout.readline():
            told = json.loads(line)
            if "counted" in told:
                told = {"counted": read_counted(told["counted"], self._process.stdout)}
            self._lines.put((self._number, told))
        self._lines.put((self._number, None))


class _Run:
    def __init__(
        self,
        job: Job,
        generators: Sequence[_Generator],
        lines: "queue.Queue[_Line]",
        stop: threading.Event,
        on_slice: Callable[[Slice], None] | None,
    ) -> None:
        self._job, self._generators, self._lines, self._stop = job, generators, lines, stop
        self._failed = False
        self._merging = Merging(len(generators), on_slice)
        self._patience = _START + job.timeout_seconds
        self._seconds = job.warm_up_seconds + job.seconds + 3 * job.timeout_seconds + _GRACE
        self._ready = 0
        self._results: dict[int, Result] = {}

    def result(self) -> Result:
        deadline, stopping = time.monotonic() + self._patience, False
        while len(self._results) < len(self._generators):
            if (self._stop.is_set() or self._failed) and not stopping:
                stopping, deadline = True, time.monotonic() + _GRACE
                for generator in self._generators:
                    generator.stop()
            try:
                number, line = self._lines.get(timeout=_POLL)
            except queue.Empty:
                if time.monotonic() > deadline:
                    raise ServiceError("the load generator did not end in time", "is the machine overloaded?") from None
                continue
            if self._take(number, line):
                deadline = time.monotonic() + self._seconds
        return self._merging.result(list(self._results.values()))

    def _take(self, number: int, line: dict[str, Any] | None) -> bool:
        """Take a line in; return whether it was the one that all waited for to start."""
        match line:
            case {"ready": True}:
                self._ready += 1
                if self._ready == len(self._generators):
                    self._start()
                    return True
            case {"counted": counted}:
                self._merging.add(counted)
            case {"result": result}:
                self._results[number] = read_result(result)
                self._failed |= self._job.until_failure and bool(self._results[number].failures)
            case {"problem": problem, "hint": hint}:
                raise ServiceError(problem, hint)
            case _ if number in self._results:
                pass
            case _ if self._stop.is_set():  # whoever stopped this may have ended it too
                self._results[number] = Result((), 0.0, 0, [[] for _ in self._job.bodies])
            case _:
                raise ServiceError(
                    f"the load generator died: {self._generators[number].last_words() or 'no reason told'}"
                )
        return False

    def _start(self) -> None:
        moment = time.monotonic_ns() + int(_AHEAD * 1e9)
        for generator in self._generators:
            generator.write(b"%d\n" % moment)
