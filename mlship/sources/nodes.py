"""What a pickle would make, as inert nodes: nothing is imported, called, hashed or compared."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

#: How protocols 0 and 1 make an instance: _reconstructor(class, base, state).
RECONSTRUCTORS = {("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor")}


@dataclass(eq=False, slots=True)
class Global:
    """A name that unpickling imports.

    ``loose`` counts how often it was put on the stack and not yet used; only kept where ``watched``. ``plain``: a call
    of it without names among the arguments needs no check.
    """

    module: str
    name: str
    watched: bool = False
    plain: bool = False
    loose: int = 0
    pair: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.pair = self.module, self.name

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Call:
    """What calling a global gives: an instance of a class, mostly.

    ``states`` is what BUILD set on it, in order. ``layout`` is what dtypes.layout worked out. Most calls have neither
    states nor items, so these are lists only once there are some.
    """

    function: Global
    arguments: tuple[Any, ...] = ()
    states: list[Any] | tuple[()] = ()
    items: list[Any] | tuple[()] = ()
    layout: tuple[int, bool] | tuple[()] | None = None


@dataclass(eq=False, slots=True)
class Pairs:
    """A dict; a ``closed`` one must not change any more."""

    items: list[tuple[Any, Any]] = field(default_factory=list)
    closed: bool = False


@dataclass(eq=False, slots=True)
class Group:
    """A set or frozenset."""

    items: list[Any] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Array:
    """A numpy array whose bytes joblib wrote into the stream; ``content`` is the nested pickle of an object array."""

    shape: tuple[int, ...]
    content: Any = None


@dataclass(eq=False, slots=True)
class Unread:
    """Bytes or text that were skipped."""

    size: int


#: Any of the classes above, or None, bool, int, float, str, tuple, list.
Node: TypeAlias = Any


def state(node: Node) -> dict[str, Node]:
    """Return the attributes that BUILD set on an instance, empty where they are not a plain dict."""
    found = node.states[-1] if isinstance(node, Call) and node.states else None
    if isinstance(found, tuple) and len(found) == 2:
        found = found[0]
    return {key: value for key, value in found.items if type(key) is str} if isinstance(found, Pairs) else {}


def made_of(call: Call) -> Global:
    """Return the class of an instance."""
    first = call.arguments[0] if call.function.pair in RECONSTRUCTORS and call.arguments else None
    return first if type(first) is Global else call.function


def made_by(node: Node) -> str:
    """Name the class of an instance: "sklearn.svm._classes.SVC"."""
    return made_of(node).path if type(node) is Call else _NAMES.get(type(node), type(node).__name__)


def strings(node: Node) -> tuple[str, ...] | None:
    """Return the elements of a list, tuple or object array of strings, None for anything else."""
    if isinstance(node, Array):
        node = node.content
    if isinstance(node, Call) and node.states and isinstance(node.states[-1], tuple):
        node = node.states[-1][-1]  # ndarray.__setstate__: (version, shape, dtype, is_fortran, data)
    if isinstance(node, list | tuple) and all(type(item) is str for item in node):
        return tuple(node)
    return None


def entries(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield name and value of each (name, value, ...) tuple in a list."""
    if isinstance(node, list):
        for item in node:
            if isinstance(item, tuple) and len(item) >= 2 and type(item[0]) is str:
                yield item[0], item[1]


_NAMES = {Array: "numpy.ndarray", Pairs: "dict", Group: "set", Unread: "bytes", type(None): "None"}
