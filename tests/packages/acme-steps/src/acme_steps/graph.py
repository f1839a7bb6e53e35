"""How mlship writes our steps into an ONNX graph."""

from acme_steps import Winsorizer
from mlship.graphs.blocks import numbers
from mlship.graphs.builder import Block, Graph, Matrix


def winsorizer(g: Graph, step: Winsorizer, block: Block) -> list[Matrix]:
    """Compare and choose, which leaves missing values as they are: no number is above or below NaN."""
    rows = numbers(g, block)
    raised = g.op("Where", g.op("Less", rows.name, step.lower_), step.lower_, rows.name)
    pulled_in = g.op("Where", g.op("Greater", raised, step.upper_), step.upper_, raised)
    return [Matrix(pulled_in, "number", rows.width)]
