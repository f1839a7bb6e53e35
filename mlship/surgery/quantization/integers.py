"""Multiplies in int8: static, scaled by ranges that rows of the user's showed, or dynamic, scaled by each batch."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import shape_inference

from mlship.runtime import complaints
from mlship.surgery.quantization.layers import Layer
from mlship.surgery.quantization.quiet import quiet

#: Operators whose inputs are rounded; what they answer is not, unless the next of them rounds it.
KINDS = ("Gemm", "MatMul", "Conv")


def static(
    model: onnx.ModelProto, layers: Iterable[Layer], ranges: Any, *, per_channel: bool = True, portable: bool = True
) -> onnx.ModelProto:
    """Return ``model``, put ``as_gemm``, with ``layers`` in int8: unsigned activations, signed weights (QDQ).

    ONNX Runtime fuses each into one operator when it loads the model. ``portable``: weights of 7 bits, as two products
    of 8 bits overflow the 16 bits in which x86 machines without VNNI instructions add them up.
    """
    with quiet():
        from onnxruntime.quantization import QDQQuantizer, QuantType
    with quiet(), complaints("cannot quantize the model"):
        quantizer = QDQQuantizer(
            shape_inference.infer_shapes(model),
            per_channel,
            portable,
            QuantType.QInt8,
            QuantType.QUInt8,
            ranges,
            [layer.value for layer in layers],
            [],
            list(KINDS),
            {"OpTypesToExcludeOutputQuantization": list(KINDS)},
        )
        quantizer.quantize_model()
        return _signed(quantizer.model.model, model)


def dynamic(
    model: onnx.ModelProto, layers: Iterable[Layer], *, per_channel: bool = True, portable: bool = True
) -> onnx.ModelProto:
    """Return ``model``, put ``as_matmul``, with ``layers`` that are MatMul in int8, scaled by the range of each batch.

    What it answers for a row depends on the other rows of the batch. ``portable``: see ``static``.
    """
    with quiet():
        from onnxruntime.quantization import QuantType, quantize_dynamic
    with tempfile.TemporaryDirectory(prefix="mlship-") as folder, quiet(), complaints("cannot quantize the model"):
        before, after = Path(folder) / "model.onnx", Path(folder) / "quantized.onnx"
        onnx.save(model, before)
        quantize_dynamic(
            before,
            after,
            op_types_to_quantize=["MatMul"],
            nodes_to_quantize=_names(model, layers),
            per_channel=per_channel,
            reduce_range=portable,
            weight_type=QuantType.QInt8,
        )
        return _signed(onnx.load(after), model)


def _names(model: onnx.ModelProto, layers: Iterable[Layer]) -> Sequence[str]:
    values = {layer.value for layer in layers}
    return [node.name for node in model.graph.node if node.op_type == "MatMul" and node.output[0] in values]


def _signed(result: onnx.ModelProto, model: onnx.ModelProto) -> onnx.ModelProto:
    """Return ``result`` in order, as made by whom ``model`` was, without the types that the tool notes on its way."""
    with quiet():  # importing it says that symbolic shapes are missing
        from onnxruntime.quantization.onnx_model import ONNXModel
    ONNXModel(result).topological_sort()
    result.producer_name, result.producer_version = model.producer_name, model.producer_version
    del result.graph.value_info[:]
    return result
