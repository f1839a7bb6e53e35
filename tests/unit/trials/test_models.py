import json
from pathlib import Path
from typing import Any

import pytest

from mlship.errors import DamagedWorkspaceError
from mlship.trials.models import models


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    for name in ("converted", "optimised"):
        (tmp_path / f"{name}.onnx").write_text(name)
    return {"converted": tmp_path / "converted.onnx", "onnx": tmp_path / "optimised.onnx"}


def candidates(folder: Path, *items: dict[str, Any], version: int = 1) -> Path:
    (folder / "candidates").mkdir()
    document = {"schema_version": version, "candidates": list(items)}
    (folder / "candidates/candidates.json").write_text(json.dumps(document))
    return folder / "candidates"


def candidate(folder: Path, name: str, content: str, **settings: Any) -> dict[str, Any]:
    (folder / f"{name}.onnx").write_text(content)
    return {"name": name, "file": f"../{name}.onnx", "settings": settings}


def test_the_optimised_model_stands_beside_the_converted_one(inputs: dict[str, Path]) -> None:
    assert {name: model.path.name for name, model in models(inputs).items()} == {
        "converted": "converted.onnx",
        "optimised": "optimised.onnx",
    }


def test_without_an_optimisation_there_is_one_model(inputs: dict[str, Path]) -> None:
    assert list(models({"onnx": inputs["onnx"]})) == ["converted"]


def test_the_same_content_is_measured_once(inputs: dict[str, Path]) -> None:
    inputs["onnx"].write_text("converted")
    assert list(models(inputs)) == ["converted"]


def test_the_same_content_run_otherwise_is_another_model(inputs: dict[str, Path], tmp_path: Path) -> None:
    inputs["onnx"].write_text("converted")
    (tmp_path / "session.json").write_text('{"parallel_blocks": 2, "rows_a_run": 5}')
    found = models({**inputs, "session": tmp_path / "session.json"})
    assert {name: model.settings.threads for name, model in found.items()} == {"converted": 1, "optimised": 2}


def test_a_native_model_has_no_onnx_files(inputs: dict[str, Path], tmp_path: Path) -> None:
    assert models({**inputs, "native": tmp_path}) == {}


def test_candidates_are_taken_but_for_those_that_have_a_name_already(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = candidates(
        tmp_path,
        candidate(tmp_path, "base", "converted"),
        candidate(tmp_path, "chosen", "optimised"),
        candidate(tmp_path, "int8", "small"),
        candidate(tmp_path, "2 threads", "converted", intra_op_num_threads=2),
    )
    assert list(models({**inputs, "candidates": folder})) == ["converted", "optimised", "int8", "2 threads"]


@pytest.mark.parametrize("content", ["{", "[]", '{"threads": 2}', '{"parallel_blocks": 0}'])
def test_a_damaged_session_file_is_named(inputs: dict[str, Path], tmp_path: Path, content: str) -> None:
    (tmp_path / "session.json").write_text(content)
    with pytest.raises(DamagedWorkspaceError, match=r"session\.json"):
        models({**inputs, "session": tmp_path / "session.json"})


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"schema_version": 1, "candidates": [{"name": "a"}]}'])
def test_a_damaged_list_of_candidates_is_named(inputs: dict[str, Path], tmp_path: Path, content: str) -> None:
    folder = candidates(tmp_path)
    (folder / "candidates.json").write_text(content)
    with pytest.raises(DamagedWorkspaceError, match=r"candidates\.json"):
        models({**inputs, "candidates": folder})


def test_candidates_of_another_version_are_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = candidates(tmp_path, version=9)
    with pytest.raises(DamagedWorkspaceError, match="schema version 9, this mlship reads 1"):
        models({**inputs, "candidates": folder})


def test_a_candidate_without_its_file_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    folder = candidates(tmp_path, {"name": "gone", "file": "gone.onnx", "settings": {}})
    with pytest.raises(DamagedWorkspaceError, match=r"gone\.onnx' is not there"):
        models({**inputs, "candidates": folder})
