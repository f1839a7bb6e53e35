"""Single precision: PMML evaluators compute in double, so where the original does not, its roundings are left out.

Trees are not concerned: their thresholds are moved so that each row takes the branch that it takes when rounded.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlship.pmml.nodes import Node, Value


def unrounded(values: NDArray[Any]) -> NDArray[Any]:
    """Return expressions without roundings to float32; all that they are made of is changed in place."""
    result = np.empty(values.shape, dtype=object)
    for place in np.ndindex(*values.shape):
        result[place] = _bare(values[place])
    waiting = [node for node in result.flat if isinstance(node, Node)]
    done: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node in done:
            continue
        done.add(node)
        if node.op != "output":  # the inputs of models are bare
            node.args = tuple(_bare(arg) for arg in node.args)
        waiting.extend(arg for arg in node.args if isinstance(arg, Node))
    return result


def _bare(value: Value) -> Value:
    while isinstance(value, Node) and value.op == "float32":
        value = value.args[0]
    return value
