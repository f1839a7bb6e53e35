"""The methods of the Open Inference Protocol over gRPC: messages in, messages out."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from core.grpc.messages import CLASSES, ModelInferResponse
from core.predictor import Arrays, Work
from core.problems import InvalidRequestError, invalid
from core.protocols.open_inference import OpenInference, check_parameters
from core.protocols.tensors import BYTES, Given, Made
from core.service import Service

#: A message, and how many rows it answers.
Answered = tuple[Any, int]

#: The field of typed contents for each datatype, and what it holds.
_FIELDS: dict[str, tuple[str, DTypeLike]] = {
    "BOOL": ("bool_contents", np.uint8),
    **{f"INT{bits}": ("int_contents", np.int32) for bits in (8, 16, 32)},
    "INT64": ("int64_contents", np.int64),
    **{f"UINT{bits}": ("uint_contents", np.uint32) for bits in (8, 16, 32)},
    "UINT64": ("uint64_contents", np.uint64),
    "FP32": ("fp32_contents", np.float32),
    "FP64": ("fp64_contents", np.float64),
    BYTES: ("bytes_contents", np.object_),
}


class Inference:
    """Answers the requests of each method; raises InvalidRequestError for what is wrong with one."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._protocol = OpenInference(service)

    def live(self, _: Any) -> Answered:
        """Answer ServerLive."""
        return CLASSES["ServerLiveResponse"](live=True), 0

    def ready(self, _: Any) -> Answered:
        """Answer ServerReady."""
        return CLASSES["ServerReadyResponse"](ready=self._service.state() == "ok"), 0

    def model_ready(self, request: Any) -> Answered:
        """Answer ModelReady."""
        self._protocol.find(request.name, request.version)
        return CLASSES["ModelReadyResponse"](ready=self._service.state() == "ok"), 0

    def server(self, _: Any) -> Answered:
        """Answer ServerMetadata; the extension that REST has is a part of gRPC."""
        return CLASSES["ServerMetadataResponse"](**{**self._protocol.server(), "extensions": []}), 0

    def model(self, request: Any) -> Answered:
        """Answer ModelMetadata."""
        self._protocol.find(request.name, request.version)
        return CLASSES["ModelMetadataResponse"](**self._protocol.model()), 0

    def infer(self, request: Any) -> Answered:
        """Answer ModelInfer: with raw contents where the inputs are raw, else with typed contents."""
        self._protocol.find(request.model_name, request.model_version)
        self._service.require_ready()
        for part in (request, *request.inputs, *request.outputs):
            check_parameters(part.parameters, ("body",))
        rows = self._protocol.rows(_inputs(request))
        outputs = self._protocol.choose([output.name for output in request.outputs])
        raw = bool(request.raw_input_contents)
        work = Work(rows, outputs, lambda arrays: self._response(request.id, arrays, raw=raw))
        [response] = self._service.predictor.run([work])
        if isinstance(response, InvalidRequestError):
            raise response
        return response, rows.count

    def _response(self, name: str, arrays: Arrays, *, raw: bool) -> Any:
        service = self._service
        response = ModelInferResponse(model_name=service.name, model_version=service.version, id=name)
        for output in self._protocol.answer(arrays):
            told = response.outputs.add(name=output.name, datatype=output.datatype, shape=output.values.shape)
            for key, value in output.parameters.items():
                told.parameters[key].string_param = value
            if raw:
                response.raw_output_contents.append(output.binary())
            else:
                getattr(told.contents, _FIELDS[output.datatype][0]).extend(_typed(output))
        return response


def _inputs(request: Any) -> list[Given]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        told = f"as many raw_input_contents as inputs are expected, {len(request.inputs)}, found {len(raw)}"
        raise invalid(("body", "raw_input_contents"), told, "too_short")
    if raw and any(tensor.HasField("contents") for tensor in request.inputs):
        told = "give contents or raw_input_contents, not both"
        raise invalid(("body", "raw_input_contents"), told, "extra_forbidden")
    contents: list[Any] = list(raw) or [_contents(tensor) for tensor in request.inputs]
    return [
        Given(tensor.name, tensor.datatype, tensor.shape, data)
        for tensor, data in zip(request.inputs, contents, strict=True)
    ]


def _contents(tensor: Any) -> Any:
    """Return the values in the field of the datatype; no other one may have any."""
    filled = {field.name for field, _ in tensor.contents.ListFields()}
    if tensor.datatype not in _FIELDS:
        if filled:
            told = f"there are no typed contents for the datatype '{tensor.datatype[:20]}'"
            raise invalid(("body", tensor.name, "datatype"), told, "datatype")
        return b""
    name, kind = _FIELDS[tensor.datatype]
    if filled - {name}:
        told = f"{tensor.datatype} is expected in {name}, not in {', '.join(sorted(filled - {name}))}"
        raise invalid(("body", tensor.name, "contents"), told, "datatype")
    values = getattr(tensor.contents, name)
    return np.fromiter(values, dtype=kind, count=len(values))


def _typed(output: Made) -> Any:
    values: Any = output.values.ravel().tolist()
    return [text.encode() for text in values] if output.datatype == BYTES else values
