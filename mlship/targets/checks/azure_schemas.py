"""Files for Azure Machine Learning held against the schemas in its own library, where that is installed."""

import importlib
from pathlib import Path

from mlship.stages import Checked

_NAME = "azure-ai-ml"


def check(folder: Path) -> Checked:
    """Load endpoint.yml and deployment.yml as the command line of Azure Machine Learning does; nothing is sent."""
    try:
        library = importlib.import_module("azure.ai.ml")
        failures = (
            importlib.import_module("azure.ai.ml.exceptions").ValidationException,
            importlib.import_module("marshmallow").ValidationError,  # of its schemas
        )
    except ModuleNotFoundError:
        return Checked(_NAME, None, f"{_NAME} is not installed")
    try:
        library.load_online_endpoint(folder / "endpoint.yml")
        library.load_online_deployment(folder / "deployment.yml")
    except failures as error:
        return Checked(_NAME, passed=False, said=str(error))
    return Checked(_NAME, passed=True, said="endpoint and deployment fit their schemas")
