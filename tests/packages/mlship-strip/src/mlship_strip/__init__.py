"""An optimizer for mlship that strips what nobody computes with: documentation and metadata in the ONNX file."""

from collections.abc import Mapping
from pathlib import Path

import onnx
from pydantic import Field

from mlship.stages import Optimizer, Outcome, Progress


class Strip(Optimizer):
    """Strip documentation and metadata from the model."""

    libraries = ("onnx", "mlship-strip")

    keep_names: bool = Field(True, description="leave the names of nodes in")

    def run(self, inputs: Mapping[str, Path], out: Path, progress: Progress) -> Outcome:
        """Write a smaller model.onnx; the answers stay, since no node is touched."""
        progress("stripping")
        model = onnx.load(inputs["onnx"])
        model.ClearField("doc_string")
        model.ClearField("metadata_props")
        for node in model.graph.node:
            node.ClearField("doc_string")
            if not self.keep_names:
                node.ClearField("name")
        onnx.save(model, out / "model.onnx")
        before, after = inputs["onnx"].stat().st_size, (out / "model.onnx").stat().st_size
        return Outcome({"onnx": "model.onnx"}, f"stripped {before - after:,} of {before:,} bytes")
