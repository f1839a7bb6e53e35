"""Closed loops on several services that take turns of some hundredths of a second, in one process.

Noise of a machine comes and goes within tenths of a second. Who measures one service for half a second and then another
one compares their luck; neighbouring short turns share it. Starting a generator takes longer than such a turn, so all
of them belong to one process.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import IO

from mlship.errors import ServiceError
from mlship.load.address import locate, request
from mlship.load.closed import Closed
from mlship.load.engine import Engine, clock
from mlship.load.job import Job, Result
from mlship.load.merging import Merging
from mlship.load.tally import Counted, Tally
from mlship.load.wire import (
    Share,
    read_counted,
    read_result,
    read_share,
    write_counted,
    write_result,
    write_share,
)

_SECOND = 1_000_000_000
_START, _POLL = 30.0, 0.05


def take_turns(jobs: Sequence[Job], order: Sequence[int], *, stop: threading.Event | None = None) -> list[Result]:
    """Let ``jobs``, by their numbers in ``order``, take turns: closed loops of ``seconds``, each after its warm-up.

    Returns for each job what came of all its turns together; each turn is one of its slices. What goes wrong with
    requests stands in the results. When ``stop`` is set meanwhile, what was measured is lost and nothing is returned.
    Raises ServiceError for a URL that cannot be used, or when the generator dies or does not end in time.
    """
    question = b"".join(write_share(Share(job)) for job in jobs) + json.dumps(list(order)).encode() + b"\n"
    turn = max(job.warm_up_seconds + job.seconds + job.timeout_seconds for job in jobs)
    deadline = time.monotonic() + _START + len(order) * turn
    with tempfile.TemporaryFile() as log, tempfile.TemporaryFile() as answer:
        command = [sys.executable, "-P", "-m", "mlship.load.turns", str(len(jobs))]
        with subprocess.Popen(  # in a group of its own, as Ctrl-C is not for it
            command, stdin=subprocess.PIPE, stdout=answer, stderr=log, process_group=0
        ) as process:
            try:
                _wait(process, question, deadline, stop or threading.Event())
            finally:
                process.kill()
        if stop is not None and stop.is_set():
            return []
        if process.returncode:
            log.seek(0)
            words = log.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            raise ServiceError(f"the load generator failed: {' '.join(words) or 'no reason told'}")
        answer.seek(0)
        return [_read(answer) for _ in jobs]


def _wait(process: "subprocess.Popen[bytes]", question: bytes, deadline: float, stop: threading.Event) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(question)
        process.stdin.flush()  # and left open: its end ends the process
    except OSError:
        pass  # it has died, and its last words say why
    while not stop.is_set():
        try:
            process.wait(_POLL)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise ServiceError("the load generator did not end in time", "is the machine overloaded?") from None
        else:
            return


def _read(answer: IO[bytes]) -> Result:
    merging = Merging(1, None)
    for text in answer:
        match json.loads(text):
            case {"counted": counted}:
                merging.add(read_counted(counted, answer))
            case {"result": result}:
                return merging.result([read_result(result)])
            case {"problem": problem, "hint": hint}:
                raise ServiceError(problem, hint)
    raise ServiceError("the load generator told less than it was asked for")


class _Side:
    """One of the services: its connections, and what came of its turns so far."""

    def __init__(self, job: Job) -> None:
        self.job, self.turns = job, list[Counted]()
        self.failures: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.busy = 0.0
        address = locate(job.url, job.timeout_seconds)
        requests = [request(address, job.path, job.headers, body) for body in job.bodies]
        self.engine = Engine(address, requests, job.connections, int(job.timeout_seconds * _SECOND))
        self.engine.connect()

    def turn(self) -> None:
        """Ask for as long as a turn is, and wait for what was asked."""
        start = clock()
        begin = start + int(self.job.warm_up_seconds * _SECOND)
        tally = Tally(begin, self.job.seconds, self.job.seconds, self._take)
        end = begin + int(self.job.seconds * _SECOND)
        self.engine.run(Closed(self.engine, end, self.job.requests), tally, lambda: False)
        for kind, count in tally.failures.items():
            self.failures[kind] = self.failures.get(kind, 0) + count
        self.failed = {**tally.failed, **self.failed}
        self.busy += self.engine.busy_share

    def write(self) -> None:
        """Write all turns, and what came of them; ``busy_share`` is the mean."""
        result = Result(
            slices=(),
            seconds=sum(turn.seconds for turn in self.turns),
            sent=self.engine.sent,
            answers=self.engine.answers.contents(),
            unchecked=self.engine.answers.unchecked,
            reconnected=self.engine.reconnected,
            busy_share=self.busy / max(len(self.turns), 1),
            failures=self.failures,
            failed=self.failed,
        )
        for part in [*map(write_counted, self.turns), write_result(result)]:
            sys.stdout.buffer.write(part)

    def _take(self, counted: Counted) -> None:
        self.turns.append(replace(counted, number=len(self.turns)))


def main() -> None:
    """Read jobs, of which the argument says how many there are, and their order; write a line a job."""
    jobs = [read_share(sys.stdin.buffer.readline()).job for _ in range(int(sys.argv[1]))]
    order = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    try:
        sides = [_Side(job) for job in jobs]
    except ServiceError as error:
        sys.stdout.buffer.write(json.dumps({"problem": error.message, "hint": error.hint}).encode() + b"\n")
        return
    gc.freeze()
    gc.disable()  # a collection would look like a slow answer
    for number in order:
        sides[number].turn()
    for side in sides:
        side.write()


def _end_with_input() -> None:
    """End this process when the one that asked is gone, however that ended."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
