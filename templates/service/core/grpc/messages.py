"""The messages of the Open Inference Protocol over gRPC, made from a table of their fields.

Code that protoc generates runs with few versions of protobuf; this runs with all since 4.25.

Source: "Predict Protocol - Version 2", GRPC. The numbers of the fields are those of the protocol.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"

_TENSOR = "name:string datatype:string shape:int64*"

#: Fields by message, in the order of their numbers: "name:type", with * where it is repeated, % where it is a map from
#: strings, and | where at most one of such fields is set. A message within another one stands below its name.
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live:bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready:bool",
    "ModelReadyRequest": "name:string version:string",
    "ModelReadyResponse": "ready:bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name:string version:string extensions:string*",
    "ModelMetadataRequest": "name:string version:string",
    "ModelMetadataResponse": "name:string versions:string* platform:string inputs:.TensorMetadata* "
    "outputs:.TensorMetadata* properties:string%",
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "InferParameter": "bool_param:bool| int64_param:int64| string_param:string| double_param:double| "
    "uint64_param:uint64|",
    "InferTensorContents": "bool_contents:bool* int_contents:int32* int64_contents:int64* uint_contents:uint32* "
    "uint64_contents:uint64* fp32_contents:float* fp64_contents:double* bytes_contents:bytes*",
    "ModelInferRequest": "model_name:string model_version:string id:string parameters:InferParameter% "
    "inputs:.InferInputTensor* outputs:.InferRequestedOutputTensor* raw_input_contents:bytes*",
    "ModelInferRequest.InferInputTensor": f"{_TENSOR} parameters:InferParameter% contents:InferTensorContents",
    "ModelInferRequest.InferRequestedOutputTensor": "name:string parameters:InferParameter%",
    "ModelInferResponse": "model_name:string model_version:string id:string parameters:InferParameter% "
    "outputs:.InferOutputTensor* raw_output_contents:bytes*",
    "ModelInferResponse.InferOutputTensor": f"{_TENSOR} parameters:InferParameter% contents:InferTensorContents",
}

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "bool": _Field.TYPE_BOOL,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "float": _Field.TYPE_FLOAT,
    "double": _Field.TYPE_DOUBLE,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}


def _classes() -> dict[str, Any]:
    """Return the classes of the messages by name.

    They are in a pool of their own, so that generated code of the same protocol can be there as well.
    """
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package=PACKAGE, syntax="proto3")
    found: dict[str, Any] = {}
    for path, fields in _MESSAGES.items():
        outer, _, name = path.rpartition(".")
        found[path] = (found[outer].nested_type if outer else file.message_type).add(name=name)
        for number, field in enumerate(fields.split(), start=1):
            _add(found[path], path, number, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = [path for path in _MESSAGES if "." not in path]
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names}


def _add(message: Any, path: str, number: int, text: str) -> None:
    name, _, kind = text.rstrip("*%|").partition(":")
    label = _Field.LABEL_REPEATED if text[-1] in "*%" else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if text.endswith("%"):
        entry = message.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add(entry, path, 1, "key:string")
        _add(entry, path, 2, f"value:{kind}")
        kind = f".{entry.name}"
    elif text.endswith("|"):
        field.oneof_index = 0
        if not message.oneof_decl:
            message.oneof_decl.add(name="parameter_choice")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{path}{kind}" if kind.startswith(".") else f".{PACKAGE}.{kind}"


CLASSES = _classes()
ModelInferRequest: Any = CLASSES["ModelInferRequest"]
ModelInferResponse: Any = CLASSES["ModelInferResponse"]
