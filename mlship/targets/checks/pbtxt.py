"""config.pbtxt read as Triton reads it: by the schema of its model configuration."""

from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from mlship.stages import Checked


def check(validator: str, path: Path) -> Checked:
    """Say whether ``path`` is a model configuration, with no field that Triton does not know."""
    try:
        config = text_format.Parse(path.read_text("utf-8"), model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        return Checked(validator, passed=False, said=f"{path.name}: {error}")
    said = f"{len(config.input)} inputs, {len(config.output)} outputs, up to {config.max_batch_size} rows"
    return Checked(validator, passed=True, said=said)
