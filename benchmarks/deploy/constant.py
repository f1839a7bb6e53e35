"""A constant rate of requests, each of which is due at its time and is held against the right answer."""

import http.client
import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

#: Connections: each client keeps its own open, as clients do.
CLIENTS = 16
_PATIENCE, _LONGEST = 15.0, 60.0


@dataclass(frozen=True)
class Answer:
    """What came back for one request; times in seconds of the monotonic clock, ``problem`` is "" for a right answer.

    ``connection``: the number of the client, and how often it had connected before.
    """

    due: float
    done: float
    connection: tuple[int, int]
    version: str
    problem: str


@dataclass
class Constant:
    """Asks ``path`` on 127.0.0.1 ``rate`` times a second, while the context lasts, at most ``limit`` times.

    ``bodies`` are asked in turn; ``right`` are their answers.
    """

    port: int
    path: str
    bodies: Sequence[bytes]
    right: Sequence[Any]
    rate: float = 200.0
    limit: int = 20_000
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        self._started = time.monotonic() + 0.1

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until there are so many ``more`` answers; raises TimeoutError after a minute."""
        wanted, deadline = len(self.answers) + more, time.monotonic() + _LONGEST
        while len(self.answers) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.answers)} answers, and {wanted} were to come")
            time.sleep(0.02)

    def problems(self) -> list[str]:
        """Return what went wrong."""
        return [answer.problem for answer in self.answers if answer.problem]

    def versions(self) -> list[str]:
        """Return the versions of the model that answered."""
        return sorted({answer.version for answer in self.answers if answer.version})

    def last(self) -> str:
        """Return the version of the last answer."""
        return max(self.answers, key=lambda answer: answer.done).version

    def went_back(self, *order: str) -> list[tuple[int, int]]:
        """Return the connections on which versions did not come in this ``order``; any of them may be left out."""
        seen: dict[tuple[int, int], list[str]] = {}
        for answer in sorted(self.answers, key=lambda answer: answer.done):
            if answer.version:
                seen.setdefault(answer.connection, []).append(answer.version)
        return [connection for connection, versions in sorted(seen.items()) if not _in_order(versions, order)]

    def longest_gap(self) -> float:
        """Return the most seconds in which no answer came."""
        done = sorted(answer.done for answer in self.answers)
        return max((later - earlier for earlier, later in pairwise(done)), default=0.0)

    def slowest(self) -> float:
        """Return the most seconds that an answer took after its request was due."""
        return max(answer.done - answer.due for answer in self.answers)

    def sentence(self) -> str:
        """Return what there is to say."""
        lost = len(self.problems())
        return (
            f"{len(self.answers)} requests, {lost} lost, longest gap {self.longest_gap() * 1e3:.0f} ms, "
            f"slowest {self.slowest() * 1e3:.0f} ms"
        )

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        connected = -1
        for request in range(number, self.limit, CLIENTS):
            due = self._started + request / self.rate
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            connected += connection.sock is None
            which = request % len(self.bodies)
            version, problem = self._ask(connection, which)
            self.answers.append(Answer(due, time.monotonic(), (number, connected), version, problem))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, which: int) -> tuple[str, str]:
        try:
            connection.request("POST", self.path, self.bodies[which], {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return "", f"{type(error).__name__}: {error}"
        if response.status != http.HTTPStatus.OK:
            return "", f"{response.status}: {content[:200].decode(errors='replace')}"
        told = json.loads(content)
        found = [output["data"] for output in told["outputs"]]
        right = self.right[which]
        return told["model_version"], "" if _equal(found, right) else f"{found} instead of {right}"


def _equal(found: Sequence[Sequence[float]], right: Sequence[Sequence[float]]) -> bool:
    """Compare outputs: on some processors the last digit is another where rows are answered together with others."""
    return len(found) == len(right) and all(
        len(one) == len(other) and all(map(partial(math.isclose, rel_tol=1e-12), one, other))
        for one, other in zip(found, right, strict=True)
    )


def _in_order(versions: Sequence[str], order: Sequence[str]) -> bool:
    left = list(order)
    for version in versions:
        while left and left[0] != version:
            left.pop(0)
    return bool(left)
