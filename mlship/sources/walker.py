"""Walk a pickle or joblib stream and say what loading it would import and call; nothing is imported or executed.

The machine mirrors ``pickle._Unpickler``, which joblib subclasses, opcode by opcode; what it cannot follow with
certainty it refuses.
"""

from mlship.sources.machine import Machine, Walk
from mlship.sources.opcodes import STEPS
from mlship.sources.streams import DamagedError, RefusedError, Stream

#: A model with a vocabulary of a million words has five million instructions.
MAX_OPCODES = 20_000_000


def walk(stream: Stream) -> Walk:
    """Walk all pickles of a stream, one after another; ``root`` is the first one's, which is what gets loaded.

    Raises DamagedError for what is no pickle, or not a whole one; RefusedError for what cannot be told without
    running it.
    """
    found = Walk()
    machine = Machine(stream, found, _run)
    try:
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


def _run(machine: Machine) -> bool:
    """Walk one pickle to its end; False when the stream is at its end already."""
    read, found = machine.stream.read, machine.found
    code = read(1)
    if not code:
        return False
    for count in range(MAX_OPCODES - found.opcodes):
        if code == b".":
            found.opcodes += count
            machine.result = machine.stack.pop()
            machine.stream.leave_frame()
            return True
        step = STEPS.get(code)
        if step is None:
            raise ValueError(code)
        step(machine)
        code = read(1)
    raise RefusedError(f"it has more than {MAX_OPCODES:,} instructions")
