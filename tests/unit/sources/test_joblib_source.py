"""The source as users meet it: which files it takes, what it says about bad ones, how loading fails."""

import io
import pickle
import subprocess
import sys
import zlib
from collections import OrderedDict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.svm import SVC

from mlship import plugins
from mlship.errors import ModelError, UntrustedModelError
from mlship.inspection import require_trusted
from mlship.sources import streams, walker
from mlship.sources.joblib import JoblibSource

COMPRESSIONS = (0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3))


@pytest.fixture
def model() -> SVC:
    return SVC().fit([[0.0], [1.0], [2.0]], [0, 1, 1])


def test_it_is_a_plugin() -> None:
    assert plugins.load("sources", "joblib") is JoblibSource


def test_walking_a_file_needs_no_library_that_could_be_attacked() -> None:
    code = "import sys, mlship.sources.walker; print({'joblib', 'numpy', 'pandas', 'sklearn'} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("name", ["model.joblib", "model.PKL", "model.pickle"])
def test_it_takes_files_by_suffix(tmp_path: Path, name: str) -> None:
    assert JoblibSource().matches(tmp_path / name)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_it_takes_files_by_content(tmp_path: Path, dumped, model, compression: Any) -> None:
    (tmp_path / "model").write_bytes(dumped(model, compression))
    assert JoblibSource().matches(tmp_path / "model")


def test_it_leaves_other_files_alone(tmp_path: Path) -> None:
    for content in (b"a,b\n1,2\n", b"x0,x1\n1,2\n", b"PK\x03\x04", b""):
        (tmp_path / "other").write_bytes(content)
        assert not JoblibSource().matches(tmp_path / "other")
    assert not JoblibSource().matches(tmp_path / "absent.onnx")


def test_an_empty_file_is_named(stopped) -> None:
    assert stopped(b"") == "'model.joblib' cannot be read: it is empty"


@pytest.mark.parametrize("content", [b"hello", b"a,b\n1,2\n", b"\x80\x09N.", b"\0" * 64])
def test_a_file_that_is_no_pickle_is_named(stopped, content: bytes) -> None:
    assert "it is not a pickle" in stopped(content)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_truncated_file_is_named(stopped, dumped, model, compression: Any) -> None:
    content = dumped(model, compression)
    for length in {*range(1, 40), *range(40, len(content) - 1, 97), len(content) - 1}:
        stopped(content[:length])


@pytest.mark.parametrize("compression", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_damaged_compression_is_named(stopped, dumped, model, compression: str) -> None:
    content = bytearray(dumped(model, (compression, 3)))
    content[len(content) // 2 : len(content) // 2 + 20] = bytes(20)
    stopped(bytes(content))


def test_bytes_behind_a_compressed_model_are_an_error(stopped, dumped, model) -> None:
    assert "damaged" in stopped(dumped(model, ("zlib", 3)) + b"more")


def test_an_archive_is_named(stopped) -> None:
    assert "zip archive" in stopped(b"PK\x03\x04" + bytes(20))


def test_lz4_is_named_where_it_cannot_be_read(stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "find_spec", lambda name: None)
    assert "the package lz4 is not installed" in stopped(b"\x04\x22\x4d\x18" + bytes(20))


def test_lz4_is_read_where_it_is_installed(stopped, inspect, dumped, model) -> None:
    content = dumped(model, ("lz4", 3))
    inspect(content)  # imports lz4
    found = inspect(content)
    assert (found.format, found.untrusted) == ("joblib, lz4", ())
    for length in (7, 20, len(content) // 2, len(content) - 5):
        stopped(content[:length])
    stopped(content[:30] + bytes(20) + content[50:])


def test_files_of_very_old_joblib_are_named(stopped) -> None:
    assert "joblib before 0.10" in stopped(b"ZF0x10" + bytes(20))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "absent.pkl", "there is no file"), (tmp_path, "cannot be opened")):
        with pytest.raises(ModelError, match=words):
            JoblibSource().inspect(path)


def test_a_bomb_is_stopped(stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_UNPACKED", 1 << 20)
    content = pickle.dumps(bytes(8 << 20))
    assert "unpacks to more than" in stopped(zlib.compress(content))


def test_a_bomb_of_text_is_stopped(stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MAX_UNPACKED", 1 << 20)
    content = b"V" + b"a" * (8 << 20) + b"\n."
    assert "more than" in stopped(zlib.compress(content))


def test_too_many_instructions_are_stopped(refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walker, "MAX_OPCODES", 1000)
    assert "1,000 instructions" in refused(b"N0" * 1000 + b"N.")


@pytest.mark.parametrize(
    "opcode", [b"X\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 7 + b"\x0f", b"\x8e" + b"\xff" * 8, b"\x8b\xff\xff\xff\x7f"]
)
def test_sizes_that_a_file_states_are_not_believed(stopped, opcode: bytes) -> None:
    stopped(b"\x80\x04" + opcode + b"abc.")


def test_deep_nesting_does_not_exhaust_the_stack(stopped) -> None:
    assert "holds a tuple" in stopped(b"\x80\x04)" + b"\x85" * 200_000 + b".")
    stopped(b"\x80\x04" + b"(" * 200_000 + b".")


def test_a_dtype_of_dtypes_is_measured_once(stopped, asm) -> None:
    plain = asm.call(asm.named("numpy", "dtype"), "V0", False, True)
    content = asm.build(plain, asm.tuple(3, "|", None, None, None, 0, 1, 0)) + b"\x94"
    for index in range(200):  # each holds the one before twice: 2 ** 200 when measured anew
        fields = asm.dict({name: b"h" + bytes([index]) + b"K\x00\x86" for name in "ab"})
        state = asm.tuple(3, "|", None, ("a", "b"), fields, 0, 1, 16)
        content += asm.build(asm.call(asm.named("numpy", "dtype"), "V0", False, True), state) + b"\x94"
    assert "holds a numpy.dtype" in stopped(asm.dump(content))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, "holds a dict"),
        ([1], "holds a list"),
        ((1,), "holds a tuple"),
        (None, "holds None"),
        ("text", "holds a str"),
        (1.5, "holds a float"),
        (b"bytes", "holds a bytes"),
        ({1}, "holds a set"),
        (OrderedDict(a=1), "holds a collections.OrderedDict"),
        (np.zeros(3), "holds a numpy.ndarray"),
        (SVC, "holds the class or function sklearn.svm._classes.SVC"),
    ],
)
def test_a_file_without_a_model_says_what_it_holds(stopped, dumped, value: Any, words: str) -> None:
    assert f"{words}" in stopped(dumped(value))
    assert ", not a model" in stopped(dumped(value, 3))


def test_a_trusted_name_passes(tmp_path: Path, asm, inspect) -> None:
    content = asm.dump(asm.new(asm.named("shop.models", "Prices")))
    assert inspect(content).untrusted == ("shop.models.Prices",)
    assert inspect(content, trust=("shop.models.Prices",)).untrusted == ()


def test_an_untrusted_file_is_refused_with_the_way_on(tmp_path: Path, asm, inspect) -> None:
    content = asm.dump(asm.call(asm.named("shop.models", "Prices"), asm.new(asm.named("os", "system"))))
    with pytest.raises(UntrustedModelError) as caught:
        require_trusted(inspect(content))
    assert "os.system, shop.models.Prices" in caught.value.message
    assert caught.value.hint.endswith("--trust os.system --trust shop.models.Prices --code folder_with_shop")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_model_is_loaded(tmp_path: Path, dumped, model, compression: Any) -> None:
    (tmp_path / "model.joblib").write_bytes(dumped(model, compression))
    loaded = JoblibSource().load(tmp_path / "model.joblib")
    assert isinstance(loaded, SVC)
    assert loaded.predict([[0.0], [2.0]]).tolist() == [0, 1]


def test_a_model_of_another_version_loads_without_a_warning(tmp_path: Path, model) -> None:
    _saved_with(model, "1.2.2", tmp_path / "model.pkl")
    assert isinstance(JoblibSource().load(tmp_path / "model.pkl"), SVC)


def test_a_model_of_another_version_that_fails_names_it(tmp_path: Path, model) -> None:
    path = tmp_path / "model.pkl"
    _saved_with(model, "1.2.2", path)
    path.write_bytes(path.read_bytes().replace(b"\x14sklearn.svm._classes", b"\x14sklearn.svm._classic"))
    with pytest.raises(ModelError) as caught:
        JoblibSource().load(path)
    assert f"was saved with scikit-learn 1.2.2, here is {sklearn.__version__}" in caught.value.message
    assert "_classic" in caught.value.message
    assert caught.value.hint == "--python-env auto loads it with its own"


def test_a_file_that_does_not_load_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match=r"'model.pkl' cannot be loaded: EOFError"):
        JoblibSource().load(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_function_by_value_is_named(tmp_path: Path, asm, compressed: bool) -> None:
    code = asm.call(asm.named("cloudpickle.cloudpickle", "_builtin_type"), "CodeType")
    content = asm.dump(code + b")R")  # what that gives is called
    path = tmp_path / "model.pkl"
    path.write_bytes(zlib.compress(content) if compressed else content)
    with pytest.raises(UntrustedModelError, match="holds a function or a class by value") as caught:
        JoblibSource().inspect(path)
    assert caught.value.hint.startswith("put the function into a module of its own")


def test_a_large_text_is_not_kept(stopped) -> None:
    assert "holds a str" not in stopped(pickle.dumps("a" * (2 << 20), protocol=4))


def _saved_with(model: Any, version: str, path: Path) -> None:
    """Save ``model`` as another version of scikit-learn would."""
    content = pickle.dumps(model, protocol=4)
    mark = b"\x8c\x10_sklearn_version\x94\x8c"
    start = content.index(mark) + len(mark)
    end = start + 1 + content[start]
    short = content[:start] + bytes([len(version)]) + version.encode() + content[end:]
    frame = int.from_bytes(content[3:11], "little") + len(short) - len(content)
    path.write_bytes(short[:3] + frame.to_bytes(8, "little") + short[11:])
    joblib.load(io.BytesIO(content))
