"""The quarantined process: gives up the network and its excess of resources, then calls what it was asked to."""

import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import IO, Any

from mlship import usercode
from mlship.errors import MlshipError, QuarantineError

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


class Channel:
    """The child's end of the conversation."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader, self._writer = reader, writer

    def receive(self) -> dict[str, Any] | None:
        """Wait for a message; None when the parent has closed its end."""
        line = self._reader.readline()
        return json.loads(line) if line else None

    def reply(self, message: dict[str, Any]) -> None:
        """Answer the parent's question."""
        self._write({"reply": message})

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say what is going on (a ``stages.Progress``)."""
        self._write({"progress": [message, fraction]})

    def error(self, error: MlshipError) -> None:
        """Hand an error over to the parent, which raises it."""
        self._write({"error": {"name": type(error).__name__, "message": error.message, "hint": error.hint}})

    def _write(self, event: dict[str, Any]) -> None:
        self._writer.write(json.dumps(event).encode() + b"\n")
        self._writer.flush()


def main() -> None:
    """Read the request from standard input, obey the limits, call the target, and hand back its result."""
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints is talk, not protocol
    channel = Channel(sys.stdin.buffer, writer)
    order = channel.receive()
    if order is None:
        return
    _die_with_parent()
    network = _leave_network()
    _limit(order["limits"])
    module, _, function = order["target"].partition(":")
    try:
        if order["code"]:
            usercode.bring(Path(order["code"]))
        call = getattr(importlib.import_module(module), function)
        channel.reply({**call(order["request"], channel), "network": network})
    except MlshipError as error:
        channel.error(error)
    except MemoryError as error:
        hint = "free some, or ask for fewer rows: --set golden_rows=100"
        channel.error(QuarantineError(f"visiting the model needs more memory than there is: {error}", hint))


def _limit(limits: dict[str, Any]) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu = int(limits["seconds"] * (os.cpu_count() or 1)) + 1
    _lower(resource.RLIMIT_CPU, cpu)
    if limits["memory"]:
        _lower(resource.RLIMIT_AS, int(limits["memory"]))


def _lower(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (value, hard))


def _die_with_parent() -> None:
    """On Linux, be killed when the parent is, so that no visit outlives the command that started it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave_network() -> str:
    """Move into a network namespace of its own, empty, where the kernel allows it; say what came of it."""
    if sys.platform != "linux":
        return "not isolated: needs Linux"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0:
        _raise_loopback()
        return "none"
    return f"not isolated: {os.strerror(ctypes.get_errno())}"


def _raise_loopback() -> None:
    """Let what runs in this namespace talk to itself (a scorer in Java, say); the host's loopback is another one."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


if __name__ == "__main__":
    main()
