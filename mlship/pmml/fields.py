"""Writes expressions as DerivedFields: what is used twice, or asked for by name, is a field; all else stands inline."""

from collections.abc import Iterable, Iterator, Sequence

from mlship.errors import UnsupportedModelError
from mlship.pmml.models import Model
from mlship.pmml.nodes import Node, Table, Value, is_missing, is_nullable, kind_of
from mlship.pmml.xml import checked, element, text

_DEPTH = 6  # of expressions within expressions
_LIMIT = 1_000_000  # operations in one file
#: Functions that answer "missing" by themselves when an argument is missing, or that can be given missing values.
_CALM = frozenset(["+", "-", "*", "/", "if", "isMissing", "isNotMissing", "sum", "min", "max", "and", "or", "not"])
_TYPES = {
    "number": ("continuous", "double"),
    "string": ("categorical", "string"),
    "boolean": ("categorical", "boolean"),
}


class Fields:
    """Names for expressions. ``taken`` are names that the user's columns have."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._names: dict[Node, str] = {}
        self._count = 0

    def name(self, node: Node) -> str:
        """Return the name under which ``node`` can be read."""
        if node.op == "field":
            return str(node.value)
        if node not in self._names:
            self._names[node] = self.fresh("step")
        return self._names[node]

    def fresh(self, word: str) -> str:
        """Return a name that nothing has yet, from ``word``."""
        while True:
            self._count += 1
            name = f"{word}_{self._count}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def derived(self, roots: Sequence[Node], known: Iterable[Node] = ()) -> Iterator[str]:
        """Yield DerivedFields so that each of ``roots`` is a field; ``known`` are fields already."""
        order = ordered(roots, known)
        wanted = {*roots, *_shared(order)}
        inline: dict[Node, int] = {}
        for node in order:
            depth = 1 + max((inline.get(arg, 0) for arg in _nodes(node.args)), default=0)
            if node not in wanted and depth <= _DEPTH and not self._repeats(node, inline):
                inline[node] = depth
        for node in order:
            if node not in inline:
                optype, kind = _TYPES[node.kind]
                yield element(
                    "DerivedField", self._expression(node, inline), name=self.name(node), optype=optype, dataType=kind
                )

    @staticmethod
    def _repeats(node: Node, inline: dict[Node, int]) -> bool:
        """Say whether writing ``node`` writes an argument twice, which should then be a field."""
        return node.op not in _CALM and any(arg in inline and is_nullable(arg) for arg in _nodes(node.args))

    def _expression(self, node: Node, inline: dict[Node, int]) -> str:
        if node.op == "constant":
            return constant(node.args[0])
        if node.op == "map":
            return self._look_up(node.args[0], node.value)
        args = "".join(self._argument(arg, inline) for arg in node.args)
        nullable = [arg for arg in _nodes(node.args) if is_nullable(arg)] if node.op not in _CALM else []
        if not nullable:
            return element("Apply", args, function=node.op)
        if node.kind == "boolean":  # a comparison with a missing value is false
            return element("Apply", args, function=node.op, mapMissingTo="true" if node.op == "notEqual" else "false")
        missing = [element("Apply", self._argument(arg, inline), function="isMissing") for arg in nullable]
        condition = missing[0] if len(missing) == 1 else element("Apply", "".join(missing), function="or")
        result = constant(float("nan")) + element("Apply", args, function=node.op)
        return element("Apply", condition + result, function="if")

    def _argument(self, value: Value, inline: dict[Node, int]) -> str:
        if not isinstance(value, Node):
            return constant(value)
        if value in inline:
            return self._expression(value, inline)
        return element("FieldRef", field=self.name(value))

    def _look_up(self, key: Node, table: Table) -> str:
        rows = "".join(
            f"<row><in>{text(_cell(given))}</in><out>{text(_cell(result))}</out></row>"
            for given, result in table.entries.items()
            if not is_missing(result)
        )
        pair = element("FieldColumnPair", field=self.name(key), column="in")
        optional = {"defaultValue": table.default, "mapMissingTo": table.missing}
        given = {name: _cell(value) for name, value in optional.items() if not is_missing(value)}
        data_type = "string" if any(isinstance(v, str) for v in table.entries.values()) else "double"
        return element(
            "MapValues", pair + element("InlineTable", rows), outputColumn="out", dataType=data_type, **given
        )


def constant(value: Value) -> str:
    """Return a Constant."""
    if is_missing(value):
        return element("Constant", missing="true")
    kind = _TYPES[kind_of(value)][1]
    return element("Constant", text(checked(float(value) if kind == "double" else value)), dataType=kind)


def ordered(roots: Sequence[Node], known: Iterable[Node] = ()) -> list[Node]:
    """Return all operations below ``roots``, arguments first; columns, outputs of models and ``known`` are left out.

    Raises UnsupportedModelError when there are too many.
    """
    done: set[Node] = set(known)
    order: list[Node] = []
    waiting: list[tuple[Node, bool]] = [(node, False) for node in reversed(roots)]
    while waiting:
        node, ready = waiting.pop()
        if node in done or node.op in ("field", "output"):
            continue
        if ready:
            done.add(node)
            order.append(node)
            continue
        if node.op == "float32":
            message = "the model rounds to single precision outside its trees, which PMML evaluators do differently"
            raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
        waiting.append((node, True))
        waiting.extend((arg, False) for arg in reversed(_nodes(node.args)) if arg not in done)
        if len(order) > _LIMIT:
            message = f"written as PMML the model would take more than {_LIMIT:,} operations"
            raise UnsupportedModelError(message, "convert it to ONNX instead: --to onnx")
    return order


def leaves(roots: Sequence[Node]) -> tuple[list[str], list[Node]]:
    """Return the columns that ``roots`` are computed from, and the outputs of models, each once."""
    columns: dict[str, None] = {}
    outputs: dict[Node, None] = {}
    for node in [*ordered(roots), *roots]:
        for item in (node, *_nodes(node.args)) if node.op not in ("field", "output") else (node,):
            if item.op == "field":
                columns[item.value] = None
            elif item.op == "output":
                outputs[item] = None
    return list(columns), list(outputs)


def models_below(roots: Sequence[Node]) -> list[Model]:
    """Return the models whose outputs ``roots`` are computed from, those that others read first."""
    found: dict[Model, None] = {}

    def visit(nodes: Sequence[Node]) -> None:
        for output in leaves(nodes)[1]:
            model = output.value[0]
            if model not in found:
                visit(model.inputs)
                found[model] = None

    visit(roots)
    return list(found)


def _shared(order: Sequence[Node]) -> Iterator[Node]:
    """Yield what is used more than once, look-ups and their keys (which PMML wants as fields)."""
    uses: dict[Node, int] = {}
    for node in order:
        if node.op == "map":
            yield from (node, node.args[0])
        for arg in _nodes(node.args):
            uses[arg] = uses.get(arg, 0) + 1
    yield from (node for node, count in uses.items() if count > 1)


def _nodes(values: Iterable[Value]) -> list[Node]:
    return [value for value in values if isinstance(value, Node)]


def _cell(value: Value) -> str:
    return checked(float(value)) if kind_of(value) == "number" else checked(value)
