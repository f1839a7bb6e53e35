"""The Open Inference Protocol, version 2, over REST, with the binary tensor data extension.

Source: "Predict Protocol - Version 2", HTTP/REST; Triton's "Binary tensor data extension".
"""

from typing import TYPE_CHECKING, Any

import orjson

from core.http import Call, Reply, Route
from core.predictor import Arrays, Work
from core.problems import InvalidRequestError
from core.protocols.describe_inference import of_model, operations
from core.protocols.inference_request import LENGTH, Request, read
from core.protocols.open_inference import OpenInference
from core.protocols.predict import JSON_TYPES
from core.protocols.tensors import Made

if TYPE_CHECKING:
    from core.service import Service

_BINARY = "application/octet-stream"
_MODEL = "/v2/models/{model_name}"
_VERSION = _MODEL + "/versions/{model_version}"


def routes(service: "Service") -> list[Route]:
    """Return the routes of ``service``."""
    rest = _Rest(service)
    metadata = rest.protocol.model()
    told = operations(service, metadata)
    found = [Route("GET", path, rest.server, told["server"]) for path in ("/v2", "/v2/")]
    found.append(Route("GET", "/v2/health/live", lambda _: _json({"live": True}), told["live"], open=True))
    found.append(Route("GET", "/v2/health/ready", rest.ready, told["ready"], open=True))
    for path in (_MODEL, _VERSION):
        mine = {name: of_model(operation, metadata, version=path is _VERSION) for name, operation in told.items()}
        found.append(Route("GET", path, rest.metadata, mine["model"]))
        found.append(Route("GET", f"{path}/ready", rest.model_ready, mine["model_ready"], open=True))
        takes = (*JSON_TYPES, _BINARY)
        found.append(Route("POST", f"{path}/infer", rest.infer, mine["infer"], takes, work=rest.work))
    return found


class _Rest:
    def __init__(self, service: "Service") -> None:
        self.protocol = OpenInference(service)
        self._service = service

    def server(self, _: Call) -> Reply:
        return _json(self.protocol.server())

    def ready(self, _: Call) -> Reply:
        state = self._service.state()
        return _json({"ready": True}) if state == "ok" else _json({"ready": False, "error": state}, 503)

    def metadata(self, call: Call) -> Reply:
        self._find(call)
        return _json(self.protocol.model())

    def model_ready(self, call: Call) -> Reply:
        self._find(call)
        return self.ready(call)

    def infer(self, call: Call) -> Reply:
        [reply] = self._service.predictor.run([self.work(call)])
        if isinstance(reply, InvalidRequestError):
            raise reply
        return reply

    def work(self, call: Call) -> Work[Reply]:
        """Return the rows of a call, and how to answer it; raises InvalidRequestError."""
        self._find(call)
        self._service.require_ready()
        request = read(call.head, call.body)
        outputs = self.protocol.choose([name for name, _ in request.outputs])
        rows = self.protocol.rows(request.inputs)
        return Work(rows, outputs, lambda arrays: self._reply(request, arrays, rows.count))

    def _find(self, call: Call) -> None:
        self.protocol.find(call.parameters["model_name"], call.parameters.get("model_version", ""))

    def _reply(self, request: Request, arrays: Arrays, rows: int) -> Reply:
        told: dict[str, Any] = {"model_name": self._service.name, "model_version": self._service.version}
        if request.id is not None:
            told["id"] = request.id
        binary, pieces = dict(request.outputs), list[bytes]()
        told["outputs"] = [
            _output(output, pieces, binary=binary.get(output.name, request.binary))
            for output in self.protocol.answer(arrays)
        ]
        content = orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
        if not pieces:
            return Reply(200, content, rows=rows)
        return Reply(200, b"".join((content, *pieces)), _BINARY, {LENGTH: str(len(content))}, rows)


def _output(output: Made, pieces: list[bytes], *, binary: bool) -> dict[str, Any]:
    told = {"name": output.name, "datatype": output.datatype, "shape": list(output.values.shape)}
    if not binary:
        return {**told, **({"parameters": output.parameters} if output.parameters else {}), "data": output.flat()}
    pieces.append(output.binary())
    return {**told, "parameters": {**output.parameters, "binary_data_size": len(pieces[-1])}}


def _json(document: Any, status: int = 200) -> Reply:
    return Reply(status, orjson.dumps(document))
