"""The access log: one JSON object a line on standard output.

Neither bodies nor queries nor keys are in it.
"""

import contextlib
import json
import os
import random
import sys
from datetime import UTC, datetime

from core.exchange import Exchange
from core.http import Reply

# A line of up to 4096 bytes reaches a pipe whole (PIPE_BUF of POSIX on Linux), whatever other workers write.
_METHOD, _PATH, _CLIENT = 20, 200, 64


class AccessLog:
    """Writes the share ``sample`` of all answers, and every one with a status of 500 or more where it is above 0.

    Which ones, chance decides: neither by its request id nor by wrong requests can a client choose what is logged.
    Each line is one write; where standard output is closed, or takes no more, lines are lost and answers are not.
    """

    def __init__(self, sample: float) -> None:
        self._sample = sample
        # Its own descriptor: number 1 may be given to a connection once standard output is closed.
        self._out = _standard_output() if sample else None
        self.on = self._out is not None

    def write(self, exchange: Exchange, reply: Reply, seconds: float) -> None:
        """Write one line, or leave it out."""
        if self._out is None or (reply.status < 500 and random.random() >= self._sample):  # noqa: S311 # no secret
            return
        with contextlib.suppress(OSError):
            os.write(self._out, line(exchange, reply, seconds))


def line(exchange: Exchange, reply: Reply, seconds: float) -> bytes:
    """Return the line of an answer: ASCII without control characters, whatever the client sent."""
    head, status = exchange.head, reply.status
    told = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": "error" if status >= 500 else "warning" if status >= 400 else "info",
        "request_id": exchange.request_id,
        "method": head.method[:_METHOD],
        "path": head.path[:_PATH],
        "route": exchange.template,
        "status": status,
        "seconds": round(seconds, 6),
        "rows": reply.rows,
        "bytes": len(reply.content),
        "client": head.client[:_CLIENT],
    }
    return json.dumps(told).replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def _standard_output() -> int | None:
    try:
        return os.dup(sys.stdout.fileno()) if sys.stdout else None
    except (OSError, ValueError):  # closed, or replaced by something that is no file
        return None
