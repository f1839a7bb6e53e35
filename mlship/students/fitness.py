"""Whether distilling can make anything of a model, from what is known before anything is trained."""

import numpy as np
import onnx
from onnx import AttributeProto

from mlship.optimization import Task
from mlship.quality import Budget, Rows, comparable
from mlship.signature import MISSING_STRING, Signature
from mlship.students.lessons import classes_of

#: Fewest rows that a student is trained on, and fewest of each class.
FEWEST, FEWEST_A_CLASS = 100, 20

#: What a graph without weights takes, bytes; how many times larger than the smallest student a teacher must be.
_EMPTY, _WORTH = 1500, 4
_STEADY = 0.05


def why_not(model: onnx.ModelProto, task: Task) -> str:
    """Return in one clause why no student can take the place of ``model``; "" where one may."""
    return (
        _kind(task.signature)
        or _allowed(task.budget, task.signature, has_target=task.fit.target is not None)
        or _size(model, task)
        or _rows(task)
        or _classes(task.signature, task.fit)
        or _texts(task.signature, task.fit)
    )


def smallest(signature: Signature) -> int:
    """Return roughly how many bytes the smallest student takes: a linear one in double."""
    answers = sum(len(item.classes) if item.classes else (item.width or 1) for item in signature.outputs[-1:])
    return _EMPTY + 8 * answers * (len(signature.columns) + 1)


def weights(model: onnx.ModelProto) -> int:
    """Count the numbers that a model holds, in constants and in the attributes of its nodes."""
    count = sum(int(np.prod(item.dims, dtype=np.int64)) for item in model.graph.initializer)
    return count + sum(_inside(attribute) for node in model.graph.node for attribute in node.attribute)


def _inside(attribute: AttributeProto) -> int:
    tensor = int(np.prod(attribute.t.dims, dtype=np.int64)) if attribute.HasField("t") else 0
    return tensor + len(attribute.floats) + len(attribute.ints)


def _kind(signature: Signature) -> str:
    if signature.task not in ("classifier", "regressor"):
        article = "an" if signature.task.startswith("o") else "a"
        kind = f"{article} {signature.task.replace('_', ' ')}"
        return f"students take the place of classifiers and regressors, and this is {kind}"
    names = {item.name for item in signature.outputs}
    if "scores" in names:
        return "the model answers with scores, and no student gives the same"
    answer = next((item for item in signature.outputs if item.name == "prediction"), None)
    if answer is None:
        return "the model gives no prediction"
    if signature.task == "classifier" and answer.width is not None:
        return f"the model gives {answer.width} labels a row, students give one"
    return ""


def _allowed(budget: Budget, signature: Signature, *, has_target: bool) -> str:
    hint = "--max-accuracy-drop 1% allows some"
    if signature.task == "regressor":
        nothing = budget.strict or budget.accuracy_drop == 0
        return f"a student answers otherwise, and no R2 may be lost: {hint}" if nothing else ""
    if budget.label_changes == 0:
        return f"a student changes labels, and none may change: {hint}"
    if budget.accuracy_drop == 0 and not has_target:
        return f"a student changes labels, and no accuracy may be lost: {hint}"
    if budget.score_change is not None and budget.score_change < _STEADY:
        return f"a student's probabilities move by more than {budget.score_change:g}, which is all that is allowed"
    return ""


def _size(model: onnx.ModelProto, task: Task) -> str:
    if model.ByteSize() >= _WORTH * smallest(task.signature):
        return ""
    return f"the model has {weights(model):,} weights in {model.ByteSize() / 1e3:.0f} kB: no student is much smaller"


def _rows(task: Task) -> str:
    if not task.rows_are_real:
        return "students learn from real rows, and these are made up: give some with --data"
    if len(task.fit) < FEWEST:
        return f"students learn from {FEWEST} rows or more, and there are {len(task.fit)}: give more with --data"
    return ""


def _classes(signature: Signature, rows: Rows) -> str:
    if signature.task != "classifier":
        return ""
    labels = rows.outputs["prediction"]
    truth = labels if rows.target is None else comparable(rows.target, labels)
    classes = classes_of(signature, rows)
    if classes.dtype.kind == "f" and not np.array_equal(classes, np.rint(classes)):
        return f"the labels are numbers such as {classes[0]:g}, and scikit-learn takes none with a fraction for labels"
    if len(classes) < 2:
        return f"all rows are of the class {classes[0]!r}: there is nothing to tell apart"
    for label in classes:
        count = min(int(np.sum(labels == label)), int(np.sum(truth == label)))
        if count == 0:
            return f"no row is of the class {_shown(label)}, so no student can learn it"
        if count < FEWEST_A_CLASS:
            return f"students learn from {FEWEST_A_CLASS} rows a class, and there are {count} of {_shown(label)}"
    return ""


def _shown(label: object) -> str:
    return f"'{label}'" if isinstance(label, str) else str(label)


def _texts(signature: Signature, rows: Rows) -> str:
    """Find a column of text in which more than half of the values are different: no category."""
    for column in signature.columns:
        if column.type != "string":
            continue
        values = [value for value in rows.inputs[column.tensor][:, column.index] if value != MISSING_STRING]
        if len(set(values)) > max(len(values) / 2, 1):
            kinds = f"{len(set(values)):,} different values in {len(values):,} rows"
            return f"column '{column.name}' is free text ({kinds}), which students don't read"
    return ""
