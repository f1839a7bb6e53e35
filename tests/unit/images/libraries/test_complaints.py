import pytest

from mlship.errors import BuildError
from mlship.images.base import Base
from mlship.images.libraries.complaints import explain, missing

BASE = Base("python:3.12-slim", "3.12", "python3", "x86_64", (2, 28))
NONE = "error: No solution found when resolving dependencies\n  cause: Because "


@pytest.mark.parametrize(
    ("words", "name", "requirement"),
    [
        ("numpy==1.20.0 has no usable wheels and you require numpy==1.20.0, we can", "numpy", "numpy==1.20.0"),
        ("all versions of pyspark have no usable wheels and you require pyspark, we", "pyspark", "pyspark"),
        (
            "onnxruntime==1.32.0 has no wheels with a matching Python ABI tag (e.g., `cp315`) and only\n"
            "         onnxruntime<=1.32.0 is available, we can conclude that onnxruntime>=1.32.0 cannot be used.\n"
            "         And because you require onnxruntime>=1.32.0, we can",
            "onnxruntime",
            "onnxruntime>=1.32.0",
        ),
        ("no-such was not found in the package registry and you require no-such>=1,<2, we", "no-such", "no-such>=1,<2"),
        ("only numpy<=2.5.5 is available and you require numpy>=99, we can", "numpy", "numpy>=99"),
        ("only b<=2 is available and all versions of a depend on b>=3, we can", "b", "b>=3"),
    ],
)
def test_what_has_no_wheel_is_found_in_the_words_of_uv(words: str, name: str, requirement: str) -> None:
    found = missing(f"{NONE}{words} conclude that your requirements are unsatisfiable.")
    assert found is not None
    assert (found.name, found.requirement) == (name, requirement)


@pytest.mark.parametrize(
    "words",
    [
        "only some-thing==1.0 is available and some-thing==1.0 depends on other<2, we can conclude",
        "numpy was not found in the cache and you require numpy\nhint: the network was disabled.",
        "numpy was not found in the package registry and you require numpy\nhint: (401 Unauthorized)",
    ],
)
def test_what_is_wrong_otherwise_is_not_a_missing_wheel(words: str) -> None:
    assert missing(NONE + words) is None


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("error: Failed to install\n  cause: No space left on device (os error 28)", "the disk is full", "cache clean"),
        (
            "error: Failed to fetch: https://a/simple/b/\n  cause: dns error",
            "index does not answer",
            "set wheels=FOLDER",
        ),
        (f"{NONE}x was not found\nhint: An index (https://a) returned a 403 Forbidden error.", "refuses", "auth login"),
        (
            "error: Hash mismatch for `a==1`\nExpected: 1\nComputed: 2",
            "hash promises:\n.*\n.*Expected: 1",
            "cache clean",
        ),
        (
            "error: something new",
            "uv cannot get the libraries for Python 3.12 on x86_64 .*:\n  | error: something",
            ".",
        ),
        ("", "uv says nothing", "."),
    ],
)
def test_other_words_of_uv_are_explained(words: str, message: str, hint: str) -> None:
    error = explain(words, BASE)
    assert isinstance(error, BuildError)
    with pytest.raises(BuildError, match=message):
        raise error
    assert hint in error.hint
