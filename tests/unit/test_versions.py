"""Versions that do not go together are known by what they do."""

import pytest

from mlship import versions


@pytest.mark.parametrize(
    ("installed", "words"),
    [
        ({"onnxruntime": "1.26.0"}, "wrong labels"),
        ({"onnxruntime": "1.27.0"}, "wrong labels"),
        ({"onnxruntime": "1.23.2"}, "double"),
        ({"protobuf": "7.34.1", "skl2onnx": "1.20.0"}, "got a boolean"),
        ({"skl2onnx": "1.19.0", "onnx": "1.23.2"}, "cannot be imported"),
        ({"scikit-learn": "1.7.2"}, "tested with 1.8"),
    ],
)
def test_a_bad_combination_is_known(installed: dict[str, str | None], words: str) -> None:
    (known,) = versions.among(installed)
    assert words in known.consequence
    assert known.remedy.startswith("pip install")


@pytest.mark.parametrize(
    "installed",
    [
        {"onnxruntime": "1.28.0"},
        {"protobuf": "7.34.1", "skl2onnx": "1.21.0"},
        {"protobuf": "6.33.6", "skl2onnx": "1.20.0"},
        {"skl2onnx": None, "onnx": "1.23.2"},
        {"onnxruntime": "built by myself"},
    ],
)
def test_other_versions_are_let_through(installed: dict[str, str | None]) -> None:
    assert versions.among(installed) == []


def test_what_is_installed_here_goes_together() -> None:
    assert versions.require_usable() == ()
