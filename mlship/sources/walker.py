"""Walk a pickle or joblib stream and say what loading it would import and call; nothing is imported or executed.

The machine mirrors ``pickle._Unpickler``, which joblib subclasses, opcode by opcode; what it cannot follow with
certainty it refuses.
"""

import gc
import pickle
from collections.abc import Iterator
from contextlib import contextmanager

from mlship.sources.machine import Machine, Walk
from mlship.sources.opcodes import BARE, STEPS
from mlship.sources.quick import LONGEST, QUICK
from mlship.sources.streams import DamagedError, RefusedError, Stream

#: A model with a vocabulary of a million words has five million instructions.
MAX_OPCODES = 20_000_000

_SHORT_TEXT, _MEMOIZE, _STOP = pickle.SHORT_BINUNICODE[0], pickle.MEMOIZE[0], pickle.STOP[0]


def walk(stream: Stream) -> Walk:
    """Walk all pickles of a stream, one after another; ``root`` is the first one's, which is what gets loaded.

    Raises DamagedError for what is no pickle, or not a whole one; RefusedError for what cannot be told without
    running it.
    """
    found = Walk()
    machine = Machine(stream, found, _run)
    try:
        with _uncollected():
            if not _run(machine):
                raise DamagedError("it is empty")
            found.root = machine.result
            while _run(Machine(stream, found, _run)):
                pass
    except (LookupError, ValueError, OverflowError, RecursionError) as error:
        raise DamagedError(f"it is not a pickle, or a damaged one (byte {stream.position:,})") from error
    for named in found.globals.values():
        if named.loose:  # a watched name was left as a value, to be called later by whoever
            found.called.add(named.pair)
    return found


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause Python's search for cycles: all nodes stay, and to look through millions again and again takes long."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _run(machine: Machine) -> bool:
    """Walk one pickle to its end; False when the stream is at its end already.

    Instructions before ``clear`` are read from the window; STEPS read those that may end behind it, or have no bound.
    """
    stream, found, memo = machine.stream, machine.found, machine.memo
    stack, window, at, clear = machine.stack, stream.window, stream.at, stream.clear
    for count in range(MAX_OPCODES - found.opcodes):
        code = window[at] if at + LONGEST <= clear else _STOP
        if code == _MEMOIZE:
            memo[len(memo)] = stack[-1]
            at += 1
        elif code == _SHORT_TEXT and (end := at + 2 + window[at + 1]) <= clear:
            stack.append(str(window[at + 2 : end], "utf-8", "surrogatepass"))
            at = end
        elif code in BARE:
            BARE[code](machine)
            stack = machine.stack
            at += 1
        elif code in QUICK and (end := QUICK[code](machine, window, at + 1)):
            at = end
        else:
            read = stream.read(1)
            if read == b".":
                found.opcodes += count
                machine.result = stack.pop()
                stream.leave_frame()
                return True
            if not read and not count:
                return False
            STEPS[read](machine)
            stack, window, at, clear = machine.stack, stream.window, stream.at, stream.clear
        stream.at = at
    raise RefusedError(f"it has more than {MAX_OPCODES:,} instructions")
