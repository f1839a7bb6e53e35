"""The model that stands last in a file, and which of its output fields make up which answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlship.pmml.linear import regression
from mlship.pmml.models import Answers, Model
from mlship.pmml.nodes import Node, Value, apply, choose
from mlship.pmml.xml import checked


@dataclass(frozen=True)
class Asked:
    """One OutputField: the class whose probability it is, or the value that it shows, or neither: the prediction."""

    name: str
    label: Value = None
    value: Node | None = None


#: Output fields by answer: prediction, probabilities, scores, transformed.
Questions = Mapping[str, Sequence[Asked]]


def final(answers: Answers) -> tuple[Model, Questions]:
    """Return the model that gives ``answers`` at last, and what it is asked."""
    values = {name: array.reshape(-1).tolist() for name, array in answers.values.items()}
    if "transformed" in values:
        return _nothing(), {"transformed": _shown("transformed", values["transformed"])}
    if answers.classes:
        return _classification(answers, values)
    prediction = values["prediction"]
    others = {
        name: _shown(word, values[name])
        for name, word in (("scores", "score"), ("probabilities", "probability"))
        if name in values
    }
    if answers.values["prediction"].ndim > 1:
        return _nothing(), {"prediction": _shown("prediction", prediction), **others}
    model = answers.model or regression(prediction, [(None, [1.0], 0.0)], "regression")
    return model, {"prediction": [Asked("prediction")], **others}


def _classification(answers: Answers, values: Mapping[str, Sequence[Value]]) -> tuple[Model, Questions]:
    """Show probabilities as the model's own where the label is the most probable one, else beside it."""
    chances = values.get("probabilities")
    asked: dict[str, Sequence[Asked]] = {"prediction": [Asked("prediction")]}
    if chances is None:
        if "scores" in values:
            asked["scores"] = _shown("score", values["scores"])
        return answers.model or _table(answers.classes, _indicators(answers, values["prediction"][0])), asked
    names = [(f"probability({checked(label)})", label) for label in answers.classes]
    if answers.model is not None or _is_position(answers.index, chances):
        asked["probabilities"] = [Asked(name, label=label) for name, label in names]
        return answers.model or _table(answers.classes, chances), asked
    shown = zip(names, map(_node, chances), strict=True)
    asked["probabilities"] = [Asked(name, value=node) for (name, _), node in shown]
    return _table(answers.classes, _indicators(answers, values["prediction"][0])), asked


def _table(labels: tuple[Value, ...], values: Sequence[Value]) -> Model:
    """Return the model whose probability for each label is a value, and that predicts the first largest."""
    count = len(labels)
    rows = [(label, [float(i == j) for j in range(count)], 0.0) for i, label in enumerate(labels)]
    return regression(values, rows, "classification", "none", labels)


def _indicators(answers: Answers, prediction: Value) -> list[Value]:
    """Return 1 for the class that is predicted, 0 for the others."""
    if answers.index is not None:
        return [choose(apply("equal", answers.index, float(i)), 1.0, 0.0) for i in range(len(answers.classes))]
    keys = [label if isinstance(label, str) else float(label) for label in answers.classes]
    return [choose(apply("equal", prediction, key), 1.0, 0.0) for key in keys]


def _is_position(index: Value, values: Sequence[Value]) -> bool:
    """Say whether ``index`` is what ``nodes.position`` makes of ``values``: the number of the first largest."""
    if not isinstance(index, Node) or not all(isinstance(value, Node) for value in values):
        return False
    if len(values) == 2:
        condition = index.args[0] if index.op == "if" and index.args[1:] == (0, 1) else None
        return isinstance(condition, Node) and condition.op == "greaterOrEqual" and _same(condition.args, values)
    parts = [item for item in index.args if isinstance(item, Node) and item.op == "if"]
    if index.op != "min" or len(parts) != len(values) or len(index.args) != len(values):
        return False
    comparisons = [part.args[0].args for part in parts]
    best = comparisons[0][-1]
    is_best = isinstance(best, Node) and best.op == "max" and _same(best.args, values)
    return is_best and _same([pair[0] for pair in comparisons], values)


def _same(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


def _shown(word: str, values: Sequence[Value]) -> list[Asked]:
    names = [word] if len(values) == 1 and word == "score" else [f"{word}({i})" for i in range(len(values))]
    return [Asked(name, value=_node(value)) for name, value in zip(names, values, strict=True)]


def _node(value: Value) -> Node:
    return value if isinstance(value, Node) else Node("constant", (value,))


def _nothing() -> Model:
    """Return a model that is there because PMML gives outputs to models only."""
    return regression([], [(None, [], 0.0)], "regression")
