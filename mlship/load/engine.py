"""The loop of one generator process: waits for its connections, takes answers in, and asks as its pace says."""

import time
from collections import deque
from collections.abc import Callable, Sequence

from mlship.load.address import Address
from mlship.load.answers import Answers
from mlship.load.connection import BrokenError, Connection, State
from mlship.load.pace import Pace
from mlship.load.poller import Ready, poller
from mlship.load.tally import Tally

_OK = 200
#: Nanoseconds between two looks at what is not urgent, and before a service that refuses is tried again.
_CARE, _REST = 20_000_000, 100_000_000

clock = time.perf_counter_ns


class Engine:
    """Connections to one address, and what came of them: ``patience`` is in nanoseconds, ``body`` the next number.

    There are ``connections`` of them, and as many as ``most`` where ``grow`` is called.
    After ``run``: ``sent`` requests, how many connections were opened again, ``seconds`` that were measured, and the
    part of a core that was used in them (looking at the clock left out).
    """

    def __init__(
        self,
        address: Address,
        requests: Sequence[bytes],
        connections: int,
        patience: int,
        body: int = 0,
        most: int = 0,
    ) -> None:
        self.requests, self.patience, self.body = requests, patience, body
        self.answers = Answers(len(requests))
        self.sent = self.reconnected = 0
        self.seconds = self.busy_share = 0.0
        self._asked = self._answered = self._opening = 0
        self._address, self._most = address, most
        self._running = False
        self._poller = poller()
        self._connections = [Connection(address, self._poller) for _ in range(connections)]
        self._by_number: dict[int, Connection] = {}
        self._again: list[Connection] = []
        self._resting: deque[tuple[int, Connection]] = deque()
        self._pace: Pace

    def connect(self) -> None:
        """Open all connections, and wait for them with patience; those that fail are tried again while it runs."""
        until = clock() + self.patience
        self._open(self._connections)
        while clock() < until and any(each.state is State.OPENING for each in self._connections):
            for number, _ in self._poller.wait(0.1):
                if (connection := self._by_number[number]).state is State.OPENING:
                    self._advance(connection)

    @property
    def connections(self) -> int:
        """Return how many there are, open or not."""
        return len(self._connections)

    def grow(self, waiting: int) -> bool:
        """Open one more connection, unless one comes for each of ``waiting`` requests; False where there is no room.

        A service that refuses connections is not asked for more of them.
        """
        if self._resting or self._opening + len(self._again) >= waiting:
            return True
        if len(self._connections) >= self._most:
            return False
        self._connections.append(Connection(self._address, self._poller))
        self._open(self._connections[-1:])
        return True

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()
        self._poller.close()

    def run(self, pace: Pace, tally: Tally, stopped: Callable[[], bool]) -> None:
        """Let ``pace`` ask and ``tally`` count until all is answered, nothing is any more, or ``stopped`` says so."""
        self._pace, self._tally, self._count_from = pace, tally, tally.begin
        self._running, self._warm, self._cpu = True, False, 0.0
        self._quiet_since = (self._answered, clock())
        if clock() >= tally.begin:
            self._begin()
        for number, _ in self._poller.wait(0):
            if (connection := self._by_number[number]).state is State.FREE:
                self._drop(connection)  # the service closed it since it was opened
        for connection in self._connections:
            if connection.state is State.FREE:
                pace.freed(connection)
        self._loop(stopped)
        if self._warm:
            now = clock()
            self.seconds = (now - tally.begin) * 1e-9
            self.busy_share = max(time.process_time() - self._cpu - pace.spun * 1e-9, 0.0) / self.seconds
            tally.end(now)

    def ask(self, connection: Connection, started: int, now: int) -> None:
        """Send the next request, which was meant to be sent at ``started``."""
        body = self.body
        self.body = body + 1 if body + 1 < len(self.requests) else 0
        self.sent += 1
        self._asked += 1
        connection.body, connection.started, connection.deadline = body, started, now + self.patience
        try:
            connection.ask(self.requests[body])
        except BrokenError as error:
            self._broken(connection, error.kind, str(error))

    def fail(self, kind: str, words: str, started: int, waited: int | None = None) -> None:
        """Count the failure of a request, unless it belongs to the warm-up."""
        if started >= self._count_from:
            self._tally.fail(kind, words, waited)

    def _loop(self, stopped: Callable[[], bool]) -> None:
        pace, care = self._pace, clock()
        now = care
        while pace.more(now) or self._asked:
            self._read(pace.wait(self._poller, now, care))
            if self._again:
                self._again = self._open(self._again)
            pace.turn()
            now = clock()
            if now >= care:
                if stopped() or not self._care(now):
                    return
                edge = self._tally.next if self._warm else self._tally.begin
                care = edge if now < edge < now + _CARE else now + _CARE

    def _read(self, ready: Ready) -> None:
        """Take in what has come; what repeats an answer byte by byte is known without parsing it."""
        last = self.answers.last
        for number, _ in ready:
            connection = self._by_number[number]
            if connection.state is not State.ASKED:
                self._unasked(connection)
                continue
            try:
                data = connection.read()
                if data is None:
                    connection.send_rest()
                elif data == last[connection.body] and connection.fresh and data:
                    self._count(connection)
                    self._free(connection)
                else:
                    connection.parse(data)
                    if connection.complete:
                        self._take(connection, data)
            except BrokenError as error:
                self._broken(connection, error.kind, str(error))

    def _count(self, connection: Connection) -> None:
        self._answered += 1
        if connection.started >= self._count_from:
            self._tally.latencies.append(clock() - connection.started)

    def _take(self, connection: Connection, data: bytes) -> None:
        """Judge an answer that was parsed, the last piece of which was ``data``."""
        if connection.status == _OK:
            self._count(connection)
            repeats = connection.kept and connection.single
            self.answers.take(connection.body, connection.content, data if repeats else b"")
        else:
            self._answered += 1
            said = connection.content.decode("utf-8", "replace")
            words = f"Location: {connection.location}" if connection.location else said
            self.fail(f"status {connection.status}", words, connection.started)
        if connection.kept:
            connection.clear()
            self._free(connection)
        else:
            self._asked -= 1
            self._drop(connection)

    def _free(self, connection: Connection) -> None:
        self._asked -= 1
        connection.state = State.FREE
        self._pace.freed(connection)

    def _unasked(self, connection: Connection) -> None:
        """Handle one that is being opened, or that the service closed while nothing was asked (or spoke unasked)."""
        if connection.state is State.OPENING:
            if self._advance(connection):
                self._pace.freed(connection)
        else:
            self._pace.lost(connection)
            self._drop(connection)

    def _broken(self, connection: Connection, kind: str, words: str, waited: int | None = None) -> None:
        self._asked -= 1
        self.fail(kind, words, connection.started, waited)
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        """Close a connection, to be opened again when all that is ready was read: its number may be another's then."""
        del self._by_number[connection.number]
        connection.close()
        self._again.append(connection)
        self.reconnected += 1

    def _open(self, connections: Sequence[Connection]) -> list[Connection]:
        for connection in connections:
            self._opening += 1
            try:
                connection.open(clock() + self.patience)
                self._by_number[connection.number] = connection
            except BrokenError as error:
                self._refused(connection, error.kind, str(error))
        return []

    def _advance(self, connection: Connection) -> bool:
        """Go on opening a connection; return whether it can be asked now."""
        try:
            opened = connection.advance()
        except BrokenError as error:
            self._refused(connection, error.kind, str(error))
            return False
        self._opening -= opened
        return opened

    def _refused(self, connection: Connection, kind: str, words: str) -> None:
        self._opening -= 1
        self._by_number.pop(connection.number, None)
        connection.close()
        self._resting.append((clock() + _REST, connection))
        if self._running:
            self._pace.refused(kind, words)

    def _begin(self) -> None:
        """End the warm-up."""
        self._warm, self._cpu = True, time.process_time()
        self._pace.begin()
        if not self._pace.intended:
            self._count_from = 0  # those that are under way: left out, they would be missing in the first slice

    def _care(self, now: int) -> bool:
        """Do what is not urgent; return whether to go on."""
        if not self._warm and now >= self._tally.begin:
            self._begin()
        self._tally.turn(now)
        while self._resting and self._resting[0][0] <= now:
            self._open([self._resting.popleft()[1]])
        waiting = any(each.state is not State.FREE for each in self._connections)
        self._pace.overdue(now - self.patience)
        self._expire(now, now)
        if self._answered > self._quiet_since[0] or not waiting:
            self._quiet_since = (self._answered, now)
        again = 2 if self._answered else 1  # one answer that never comes on the only connection is not the end yet
        if now < self._quiet_since[1] + again * self.patience:
            return True
        self._pace.overdue(now)
        self._expire(now, now + self.patience)
        return False

    def _expire(self, now: int, deadline: int) -> None:
        """Give up what should have been done before ``deadline``."""
        words = f"nothing came within {self.patience * 1e-9:g} s"
        for connection in self._connections:
            if connection.deadline > deadline:
                continue
            if connection.state is State.ASKED:
                waited = now - connection.started if self._pace.intended else None
                self._broken(connection, "timeout", words, waited)
            elif connection.state is State.OPENING:
                self._refused(connection, "timeout", "no connection: " + words)
