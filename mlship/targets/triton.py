"""The target ``triton``: a model repository for the Triton Inference Server, with the ONNX file of the service."""

import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import onnx
from onnx import TensorProto, ValueInfoProto
from pydantic import AfterValidator, Field

from mlship import rendering, signature
from mlship.artifacts import write_atomic
from mlship.errors import UnsupportedModelError
from mlship.stages import Checked, Outcome, Progress, Target
from mlship.targets import known
from mlship.targets.checks import programs

_NEXT = "tritonserver --model-repository model_repository"
_CLIENT = "tritonclient's config.pbtxt"

#: Triton's names of the types. Source: Triton's model configuration, "Datatypes".
_TYPES: dict[int, str] = {
    TensorProto.BOOL: "TYPE_BOOL",
    TensorProto.UINT8: "TYPE_UINT8",
    TensorProto.INT8: "TYPE_INT8",
    TensorProto.INT32: "TYPE_INT32",
    TensorProto.INT64: "TYPE_INT64",
    TensorProto.FLOAT16: "TYPE_FP16",
    TensorProto.FLOAT: "TYPE_FP32",
    TensorProto.DOUBLE: "TYPE_FP64",
    TensorProto.STRING: "TYPE_STRING",
}


class TritonTarget(Target):
    """A model repository: config.pbtxt and the ONNX file. It needs no image."""

    reads = ("signature", "service")
    uses = ()

    name: Annotated[str, AfterValidator(known.label)] | None = Field(
        None, description="of the model, which clients ask for; that of the model's class"
    )
    max_batch: int = Field(1024, ge=1, description="rows of a request at most, and of all that are run together")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write ``out``/manifests/model_repository/NAME: config.pbtxt and 1/model.onnx.

        Raises UnsupportedModelError where the model is not ONNX.
        """
        told, source = signature.read(inputs["signature"]), inputs["service"] / "model" / "model.onnx"
        if not source.exists():
            message = f"Triton runs ONNX, and {told.model} is served by its own library"
            raise UnsupportedModelError(message, "mlship convert --to onnx")
        name = self.name or known.default_name(told.model)
        progress("writing a model repository")
        graph = onnx.load(source, load_external_data=False).graph
        values = {
            "name": name,
            "model": told.model,
            "next": _NEXT,
            "max_batch": self.max_batch,
            "inputs": _tensors(graph.input, {tensor.name for tensor in told.tensors}),
            "outputs": _tensors(graph.output, {output.name for output in told.outputs}),
        }
        folder = Path("manifests") / "model_repository" / name
        write_atomic(out / folder / "config.pbtxt", rendering.render("deploy/triton/config.pbtxt.j2", values).encode())
        (out / folder / "1").mkdir()
        shutil.copyfile(source, out / folder / "1" / "model.onnx")
        files = [f"model_repository/{name}/{each}" for each in ("1/model.onnx", "config.pbtxt")]
        summary = f"Triton model repository for {told.model}; next: {_NEXT}"
        return Outcome({"manifests": "manifests"}, summary, {"name": name, "files": files})

    def check(self, folder: Path, progress: Progress) -> tuple[Checked, ...]:
        """Read config.pbtxt as Triton's own schema has it, where its client is installed."""
        if not (programs.is_there("tritonclient") and programs.is_there("grpc")):
            return (programs.absent(_CLIENT),)
        from mlship.targets.checks import pbtxt  # here: it imports packages that need not be installed

        progress("reading config.pbtxt")
        return tuple(pbtxt.check(_CLIENT, path) for path in sorted(folder.glob("model_repository/*/config.pbtxt")))


def _tensors(tensors: Iterable[ValueInfoProto], names: Collection[str]) -> list[dict[str, Any]]:
    """Return names, types and dimensions of those in ``names``, without that of the rows, which Triton adds."""
    return [_tensor(tensor) for tensor in tensors if tensor.name in names]


def _tensor(tensor: ValueInfoProto) -> dict[str, Any]:
    told = tensor.type.tensor_type
    if told.elem_type not in _TYPES:
        kind = TensorProto.DataType.Name(told.elem_type)
        raise UnsupportedModelError(f"'{tensor.name}' of the model is of the type {kind}, which is none of Triton's")
    rows, *others = told.shape.dim or [None]
    if rows is None or rows.dim_value:
        message = f"'{tensor.name}' of the model is not made of any number of rows, which Triton runs together"
        raise UnsupportedModelError(message, "export it with a first dimension that is free")
    # -1: any size
    return {
        "name": tensor.name,
        "type": _TYPES[told.elem_type],
        "dims": [each.dim_value or -1 for each in others],
    }
