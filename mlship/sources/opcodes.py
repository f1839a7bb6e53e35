"""What each opcode of pickle protocols 0 to 5 does to the machine; arguments are decoded by pickletools."""

import pickletools
from collections.abc import Callable
from typing import Any, TypeAlias

from mlship.sources.machine import Machine
from mlship.sources.nodes import Group, Node, Pairs, Unread
from mlship.sources.streams import RefusedError

Step: TypeAlias = Callable[[Machine], None]

#: Text longer than this names nothing that is imported: it is skipped.
_MAX_TEXT = 1 << 20
_CODES = {opcode.name: opcode for opcode in pickletools.opcodes}


def _argument(name: str) -> Callable[[Machine], Node]:
    descriptor = _CODES[name].arg
    if descriptor is None:
        raise TypeError(name)
    decode: Callable[[Any], Node] = descriptor.reader  # of a file, but readers only use read and readline
    return lambda machine: decode(machine.stream)


def _literal(name: str) -> Step:
    decode = _argument(name)
    return lambda machine: machine.stack.append(decode(machine))


def _bytes(width: int) -> Step:
    def skip(machine: Machine) -> None:
        size = _size(machine, width)
        machine.stream.skip(size)
        machine.stack.append(Unread(size))

    return skip


def _text(width: int) -> Step:
    def push(machine: Machine) -> None:
        size = _size(machine, width)
        if size > _MAX_TEXT:
            machine.stream.skip(size)
            machine.stack.append(Unread(size))
            return
        data = machine.stream.read(size)
        if len(data) != size:
            raise ValueError(size)
        machine.stack.append(str(data, "utf-8", "surrogatepass"))

    return push


def _size(machine: Machine, width: int) -> int:
    data = machine.stream.read(width)
    if len(data) != width:
        raise ValueError(width)
    return int.from_bytes(data, "little")


def _constant(value: Node) -> Step:
    return lambda machine: machine.stack.append(value)


def _refuse(reason: str) -> Step:
    def refuse(machine: Machine) -> None:
        raise RefusedError(f"it {reason}")

    return refuse


def _proto(machine: Machine) -> None:
    version = machine.stream.read(1)
    if not version or version[0] > 5:
        raise ValueError(version)
    machine.found.protocol = max(machine.found.protocol, version[0])


def _put(name: str) -> Step:
    decode = _argument(name)

    def put(machine: Machine) -> None:
        machine.memo[decode(machine)] = machine.stack[-1]

    return put


def _get(name: str) -> Step:
    decode = _argument(name)
    return lambda machine: machine.push_known(machine.memo[decode(machine)])


def _memoize(machine: Machine) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _mark(machine: Machine) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _pop(machine: Machine) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


def _pop_mark(machine: Machine) -> None:
    machine.pop_mark()


def _tuple(size: int) -> Step:
    def push(machine: Machine) -> None:
        stack = machine.stack
        if len(stack) < size:
            raise IndexError(size)
        stack[-size:] = [tuple(stack[-size:])]

    return push


def _pair(machine: Machine) -> None:
    second = machine.stack.pop()
    machine.stack[-1] = (machine.stack[-1], second)


def _marked(make: Callable[[list[Node]], Node]) -> Step:
    def push(machine: Machine) -> None:
        items = machine.pop_mark()
        machine.stack.append(make(items))

    return push


def _dict(items: list[Node]) -> Pairs:
    return Pairs(list(zip(items[::2], items[1::2], strict=True)))


def _append(machine: Machine) -> None:
    value = machine.stack.pop()
    machine.append([value])


def _setitem(machine: Machine) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    machine.set_items([key, value])


def _global(machine: Machine) -> None:
    machine.push_global(*_names(machine))


def _names(machine: Machine) -> tuple[str, str]:
    lines = machine.stream.readline(), machine.stream.readline()
    if not all(line.endswith(b"\n") for line in lines):
        raise ValueError(lines)
    return lines[0][:-1].decode(), lines[1][:-1].decode()


def _stack_global(machine: Machine) -> None:
    name = machine.stack.pop()
    machine.push_global(machine.stack.pop(), name)


def _inst(machine: Machine) -> None:
    named = machine.resolve(*_names(machine))
    machine.call(named, machine.pop_mark())


def _obj(machine: Machine) -> None:
    function, *arguments = machine.pop_mark()
    machine.call(function, arguments)


def _call(machine: Machine) -> None:
    arguments = machine.stack.pop()
    machine.call(machine.stack.pop(), arguments)


def _newobj_ex(machine: Machine) -> None:
    keywords, arguments = machine.stack.pop(), machine.stack.pop()
    machine.call(machine.stack.pop(), arguments, keywords)


_LITERALS = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE"),
)
_BY_NAME: dict[str, Step] = {
    **{name: _literal(name) for name in _LITERALS},
    **{name: _put(name) for name in ("PUT", "BINPUT", "LONG_BINPUT")},
    **{name: _get(name) for name in ("GET", "BINGET", "LONG_BINGET")},
    "SHORT_BINUNICODE": _text(1),
    "BINUNICODE": _text(4),
    "BINUNICODE8": _text(8),
    "SHORT_BINBYTES": _bytes(1),
    "BINBYTES": _bytes(4),
    "BINBYTES8": _bytes(8),
    "BYTEARRAY8": _bytes(8),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),  # noqa: FBT003
    "NEWFALSE": _constant(False),  # noqa: FBT003
    "EMPTY_TUPLE": _constant(()),
    "EMPTY_LIST": lambda machine: machine.stack.append([]),
    "EMPTY_DICT": lambda machine: machine.stack.append(Pairs()),
    "EMPTY_SET": lambda machine: machine.stack.append(Group()),
    "TUPLE1": _tuple(1),
    "TUPLE2": _pair,
    "TUPLE3": _tuple(3),
    "TUPLE": _marked(tuple),
    "LIST": _marked(list),
    "DICT": _marked(_dict),
    "FROZENSET": _marked(Group),
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine: machine.push_known(machine.stack[-1]),
    "MEMOIZE": _memoize,
    "APPEND": _append,
    "APPENDS": lambda machine: machine.append(machine.pop_mark()),
    "SETITEM": _setitem,
    "SETITEMS": lambda machine: machine.set_items(machine.pop_mark()),
    "ADDITEMS": lambda machine: machine.add_items(machine.pop_mark()),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "OBJ": _obj,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _newobj_ex,
    "BUILD": Machine.build,
    "PROTO": _proto,
    "FRAME": lambda machine: machine.stream.enter_frame(_size(machine, 8)),
    "PERSID": _refuse("uses a persistent id, which only its own program understands"),
    "BINPERSID": _refuse("uses a persistent id, which only its own program understands"),
    "EXT1": _refuse("names what it imports by a code of the extension registry"),
    "EXT2": _refuse("names what it imports by a code of the extension registry"),
    "EXT4": _refuse("names what it imports by a code of the extension registry"),
    "NEXT_BUFFER": _refuse("refers to data outside of the file"),
    "READONLY_BUFFER": _refuse("refers to data outside of the file"),
}

#: opcode -> what it does; STOP (".") ends the walk.
STEPS: dict[bytes, Step] = {_CODES[name].code.encode("latin-1"): step for name, step in _BY_NAME.items()}
#: The same by number, for those that leave the stream alone: without an argument, and BUILD may read an array.
BARE: dict[int, Step] = {
    ord(_CODES[name].code): step for name, step in _BY_NAME.items() if _CODES[name].arg is None and name != "BUILD"
}
