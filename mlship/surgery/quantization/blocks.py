"""Keeps the weights of matrix products in 8 or 4 bits, a scale for every 32 of them, as ONNX Runtime's MatMulNBits.

onnxruntime has a tool for it, which takes onnx-ir and sympy with it.
"""

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from mlship.surgery.graph import Graph
from mlship.surgery.quantization.layers import Layer, weights_of

Bits = Literal[8, 4]

#: Weights that share a scale: the smallest block that every kernel has, thus the most exact.
_BLOCK = 32
_DOMAIN = "com.microsoft"
#: accuracy_level: activations may be rounded to int8, each block of a row by itself; the slow kernels do without.
_INT8 = 4


def blocked(model: onnx.ModelProto, layers: Iterable[Layer], bits: Bits) -> onnx.ModelProto:
    """Return ``model``, in float32 and put ``as_matmul``, with the weights of ``layers`` that are MatMul in ``bits``.

    Source of the format: com.microsoft.MatMulNBits in ONNX Runtime's ContribOperators.md.
    """
    graph = Graph(model)
    values = {layer.value for layer in layers}
    for node in list(graph.nodes):
        weights = weights_of(graph, node) if node.output[0] in values and node.op_type == "MatMul" else None
        if weights is not None:
            graph.replace([node], [_replacement(graph, node, weights, bits)])
    result = graph.model()
    if all(item.domain != _DOMAIN for item in result.opset_import):
        result.opset_import.append(helper.make_opsetid(_DOMAIN, 1))
    return result


def packed(weights: NDArray[Any], bits: Bits) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return ``weights`` (from, to) as (to, blocks, bytes a block), and their scales (to, blocks).

    A block is scaled so that its number farthest from 0 becomes -2^(bits - 1); all are stored 2^(bits - 1) higher, two
    of 4 bits to a byte, the first in the lower half.
    """
    half = 1 << (bits - 1)
    blocks = _in_blocks(weights)
    farthest = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)
    scales = farthest / -half
    levels = np.round(blocks / np.where(scales == 0, 1, scales)) + half
    stored = np.clip(levels, 0, 2 * half - 1).astype(np.uint8)
    if bits == 4:
        stored = stored[..., ::2] | np.left_shift(stored[..., 1::2], np.uint8(4))
    return stored, scales[..., 0].astype(np.float32)


def _in_blocks(weights: NDArray[Any]) -> NDArray[Any]:
    """Return (to, blocks, numbers a block), filled up with zeros."""
    rows, columns = weights.shape
    missing = -rows % _BLOCK
    return np.pad(weights.T, ((0, 0), (0, missing))).reshape(columns, -1, _BLOCK)


def _replacement(graph: Graph, node: onnx.NodeProto, weights: NDArray[Any], bits: Bits) -> onnx.NodeProto:
    stored, scales = packed(weights, bits)
    inputs = [node.input[0], graph.add_constant(stored, "weights"), graph.add_constant(scales, "scales")]
    rows, columns = weights.shape
    return helper.make_node(
        "MatMulNBits",
        inputs,
        list(node.output),
        name=node.name,
        domain=_DOMAIN,
        K=rows,
        N=columns,
        bits=bits,
        block_size=_BLOCK,
        accuracy_level=_INT8,
    )
