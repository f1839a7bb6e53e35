"""What frequent opcodes with an argument do, straight from the bytes that were read ahead.

Each does what its step in opcodes.py does.
"""

import pickle
import struct
from collections.abc import Callable
from typing import TypeAlias

from mlship.sources.machine import Machine
from mlship.sources.nodes import Unread

#: Takes the window and the place behind the opcode; returns the place behind the instruction, 0 to leave it to STEPS.
QuickStep: TypeAlias = Callable[[Machine, bytes, int], int]

#: Bytes that an instruction has at most, but for the text or bytes that follow their size.
LONGEST = 5

_UNREAD = [Unread(size) for size in range(256)]
_signed = struct.Struct("<i").unpack_from
_unsigned = struct.Struct("<I").unpack_from


def _text(machine: Machine, window: bytes, at: int) -> int:
    start, end = at + 4, at + 4 + int(_unsigned(window, at)[0])
    if end > machine.stream.clear:
        return 0
    machine.stack.append(str(window[start:end], "utf-8", "surrogatepass"))
    return end


def _bytes(machine: Machine, window: bytes, at: int) -> int:
    end = at + 1 + window[at]
    if end > machine.stream.clear:
        return 0
    machine.stack.append(_UNREAD[window[at]])
    return end


def _int(machine: Machine, window: bytes, at: int) -> int:
    machine.stack.append(_signed(window, at)[0])
    return at + 4


def _int1(machine: Machine, window: bytes, at: int) -> int:
    machine.stack.append(window[at])
    return at + 1


def _int2(machine: Machine, window: bytes, at: int) -> int:
    machine.stack.append(window[at] | window[at + 1] << 8)
    return at + 2


def _put(machine: Machine, window: bytes, at: int) -> int:
    machine.memo[window[at]] = machine.stack[-1]
    return at + 1


def _long_put(machine: Machine, window: bytes, at: int) -> int:
    machine.memo[_unsigned(window, at)[0]] = machine.stack[-1]
    return at + 4


def _get(machine: Machine, window: bytes, at: int) -> int:
    machine.push_known(machine.memo[window[at]])
    return at + 1


def _long_get(machine: Machine, window: bytes, at: int) -> int:
    machine.push_known(machine.memo[_unsigned(window, at)[0]])
    return at + 4


QUICK: dict[int, QuickStep] = {
    pickle.BINUNICODE[0]: _text,
    pickle.SHORT_BINBYTES[0]: _bytes,
    pickle.BININT[0]: _int,
    pickle.BININT1[0]: _int1,
    pickle.BININT2[0]: _int2,
    pickle.BINPUT[0]: _put,
    pickle.LONG_BINPUT[0]: _long_put,
    pickle.BINGET[0]: _get,
    pickle.LONG_BINGET[0]: _long_get,
}
