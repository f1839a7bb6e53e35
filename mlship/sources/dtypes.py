"""How many bytes an element of a pickled numpy dtype takes, for those that numpy itself writes."""

import re
from typing import NamedTuple

from mlship.sources.nodes import Call, Node, Pairs
from mlship.sources.streams import RefusedError


class Layout(NamedTuple):
    """Bytes an element, and whether it is a reference to a Python object."""

    size: int
    objects: bool


DTYPE = ("numpy", "dtype")

#: numpy/_core/include/numpy/ndarraytypes.h: NPY_ITEM_REFCOUNT | NPY_LIST_PICKLE, and all that an object dtype states.
_REFERENCES = 3
_OBJECT_FLAGS = 63
_TYPE = re.compile(r"([biufcmMOSUV])(\d{1,9})")
_SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 12, 16),
    "c": (8, 16, 24, 32),
    "m": (8,),
    "M": (8,),
    "O": (4, 8),
}


def layout(node: Node) -> Layout:
    """Work out the layout of a dtype node.

    Raises RefusedError for anything that numpy does not write, for numpy trusts the state that it is given: an object
    dtype whose flags deny that it holds objects makes pointers out of bytes. Structured dtypes with objects in them,
    which no model needs, are refused as well.
    """
    if type(node) is Call and node.function.pair == DTYPE and len(node.states) == 1:
        if node.layout is None:
            node.layout = _layout(node)
        if node.layout:
            return Layout(*node.layout)
    raise RefusedError("it describes a numpy dtype in a way that numpy does not")


def _layout(dtype: Call) -> tuple[int, bool] | tuple[()]:
    match (dtype.arguments, *dtype.states):
        case ((str(code), False | 0, True | 1), (_, _, subarray, names, fields, size, _, flags, *_)):
            found = _TYPE.fullmatch(code)
            if found and type(flags) is int and type(size) is int:
                number, objects = int(found[2]), found[1] == "O"
                expected = _OBJECT_FLAGS if objects else flags & ~_REFERENCES
                if flags == expected and _fits(found[1], number, size, (subarray, names, fields)):
                    return (number if size == -1 else size), objects
    return ()


def _fits(kind: str, number: int, size: int, parts: tuple[Node, Node, Node]) -> bool:
    """Say whether type code ("f8": kind and number), element size and parts of a dtype belong together."""
    if kind == "V":
        return size == number and _lie_inside(size, *parts)
    if kind in "SU":
        return parts == (None, None, None) and size == (number * 4 if kind == "U" else number)
    return parts == (None, None, None) and size == -1 and number in _SIZES[kind]


def _lie_inside(size: int, subarray: Node, names: Node, fields: Node) -> bool:
    """Say whether the parts of a structured dtype lie inside it, and are no references."""
    match subarray:
        case None:
            repeated = 0
        case (base, (*lengths,)) if all(type(length) is int and length >= 0 for length in lengths):
            repeated = _plain(base)
            for length in lengths:
                repeated *= length
        case _:
            return False
    if fields is None:
        return names is None and repeated <= size
    if not isinstance(fields, Pairs) or not isinstance(names, tuple) or repeated > size:
        return False
    keys = [key for key, _ in fields.items]
    known = all(type(key) is str for key in (*keys, *names)) and set(names) <= set(keys)
    return known and all(_lies_inside(size, field) for _, field in fields.items)


def _lies_inside(size: int, field: Node) -> bool:
    match field:
        case (described, offset, *_) if type(offset) is int and offset >= 0:
            return offset + _plain(described) <= size
    return False


def _plain(node: Node) -> int:
    part = layout(node)
    if part.objects:
        raise RefusedError("it describes a numpy dtype that mixes values and references")
    return part.size
