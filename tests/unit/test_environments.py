"""Environments of their own: what goes into them, and what is said when they cannot be made."""

from pathlib import Path

import onnx
import pytest

from mlship import environments
from mlship.errors import MissingDependencyError, ModelError, UnsupportedModelError


def test_the_scikit_learn_is_that_of_the_model_and_the_rest_as_here() -> None:
    made = environments.of("1.7.2")
    assert made.requirements[0] == "scikit-learn==1.7.2"
    assert f"onnx=={onnx.__version__}" in made.requirements


def test_old_ones_get_what_they_were_released_with() -> None:
    assert {"numpy<2", "pandas<3"} < {*environments.of("1.3.2").requirements}
    assert "numpy<2" not in environments.of("1.5.2").requirements


def test_other_libraries_of_the_model_come_along() -> None:
    assert any(line.startswith("lightgbm==") for line in environments.of("1.7.2", {"lightgbm", "sklearn"}).requirements)


def test_each_combination_has_its_own_place() -> None:
    assert environments.of("1.7.2").key == environments.of("1.7.2").key != environments.of("1.7.1").key


def test_too_old_ones_are_refused_by_number() -> None:
    with pytest.raises(UnsupportedModelError, match=r"0\.24\.2; mlship converts those of 1\.3"):
        environments.of("0.24.2")


def test_what_is_no_version_goes_nowhere() -> None:
    with pytest.raises(ModelError, match="no version"):
        environments.of("1.5 --index-url http://elsewhere")


def test_without_uv_the_command_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(environments, "find_uv", lambda: None)
    with pytest.raises(MissingDependencyError) as caught:
        environments.made(environments.of("1.5.2"), lambda *_: None)
    assert caught.value.hint == "pip install uv"


def test_without_an_index_nothing_half_made_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(MissingDependencyError, match=r"scikit-learn==1\.5\.2") as caught:
        environments.made(environments.of("1.5.2"), lambda *_: None)
    assert "without network" in caught.value.hint
    left = [path.name for path in (tmp_path / "mlship" / "envs").iterdir()]
    assert left == [f"{environments.of('1.5.2').key}.lock"]
