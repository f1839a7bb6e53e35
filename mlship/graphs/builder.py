"""The ONNX graph under construction: nodes, constants, and the values that flow between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from mlship.errors import UnsupportedModelError
from mlship.graphs.writing import initializer_pieces, node_pieces, written
from mlship.surgery.encoding import attach, is_bulk

Kind = Literal["number", "string"]
Null = Literal["nan", "none"]
Precision = Literal["float64", "float32"]

OPSET = 21
ML = "ai.onnx.ml"
#: The IR version of ONNX 1.16, which brought opset 21 and ai.onnx.ml 5.
IR_VERSION = 10

_TYPES: dict[Kind, int] = {"number": TensorProto.DOUBLE, "string": TensorProto.STRING}
_WIDEST = 1 << 17  # columns of counts in a dense matrix: 1 MB a row
_SHARED = 64  # constants of up to this many items are stored once
#: Operators that ai.onnx.ml 5 withdrew in favour of TreeEnsemble.
_UNTIL_ML_4 = {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}


class NotOurs(Exception):  # noqa: N818  # no error, but the sign to let skl2onnx try
    """Our function for this class does not cover this configuration; the message says what is not covered."""


@dataclass(frozen=True)
class Matrix:
    """A value of shape (rows, ``width``), double or string; ``null`` is what a missing value was in the original.

    ``sparse``: the original passes these columns on as a sparse matrix, in which zeros are not stored. Here they are
    dense; a step for which a zero that is not stored means something else (XGBoost: missing) looks at this.
    """

    name: str
    kind: Kind
    width: int
    null: Null = "nan"
    sparse: bool = False


@dataclass(frozen=True)
class Terms:
    """The cells of a mostly empty matrix: ``values`` at ``rows`` and ``columns``, (cells,), sorted by row.

    The matrix has as many rows as ``count`` (1,) says, and ``width`` columns.
    """

    count: str
    width: int
    rows: str
    columns: str
    values: str


#: Columns side by side, where kinds may be mixed.
Block = Sequence[Matrix]


@dataclass(frozen=True)
class Result:
    """What a graph answers: an ONNX element type, and shape (rows,) where ``width`` is None, else (rows, width)."""

    name: str
    type: int = TensorProto.DOUBLE
    width: int | None = None


#: Results by output name: prediction, probabilities, scores, transformed.
Answers = Mapping[str, Result]


class Graph:
    """Collects nodes and constants under names of their own, and notes how each step was converted (``route``).

    ``dtype`` is the precision that skl2onnx is asked for; with ``own`` False every step goes there. ``precision`` is
    that of the answers: a step that computes in float32, as its original does or because there is no double, sets it.
    ``single``: the finished graph will be narrowed to float32, so nothing may lean on the 53 digits of a double.
    """

    def __init__(self, dtype: Precision = "float64", *, own: bool = True, single: bool = False) -> None:
        self.dtype: Precision = dtype
        self.own = own
        self.single = single
        self.precision: Precision = "float64"
        self.route: list[str] = []
        self.terms: dict[str, Terms] = {}  # what matrices of counts are made of, by their names
        self._inputs: dict[str, Matrix] = {}
        self._nodes: list[NodeProto] = []
        self._bulk: dict[str, dict[str, Any]] = {}  # attributes that stay arrays until the model is made, by output
        self._constants: dict[str, TensorProto] = {}
        self._shared: dict[tuple[Any, ...], str] = {}
        self._opsets = {"": OPSET, ML: 5}
        self._fixed: dict[str, int] = {}
        self._count = 0

    def input(self, matrix: Matrix) -> Matrix:
        """Declare a graph input; all inputs come before the first node."""
        self._inputs[matrix.name] = matrix
        return matrix

    def op(self, kind: str, *inputs: str | NDArray[Any], domain: str = "", **attributes: Any) -> str:
        """Add a node and return the name of its output; arrays among the inputs become constants.

        An attribute given as an integer array becomes a list of integers.
        """
        return self.ops(kind, 1, *inputs, domain=domain, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: str | NDArray[Any], domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs and return their names; all else is as in ``op``."""
        names = [item if isinstance(item, str) else self.constant(item) for item in inputs]
        made = [self._name(kind) for _ in range(outputs)]
        self._opsets.setdefault(domain, 1)
        node = NodeProto(op_type=kind, domain=domain, input=names, output=made)
        self._bulk[made[0]] = {key: attributes.pop(key) for key, value in list(attributes.items()) if is_bulk(value)}
        attach(node, attributes)
        self._nodes.append(node)
        return made

    def constant(self, values: NDArray[Any]) -> str:
        """Store an array (strings as an object array) and return its name; equal small ones are stored once."""
        content = tuple(values.ravel()) if values.dtype == object else values.tobytes()
        key = (values.dtype.str, values.shape, content) if values.size <= _SHARED else None
        if key in self._shared:
            return self._shared[key]
        name = self._name("constant")
        self._constants[name] = tensor(values, name)
        if key is not None:
            self._shared[key] = name
        return name

    def adopt(self, model: onnx.ModelProto, feeds: Sequence[str], *, as_it_is: bool = False) -> list[str]:
        """Take over the nodes of another model, feed its inputs in order, and return the names of its outputs.

        ``as_it_is``: with the operator versions that it asks for, where everything else in this graph is of operators
        that have not changed since opset 9.
        """
        graph = onnx.GraphProto()
        graph.CopyFrom(model.graph)
        _prefix(graph, self._name("step") + ".")
        for item in model.opset_import:
            domain = "" if item.domain == "ai.onnx" else item.domain
            self._opsets.setdefault(domain, item.version)
            if as_it_is:
                self._fixed[domain] = item.version
        for inner, outer in zip(graph.input, feeds, strict=True):
            self._nodes.append(helper.make_node("Identity", [outer], [inner.name]))
        self._nodes.extend(graph.node)
        self._constants.update((item.name, item) for item in graph.initializer)
        return [item.name for item in graph.output]

    def body(
        self, inputs: Sequence[tuple[int, int]], write: Callable[..., Sequence[str]], outputs: Sequence[int]
    ) -> onnx.GraphProto:
        """Return what ``write`` adds as a graph of its own, for If and Loop; it may read whatever is there already.

        ``write`` is given the names of the inputs, and returns those of the outputs, each made by a node in the body.
        ``inputs`` are their ONNX element types and numbers of dimensions, ``outputs`` the types.
        """
        given = [helper.make_tensor_value_info(self._name("given"), kind, [None] * rank) for kind, rank in inputs]
        outer, self._nodes = self._nodes, []
        try:
            made = write(*(item.name for item in given))
        finally:
            inner, self._nodes = self._nodes, outer
        for node in inner:
            attach(node, self._bulk.pop(node.output[0], {}))
        results = [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(made, outputs, strict=True)]
        return onnx.GraphProto(name="body", node=inner, input=given, output=results)

    def model(self, answers: Answers) -> onnx.ModelProto:
        """Return the model that computes ``answers``, as ``content`` writes it."""
        return onnx.load_model_from_string(self.content(answers))

    def content(self, answers: Answers) -> bytes:
        """Return the file of the model that computes ``answers`` and nothing else; once, as it empties the graph.

        Raises UnsupportedModelError where a column has the name of an output, or operators exclude each other.
        """
        nodes, used = self._live({item.name for item in answers.values()})
        self._refuse_huge(used)
        opsets = self._opsets | {ML: _ml_version(nodes)} | self._fixed
        imports = [helper.make_opsetid(domain, version) for domain, version in sorted(opsets.items())]
        model = onnx.ModelProto(ir_version=IR_VERSION, producer_name="mlship", opset_import=imports)
        model.graph.name = "mlship"
        self._describe(model.graph, answers)
        self._nodes.clear()
        pieces = []
        for node in nodes:
            pieces += node_pieces(node, self._bulk.pop(node.output[0], {}))
        for name, item in answers.items():
            pieces += node_pieces(helper.make_node("Identity", [item.name], [name]), {})
        for name in list(self._constants):
            constant = self._constants.pop(name)
            if name in used:
                pieces += initializer_pieces(constant)
        return written(model, pieces)

    def _refuse_huge(self, used: set[str]) -> None:
        """Raise UnsupportedModelError where a step reads counts of very many terms one by one."""
        width = max((terms.width for name, terms in self.terms.items() if name in used), default=0)
        if width > _WIDEST:
            message = f"a step reads {width:,} columns of counts one by one, {width >> 17:,} MB a row"
            raise UnsupportedModelError(message, "train with fewer: n_features=2**16 or max_features=50000")

    def _describe(self, graph: onnx.GraphProto, answers: Answers) -> None:
        """Declare inputs and outputs."""
        for item in self._inputs.values():
            if not item.name or item.name in answers:
                message = f"a column is called '{item.name}', and an ONNX input cannot have that name"
                raise UnsupportedModelError(message, "rename the column and train the model again")
            graph.input.append(helper.make_tensor_value_info(item.name, _TYPES[item.kind], ["N", item.width]))
        for name, result in answers.items():
            shape: list[str | int | None] = ["N"] if result.width is None else ["N", result.width]
            graph.output.append(helper.make_tensor_value_info(name, result.type, shape))

    def _live(self, used: set[str]) -> tuple[list[NodeProto], set[str]]:
        """Return the nodes that the names in ``used`` need, in order, and every name that is read."""
        kept: list[NodeProto] = []
        for node in reversed(self._nodes):
            if used.intersection(node.output):
                kept.append(node)
                used.update(_reads(node))
        return kept[::-1], used

    def _name(self, kind: str) -> str:
        while True:
            self._count += 1
            name = f"{kind}.{self._count}"
            if name not in self._inputs:
                return name


def tensor(values: NDArray[Any], name: str = "") -> TensorProto:
    """Return an array as a tensor; object arrays hold strings."""
    if values.dtype != object:
        return numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape), name)
    texts = [str(value).encode("utf-8", "surrogatepass") for value in values.ravel()]
    return TensorProto(name=name, data_type=TensorProto.STRING, dims=values.shape, string_data=texts)


def _reads(node: NodeProto) -> Iterator[str]:
    """Yield the names that a node reads, also from within its subgraphs."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _reads(inner)


def _prefix(graph: onnx.GraphProto, prefix: str) -> None:
    """Put ``prefix`` before every name, in subgraphs too (onnx.compose forgets what these read from outside)."""
    for item in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        item.name = prefix + item.name
    for node in graph.node:
        node.name = prefix + node.name if node.name else ""
        node.input[:] = [prefix + name if name else "" for name in node.input]
        node.output[:] = [prefix + name if name else "" for name in node.output]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _prefix(inner, prefix)


def _ml_version(nodes: Sequence[NodeProto]) -> int:
    kinds = {node.op_type for node in nodes if node.domain == ML}
    if kinds.isdisjoint(_UNTIL_ML_4):
        return 5
    if "TreeEnsemble" in kinds:
        raise UnsupportedModelError(
            "trees of ours and trees of skl2onnx cannot be in one graph: their operators exclude each other"
        )
    return 4
