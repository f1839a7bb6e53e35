"""Labels looked up by number: left out where the label is the number, and chosen directly where there are two."""

import numpy as np
import onnx

from mlship.surgery.graph import Graph, attributes
from mlship.surgery.rewrites.index import Index


def simplify_labels(graph: Graph) -> int:
    """Simplify what looks labels up by class number, (rows,); return how many lookups changed.

    Labels 0, 1, 2, ... are the class numbers themselves. Of two labels that a comparison chooses between, a Where takes
    one. That the largest probability is looked for and not the largest score stays: scores that differ can have
    probabilities that do not, and then another label comes first.
    """
    index, count = Index(graph, typed=False), 0
    for node in list(graph.nodes):
        if node.op_type != "Gather" or node.domain or attributes(node).get("axis", 0) != 0:
            continue
        labels = graph.constant(node.input[0])
        numbers = index.made.get(node.input[1])
        if labels is None or labels.ndim != 1 or numbers is None:
            continue
        if labels.dtype == np.int64 and np.array_equal(labels, np.arange(len(labels))) and _counts(index, numbers):
            count += _left_out(index, node, numbers)
        elif len(labels) == 2 and (condition := _condition(index, numbers)):
            kept = [graph.add_constant(labels[place : place + 1].reshape(()), "label") for place in (1, 0)]
            chosen = graph.node("Where", [condition, *kept])
            chosen.output[0] = node.output[0]
            index.replace([node], [chosen])
            count += 1
    return count


def _counts(index: Index, numbers: onnx.NodeProto) -> bool:
    """Say whether a node makes numbers from 0 on: what ArgMax finds, or a comparison as 0 and 1."""
    return numbers.op_type in ("ArgMax", "ArgMin") or _condition(index, numbers) is not None


def _left_out(index: Index, node: onnx.NodeProto, numbers: onnx.NodeProto) -> bool:
    """Let ``numbers`` go by the name of the labels, where that name is free to take."""
    if index.reader(numbers.output[0]) is not node:
        return False
    renamed = onnx.NodeProto()
    renamed.CopyFrom(numbers)
    renamed.output[0] = node.output[0]
    index.replace([node, numbers], [renamed])
    return True


def _condition(index: Index, numbers: onnx.NodeProto) -> str | None:
    """Return the comparison that ``numbers`` casts to 0 and 1."""
    if numbers.op_type != "Cast" or attributes(numbers)["to"] != onnx.TensorProto.INT64:
        return None
    made = index.made.get(numbers.input[0])
    comparisons = ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "Not", "And", "Or")
    return numbers.input[0] if made is not None and made.op_type in comparisons else None
