"""The ONNX models of a workspace that are measured: the converted one, the optimised one, and every other candidate."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlship.artifacts import digest
from mlship.errors import DamagedWorkspaceError
from mlship.runtime import Settings

ORIGINAL, NATIVE, CONVERTED, OPTIMISED = "original", "native", "converted", "optimised"

#: Written by the optimise stage into its folder of candidates.
_LIST, _SCHEMA = "candidates.json", 1
_REDO = "mlship optimize --force"


@dataclass(frozen=True)
class Model:
    """An ONNX file and how it is run."""

    path: Path
    settings: Settings = field(default_factory=Settings)

    @property
    def identity(self) -> tuple[str, str]:
        """Return what is the same for two files that are run alike."""
        return digest(self.path), self.settings.model_dump_json()


def models(inputs: Mapping[str, Path]) -> dict[str, Model]:
    """Return the ONNX models to measure by name, out of a stage's inputs; what is the same only once.

    Of candidates all are taken, those beyond the budget too: what they lose is told beside what they gain. None where
    the model runs in its own library. Raises DamagedWorkspaceError for a session or a list that cannot be read.
    """
    if "native" in inputs or "onnx" not in inputs:
        return {}
    served = Model(inputs["onnx"], _settings(inputs.get("session")))
    converted = Model(inputs.get("converted", inputs["onnx"]))
    found = {CONVERTED: converted if "converted" in inputs else served, OPTIMISED: served}
    found |= {name: model for name, model in _candidates(inputs.get("candidates")).items() if name not in found}
    unlike = {model.identity: name for name, model in reversed(found.items())}
    return {name: model for name, model in found.items() if unlike[model.identity] == name}


def _settings(session: Path | None) -> Settings:
    if session is None:
        return Settings()
    try:
        return Settings.model_validate_json(session.read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedWorkspaceError(f"'{session}' is not a session file: {error}", _REDO) from error


def _candidates(folder: Path | None) -> dict[str, Model]:
    if folder is None:
        return {}
    listed = folder / _LIST
    try:
        document = json.loads(listed.read_bytes())
        if document["schema_version"] != _SCHEMA:
            message = f"'{listed}' has schema version {document['schema_version']}, this mlship reads {_SCHEMA}"
            raise DamagedWorkspaceError(message, _REDO)
        return dict(_candidate(folder, item) for item in document["candidates"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedWorkspaceError(f"'{listed}' is not a list of candidates: {error}", _REDO) from error


def _candidate(folder: Path, item: Mapping[str, Any]) -> tuple[str, Model]:
    path = folder / item["file"]
    if not path.is_file():
        raise DamagedWorkspaceError(f"the candidate '{path}' is not there", _REDO)
    return item["name"], Model(path, Settings.model_validate(item["settings"]))
