"""Puts a PMML file together: dictionary of fields, the models in their order, and what they answer."""

from collections.abc import Iterator, Sequence
from typing import Any

from mlship import __version__
from mlship.pmml.fields import Fields, leaves, models_below, ordered
from mlship.pmml.finals import Asked, final
from mlship.pmml.models import Answers, Model
from mlship.pmml.nodes import Node, Value
from mlship.pmml.xml import checked, element, start_tag
from mlship.signature import Column

_OPTYPES = {"number": "continuous", "integer": "continuous", "boolean": "categorical", "string": "categorical"}
_TYPES = {"number": "double", "integer": "double", "boolean": "boolean", "string": "string"}


def document(columns: Sequence[Column], answers: Answers, target: str) -> tuple[Iterator[str], dict[str, list[str]]]:
    """Return a file as pieces of text, and the output fields that make up each answer, in their order."""
    model, questions = final(answers)
    every = [item for items in questions.values() for item in items]
    names = {answer: [item.name for item in items] for answer, items in questions.items()}
    return _pieces(columns, model, every, target), names


def _pieces(columns: Sequence[Column], model: Model, asked: Sequence[Asked], target: str) -> Iterator[str]:
    names = [column.name for column in columns]
    while target in names:
        target += "_"
    predicts = any(item.value is None for item in asked)
    fields = Fields([*names, target, *(item.name for item in asked)])
    writer = _Writer(fields, names, target if predicts else None, model, asked)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield start_tag("PMML", xmlns="http://www.dmg.org/PMML-4_4", version="4.4")
    yield element("Header", element("Application", name="mlship", version=__version__))
    yield _dictionary(columns, model, target if predicts else None)
    yield from writer.models()
    yield "</PMML>\n"


def _dictionary(columns: Sequence[Column], model: Model, target: str | None) -> str:
    items = [element("DataField", name=c.name, optype=_OPTYPES[c.type], dataType=_TYPES[c.type]) for c in columns]
    if target is not None:
        values = "".join(element("Value", value=checked(label)) for label in model.classes)
        optype = "categorical" if model.classes else "continuous"
        items.append(element("DataField", values, name=target, optype=optype, dataType=_type_of(model.classes)))
    return element("DataDictionary", "".join(items))


def _type_of(labels: Sequence[Value]) -> str:
    for kind, name in ((str, "string"), (bool, "boolean"), (int, "integer")):
        if labels and all(isinstance(label, kind) for label in labels):
            return name
    return "double"


class _Writer:
    """Writes the one model, or the chain of models, that answers.

    What is computed from columns alone (``_early``) is derived once, around all models; what is computed from the
    outputs of earlier models is derived within the model that reads it, as no other place sees these outputs.
    """

    def __init__(
        self, fields: Fields, columns: Sequence[str], target: str | None, model: Model, asked: Sequence[Asked]
    ) -> None:
        self._fields, self._columns, self._target = fields, columns, target
        self._model, self._asked = model, asked
        self._roots = [*model.inputs, *(item.value for item in asked if item.value is not None)]
        self._before = models_below(self._roots)
        every = [*self._roots, *(node for item in self._before for node in item.inputs)]
        self._read = leaves(every)
        self._late = _late(every)
        self._early = self._first(every)

    def models(self) -> Iterator[str]:
        """Yield the model elements."""
        derived = "".join(self._fields.derived(self._early))
        if not self._before:
            yield from self._last(derived)
            return
        yield start_tag("MiningModel", functionName=self._model.function)
        yield self._schema(self._used_columns(), is_last=True)
        yield element("LocalTransformations", derived) if derived else ""
        yield start_tag("Segmentation", multipleModelMethod="modelChain")
        outputs: dict[Model, list[Node]] = {}
        for node in self._read[1]:
            outputs.setdefault(node.value[0], []).append(node)
        for number, model in enumerate(self._before, 1):
            yield f"{start_tag('Segment', id=number)}<True/>"
            yield from self._part(model, outputs[model])
            yield "</Segment>"
        yield f"{start_tag('Segment', id=len(self._before) + 1)}<True/>"
        yield from self._last("".join(self._fields.derived(self._later(self._roots), self._early)))
        yield "</Segment></Segmentation></MiningModel>"

    def _last(self, derived: str) -> Iterator[str]:
        reads = self._reads(self._roots) if self._before else self._used_columns()
        outputs = "".join(self._output(item) for item in self._asked)
        yield from self._element(self._model, self._schema(reads, is_last=True), outputs, derived)

    def _part(self, model: Model, outputs: Sequence[Node]) -> Iterator[str]:
        """Yield a model whose outputs other models read."""
        items = []
        for node in outputs:
            label = node.value[1]
            asked: dict[str, Any] = {"feature": "predictedValue"} if label is None else _probability(label)
            items.append(_output_field(self._fields.name(node), "double", **asked))
        schema = self._schema(self._reads(model.inputs), is_last=False)
        derived = "".join(self._fields.derived(self._later(model.inputs), self._early))
        yield from self._element(model, schema, "".join(items), derived)

    def _element(self, model: Model, schema: str, outputs: str, derived: str) -> Iterator[str]:
        yield start_tag(model.tag, functionName=model.function, **model.attributes)
        yield schema
        yield element("Output", outputs) if outputs else ""
        yield element("LocalTransformations", derived) if derived else ""
        yield from model.body([self._fields.name(node) for node in model.inputs])
        yield f"</{model.tag}>"

    def _output(self, item: Asked) -> str:
        if item.value is not None:
            kind = "string" if item.value.kind == "string" else "double"
            value = element("FieldRef", field=self._fields.name(item.value))
            return _output_field(item.name, kind, value, feature="transformedValue")
        if item.label is not None:
            return _output_field(item.name, "double", **_probability(item.label))
        kind = _type_of(self._model.classes)
        return _output_field(item.name, kind, labels=bool(self._model.classes), feature="predictedValue")

    def _schema(self, names: Sequence[str], *, is_last: bool) -> str:
        items = [element("MiningField", name=name) for name in names]
        if is_last and self._target is not None:
            items.insert(0, element("MiningField", name=self._target, usageType="target"))
        return element("MiningSchema", "".join(items) or element("MiningField", name=self._columns[0]))

    def _used_columns(self) -> list[str]:
        used = set(self._read[0])
        return [name for name in self._columns if name in used]

    def _later(self, nodes: Sequence[Node]) -> list[Node]:
        return [node for node in nodes if node in self._late and node.op != "output"]

    def _first(self, roots: Sequence[Node]) -> list[Node]:
        """Return the operations on columns alone that models, or operations on their outputs, read."""
        found = {node: None for node in roots if node not in self._late and node.op != "field"}
        for node in ordered(roots):
            if node in self._late:
                args = (arg for arg in node.args if isinstance(arg, Node))
                found |= {arg: None for arg in args if arg not in self._late and arg.op != "field"}
        return list(found)

    def _reads(self, roots: Sequence[Node]) -> list[str]:
        """Return the fields of other models, or around them, that ``roots`` are computed from."""
        outside = set(self._early)
        found: dict[str, None] = {}
        for node in [*roots, *(arg for item in ordered(roots, self._early) for arg in item.args)]:
            if isinstance(node, Node) and (node.op in ("field", "output") or node in outside):
                found[self._fields.name(node)] = None
        return list(found)


def _late(roots: Sequence[Node]) -> set[Node]:
    """Return the operations that are computed from the output of a model, and these outputs."""
    found = set(leaves(roots)[1])
    for node in ordered(roots):
        if any(isinstance(arg, Node) and arg in found for arg in node.args):
            found.add(node)
    return found


def _probability(label: Value) -> dict[str, Any]:
    return {"feature": "probability", "value": checked(label)}


def _output_field(name: str, kind: str, content: str = "", *, labels: bool = False, **asked: Any) -> str:
    optype = "categorical" if labels or kind == "string" else "continuous"
    return element("OutputField", content, name=name, optype=optype, dataType=kind, **asked)
