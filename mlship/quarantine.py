"""The quarantine: a subprocess without network, without secrets and with a time limit, where models are unpickled.

The parent calls ``visit``; the child is ``python -m mlship.visitor``. They talk in JSON lines: the child's standard
output carries nothing but them, whatever the model prints.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from mlship.errors import QuarantineError, by_name

_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
)
_KEPT_PREFIXES = ("LC_", "PYTHON", "OMP_", "OPENBLAS_", "MKL_", "MLSHIP_")


@dataclass(frozen=True)
class Limits:
    """What a visit may use: wall ``seconds`` for all of it, ``memory`` in bytes of address space (None: no limit)."""

    seconds: float = 600.0
    memory: int | None = None


@dataclass(frozen=True)
class Place:
    """Where visits take place: the ``python`` that runs them, and the user's ``code`` (a file or folder), if any."""

    python: Path = Path(sys.executable)
    code: Path | None = None


_PLACE: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def at(place: Place) -> Iterator[None]:
    """Let all visits within take place at ``place``, whoever asks for them."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


class Visit:
    """The parent's end of a conversation with the quarantined process."""

    def __init__(self, process: "subprocess.Popen[bytes]", talk: IO[bytes], limits: Limits) -> None:
        self._process, self._talk, self._limits = process, talk, limits
        self._timed_out = threading.Event()

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send ``message`` and wait for the reply.

        Raises the MlshipError that the child raised, or QuarantineError when it died or ran out of time.
        """
        self._send(message)
        return self.wait()

    def wait(self, on_progress: Callable[[str, float | None], None] | None = None) -> dict[str, Any]:
        """Wait for the next reply, or for the result of the whole visit; progress goes to ``on_progress``."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if "reply" in event:
                return dict(event["reply"])
            if "error" in event:
                raise by_name(event["error"]["name"])(event["error"]["message"], event["error"]["hint"])
            if on_progress:
                on_progress(*event["progress"])
        raise self._death()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None

    def stop_late(self) -> None:
        """End the process because its time is up."""
        self._timed_out.set()
        self._process.kill()

    def _death(self) -> QuarantineError:
        code = self._process.wait()
        if self._timed_out.is_set() or code == -signal.SIGXCPU:
            message = f"visiting the model took longer than {self._limits.seconds:g} s and was stopped"
            return QuarantineError(message, "allow more with --set time_limit=SECONDS")
        self._talk.seek(0)
        lines = self._talk.read().decode(errors="replace").strip().splitlines()
        said = lines[-1] if lines else "it said nothing"
        if code < 0:
            return _killed(signal.Signals(-code))
        return QuarantineError(
            f"the process that visits the model failed: {said}", "MLSHIP_DEBUG=1 shows the traceback"
        )


@contextmanager
def visit(target: str, request: Mapping[str, Any], limits: Limits = Limits()) -> Iterator[Visit]:
    """Run ``target`` ("module:function", called with the request and a Channel) in quarantine, and end it for sure."""
    place = _PLACE.get() or Place()
    command = [str(place.python), "-P", "-m", "mlship.visitor"]
    code = None if place.code is None else str(place.code.absolute())
    with tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env=_environment(os.environ, at_home=place.python == Place.python),
            start_new_session=True,
        )
        held = Visit(process, talk, limits)
        watchdog = threading.Timer(limits.seconds, held.stop_late)
        watchdog.daemon = True
        watchdog.start()
        try:
            held._send({"target": target, "request": dict(request), "limits": asdict(limits), "code": code})
            yield held
        finally:
            watchdog.cancel()
            process.kill()
            with process:  # closes the pipes and waits
                pass
            if os.environ.get("MLSHIP_DEBUG"):
                talk.seek(0)
                sys.stderr.write(talk.read().decode(errors="replace"))


def _killed(by: signal.Signals) -> QuarantineError:
    if by in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT):
        hint = "the file is damaged, was made to do that, or is of other versions: mlship inspect says which"
        return QuarantineError(f"the process that visits the model crashed ({by.name})", hint)
    if by == signal.SIGKILL:
        hint = "most likely memory ran out: give it more, or fewer rows: --set golden_rows=100"
        return QuarantineError("the process that visits the model was killed by the system (SIGKILL)", hint)
    return QuarantineError(f"the process that visits the model was killed by {by.name}", "run the command again")


def _environment(variables: Mapping[str, str], *, at_home: bool) -> dict[str, str]:
    """Keep what Python needs; credentials of the user's shell or CI job stay out.

    Another Python than this one (not ``at_home``) does not get what says where this one has its packages.
    """
    ours = () if at_home else ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {
        name: value
        for name, value in variables.items()
        if (name.upper() in _KEPT_VARIABLES or name.startswith(_KEPT_PREFIXES)) and name not in ours
    }
