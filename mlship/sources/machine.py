"""The stack machine of a pickle, over inert nodes: it follows what unpickling would do, and does none of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlship.sources.arrays import read_array
from mlship.sources.formulas import DATA, attributes, misplaced, runs_code
from mlship.sources.guards import (
    CHECKED,
    bound_by_partial,
    check_call,
    check_names,
    check_state,
    is_own_method,
    is_plain,
)
from mlship.sources.nodes import RECONSTRUCTORS, Array, Call, Global, Group, Node, Pairs, made_of
from mlship.sources.streams import DamagedError, RefusedError, Stream

#: The class whose instances joblib replaces by arrays that it reads from the stream; the second is its old address.
WRAPPERS = {
    ("joblib.numpy_pickle", "NumpyArrayWrapper"),
    ("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper"),
}
_GETATTR = {("builtins", "getattr"), ("__builtin__", "getattr")}
_FOREIGN_ARRAY = "it uses joblib's arrays in a way that joblib does not"


@dataclass
class Walk:
    """What was found: every (module, name) that is imported, how it is used, and the object that is left.

    ``made`` are names that are called without arguments, or handed to a function that makes an instance of them;
    ``called`` are those that are called with arguments, or whose instances are filled item by item.
    ``bound`` are functions of which functools.partial binds arguments, to be called later.
    ``built`` are the instances whose state was set, in order; ``protocol`` is the highest that is stated (0 when none
    is, as in protocols 0 and 1); ``arrays`` counts the arrays that joblib wrote.
    """

    root: Node = None
    globals: dict[tuple[str, str], Global] = field(default_factory=dict)
    made: set[tuple[str, str]] = field(default_factory=set)
    called: set[tuple[str, str]] = field(default_factory=set)
    bound: set[tuple[str, str]] = field(default_factory=set)
    built: list[Call] = field(default_factory=list)
    protocol: int = 0
    arrays: int = 0
    opcodes: int = 0


class Machine:
    """The state of one pickle: stack, marks and memo as in ``pickle._Unpickler``.

    ``run`` walks another machine to the end of its pickle, False when there is none. In a ``nested`` pickle (an object
    array) joblib reads no further arrays.
    """

    def __init__(self, stream: Stream, found: Walk, run: "Callable[[Machine], bool]", *, nested: bool = False) -> None:
        self.stream = stream
        self.found = found
        self.run = run
        self.nested = nested
        self.stack: list[Node] = []
        self.marks: list[list[Node]] = []
        self.memo: dict[int, Node] = {}
        self.result: Node = None

    def pop_mark(self) -> list[Node]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def push_known(self, node: Node) -> None:
        """Push something once more, from the memo or the stack."""
        if type(node) is Global and node.watched:
            node.loose += 1
        self.stack.append(node)

    def push_global(self, module: Node, name: Node) -> None:
        if type(module) is not str or type(name) is not str:
            raise RefusedError("it computes the name of what it imports")
        self.stack.append(self.resolve(module, name))

    def resolve(self, module: str, name: str) -> Global:
        pair = (module, name)
        node = self.found.globals.get(pair)
        if node is None:
            watched = pair in WRAPPERS or pair in _GETATTR
            node = Global(module, name, watched=watched, plain=not watched and pair not in CHECKED)
            self.found.globals[pair] = node
        if node.watched:
            node.loose += 1
            if self.nested and pair in WRAPPERS:
                raise RefusedError("it nests joblib's arrays in a way that joblib does not")
        return node

    def call(self, function: Node, arguments: Node, keywords: Node = None) -> None:
        """Push what calling ``function`` gives."""
        if is_plain(function, arguments) and keywords is None:
            (self.found.called if arguments else self.found.made).add(function.pair)
            self.stack.append(Call(function, arguments))
            return
        if type(function) is not Global:
            raise RefusedError("it calls something that it computes")
        if not isinstance(arguments, list | tuple) or not (keywords is None or isinstance(keywords, Pairs)):
            raise RefusedError(f"it computes the arguments of {function.path}")
        given = (*arguments, *(value for _, value in keywords.items)) if keywords else tuple(arguments)
        if function.pair in _GETATTR and self.resolved_attribute(function, given):
            return
        self.check_wrapper(function, given)
        call = Call(function, given)
        check_call(call)
        bound = bound_by_partial(call)
        if bound is not None:
            self.found.bound.add(bound.pair)
        else:
            self.found.made.update(argument.pair for argument in given if type(argument) is Global)
        (self.found.made if bound is not None or not given else self.found.called).add(function.pair)
        self.stack.append(call)

    def resolved_attribute(self, function: Global, arguments: tuple[Node, ...]) -> bool:
        """Follow getattr where the outcome is plain.

        getattr(Class, "name") is how protocols below 4 write a name inside of a class; some distributions of scipy
        hold methods of their own.
        """
        match arguments:
            case (Global(watched=False) as owner, str(name)):
                node: Node = self.resolve(owner.module, f"{owner.name}.{name}")
            case (Call() as instance, str(name)) if is_own_method(instance, name):
                node = Call(function, arguments)
            case _:
                return False
        function.loose -= 1
        self.stack.append(node)
        return True

    def check_wrapper(self, function: Global, arguments: tuple[Node, ...]) -> None:
        """Let joblib's wrapper be made in the two ways in which pickle makes it, and in no other."""
        match (function.pair in RECONSTRUCTORS, arguments):
            case (True, (Global() as wrapper, Global(name="object"), None)) if wrapper.pair in WRAPPERS:
                wrapper.loose -= 1
            case (_, ()) if function.pair in WRAPPERS:
                function.loose -= 1
            case _ if any(type(a) is Global and a.pair in WRAPPERS for a in (function, *arguments)):
                raise RefusedError(_FOREIGN_ARRAY)

    def build(self) -> None:
        """Set the state of an instance; joblib reads an array here when the instance is its wrapper."""
        state = self.stack.pop()
        instance = self.stack[-1]
        if type(instance) is not Call or instance.function.pair in _GETATTR:
            raise RefusedError("it sets the state of something that is no instance")
        if any(node.loose for pair in WRAPPERS if (node := self.found.globals.get(pair))):
            raise RefusedError(_FOREIGN_ARRAY)
        instance.states = instance.states or []
        instance.states.append(state)
        if made_of(instance).pair in WRAPPERS:
            self.stack[-1] = self.array(instance, state)
            return
        check_state(instance, state)
        self.found.called |= misplaced(attributes(state)) | ({DATA} if runs_code(state) else set())
        self.found.built.append(instance)

    def array(self, wrapper: Call, state: Node) -> Array:
        if len(wrapper.states) != 1 or not isinstance(state, Pairs):
            raise RefusedError(_FOREIGN_ARRAY)
        self.found.arrays += 1
        self.stream.leave_frame()
        return read_array(self.stream, state, self.nested_pickle)

    def nested_pickle(self) -> Node:
        machine = Machine(self.stream, self.found, self.run, nested=True)
        if not self.run(machine):
            raise DamagedError("it ends too early")
        return machine.result

    def append(self, items: list[Node]) -> None:
        """Add to the list (or list-like instance) on top of the stack."""
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        else:
            self.fill(target, items)

    def set_items(self, items: list[Node]) -> None:
        """Set keys and values of the dict (or dict-like instance) on top of the stack."""
        target, pairs = self.stack[-1], list(zip(items[::2], items[1::2], strict=True))
        if type(target) is Pairs and not target.closed:
            target.items.extend(pairs)
        else:
            check_names(pairs)  # a Bunch's keys are its attributes
            self.found.called |= misplaced(pairs)
            self.fill(target, pairs)

    def add_items(self, items: list[Node]) -> None:
        """Add to the set (or set-like instance) on top of the stack."""
        target = self.stack[-1]
        if type(target) is Group:
            target.items.extend(items)
        else:
            self.fill(target, items)

    def fill(self, target: Node, items: Sequence[Node]) -> None:
        """Add to an instance, which calls methods of its class."""
        if type(target) is not Call or target.function.pair in _GETATTR:
            raise RefusedError("it adds items to something that cannot have them")
        self.found.called.add(made_of(target).pair)
        target.items = target.items or []
        target.items.extend(items)
