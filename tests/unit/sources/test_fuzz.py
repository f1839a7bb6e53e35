"""Mutated files either pass as what they are or are stopped by name, and hide nothing that loading would import."""

import contextlib
import io
import lzma
import pickle
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from mlship.errors import MlshipError
from mlship.inspection import Inspection
from mlship.sources import streams
from mlship.sources.joblib import JoblibSource
from mlship.sources.machine import WRAPPERS
from mlship.sources.nodes import Unread
from mlship.sources.streams import DamagedError, RefusedError, Stream
from mlship.sources.walker import walk

#: Pieces of attacks, to be put anywhere.
PIECES = (
    b"cos\nsystem\n",
    b"\x8c\x02os\x8c\x06system\x93",
    b"(Vid\nios\nsystem\n",
    b"c__builtin__\ngetattr\n",
    b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81",
    b"Vid\n\x85R",
    b"\x95\x10\0\0\0\0\0\0\0",
    *(bytes((code,)) for code in b"()]}tlds\x81\x85\x86\x87\x93\x94Rbo0123Neua.\x89\x88\x90\x91"),
    b"h\x00",
    b"h\x05",
    b"q\x03",
    b"\x82\x01",
    b"K\x00",
    b"\x80\x02",
    b"\x80\x05",
)
FUZZ = settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def mutations(draw: st.DrawFn) -> Sequence[tuple[float, float, bytes]]:
    """Where to cut (as shares of the length), how much, and what to put there."""
    piece = st.one_of(st.sampled_from(PIECES), st.binary(max_size=4), st.lists(st.sampled_from(PIECES)).map(b"".join))
    return draw(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 2, 9, 200]), piece), max_size=4))


@pytest.fixture(scope="module")
def seeds(models: Mapping[str, Any], dumped: Any) -> list[bytes]:
    """Small clean files of all kinds."""
    names = (
        "SVC",
        "DecisionTreeClassifier",
        "OneHotEncoder",
        "grid",
        "lists",
        "KNeighborsClassifier",
        "IsotonicRegression",
    )
    raw = [dumped(models[name]) for name in names]
    return raw + [dumped(models[name], protocol=protocol) for name in names[:4] for protocol in range(6)]


@FUZZ
@given(seed=st.integers(0, 30), changes=mutations())
@example(seed=0, changes=[])
def test_what_loading_would_import_is_listed_or_the_file_is_refused(seeds, seed: int, changes: Any) -> None:
    content = _mutated(seeds[seed % len(seeds)], changes)
    try:
        found = walk(Stream(io.BytesIO(content), len(content)))
    except (DamagedError, RefusedError):
        return
    assert set(_imported(content)) <= found.globals.keys()


@FUZZ
@given(seed=st.integers(0, 30), changes=mutations(), packing=st.sampled_from([None, "zlib", "xz"]))
def test_every_mutation_is_inspected_or_stopped_by_name(seeds, tmp_path, seed, changes, packing) -> None:
    content = seeds[seed % len(seeds)]
    if packing is not None:
        content = _packed(content, packing)
    path = tmp_path / "model.joblib"
    path.write_bytes(_mutated(content, changes))
    assert _inspected(path)


@settings(FUZZ, max_examples=300)
@given(content=st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)))
def test_any_bytes_are_inspected_or_stopped_by_name(tmp_path, content: bytes) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content + b".")
    assert _inspected(path)


@FUZZ
@given(seed=st.integers(0, 30), changes=mutations(), ahead=st.sampled_from([1, 7, 300]))
def test_what_is_found_does_not_depend_on_how_much_is_read_ahead(seeds, seed: int, changes: Any, ahead: int) -> None:
    content = _mutated(seeds[seed % len(seeds)], changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "AHEAD", ahead)  # instructions at the end of the window are walked one by one
        slowly = _outcome(content)
    assert _outcome(content) == slowly


@pytest.mark.parametrize("protocol", range(6))
def test_values_of_all_sizes_are_followed_as_they_are(protocol: int) -> None:
    numbers = [0, 200, 255, 256, 40_000, 65_535, 65_536, 2**31 - 1, -1, -300, -(2**31), 2**31, 2**70]
    values = [*numbers, *(f"{number}ü" * 40 for number in range(600)), "x" * 300, "y" * 70_000, ("a", 1), ["b", "b"]]
    content = pickle.dumps([*values, *values], protocol)  # the second time from the memo
    assert walk(Stream(io.BytesIO(content), len(content))).root == [*values, *values]


def test_bytes_of_all_sizes_are_skipped() -> None:
    sizes = [0, 1, 255, 256, 70_000] * 100
    content = pickle.dumps([bytes(size) for size in sizes], 4)
    assert [node.size for node in walk(Stream(io.BytesIO(content), len(content))).root] == sizes


def test_the_observer_sees_what_joblib_imports(seeds) -> None:
    for content in seeds:
        found = walk(Stream(io.BytesIO(content), len(content)))
        assert set(_imported(content)) == found.globals.keys()


def _outcome(content: bytes) -> Any:
    """Return all that a walk finds, or the name of the error that stops it."""
    try:
        found = walk(Stream(io.BytesIO(content), len(content)))
    except (DamagedError, RefusedError) as error:
        return type(error).__name__
    return _shape(vars(found), set())


def _shape(node: Any, seen: set[int]) -> Any:
    """Return a node as tuples that can be compared, each part once."""
    if isinstance(node, str | int | float | None):
        return repr(node)
    if isinstance(node, Unread):
        return "unread", node.size
    if id(node) in seen:
        return "seen"
    seen.add(id(node))
    if isinstance(node, dict):
        return tuple((repr(key), _shape(value, seen)) for key, value in node.items())
    if isinstance(node, set):
        return sorted(node)
    if isinstance(node, list | tuple):
        return tuple(_shape(part, seen) for part in node)
    return type(node).__name__, *(_shape(getattr(node, name), seen) for name in node.__slots__)


def _inspected(path: Path) -> bool:
    """Say whether a file is inspected, or stopped by an error that names it."""
    try:
        return isinstance(JoblibSource().inspect(path), Inspection)
    except MlshipError as error:
        return path.name in error.message


def _mutated(content: bytes, changes: Sequence[tuple[float, int, bytes]]) -> bytes:
    for share, length, piece in changes:
        start = int(share * len(content))
        content = content[:start] + piece + content[start + length :]
    return content


def _packed(content: bytes, packing: str) -> bytes:
    return zlib.compress(content) if packing == "zlib" else lzma.compress(content)


def _imported(content: bytes) -> list[tuple[str, str]]:
    """Unpickle with joblib's own unpickler and stand-ins for all names; return the names that it asked for."""
    observer = _Observer("", io.BytesIO(content), ensure_native_byte_order=False)
    with contextlib.suppress(Exception):  # whatever it trips over, it asked for these names before
        observer.load()
    return observer.asked


class _Observer(NumpyUnpickler):  # type: ignore[misc]
    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.asked: list[tuple[str, str]] = []

    def find_class(self, module: str, name: str) -> Any:
        self.asked.append((module, name))
        if (module, name) in WRAPPERS:
            return _Wrapper
        if (module, name) == ("numpy", "dtype"):
            return _Dtype
        if name == "_reconstructor":
            return _reconstructor
        return type(name or "empty", (_StandIn,), {})


class _StandIn:
    """Takes whatever pickle does to it."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> Any:
        return super().__new__(cls)

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    add = append


def _reconstructor(kind: Any, base: Any, state: Any) -> Any:
    return kind.__new__(kind)


class _Dtype(_StandIn):
    """As large as numpy makes it; numpy itself must not be given states that were made up."""

    itemsize = 0
    hasobject = False

    def __init__(self, code: Any = "", *arguments: Any) -> None:
        self.itemsize = int(code[1:])

    def __setstate__(self, state: Any) -> None:
        self.itemsize = state[5] if state[5] != -1 else self.itemsize
        self.hasobject = bool(state[7] & 1)


class _Wrapper(NumpyArrayWrapper):  # type: ignore[misc]
    """Reads what joblib's wrapper would read, without making the array."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def read(self, unpickler: Any, ensure_native_byte_order: bool) -> Any:
        if self.dtype.hasobject:
            inner = type(unpickler).__mro__[2](unpickler.file_handle)
            inner.find_class = unpickler.find_class
            return inner.load()
        if self.safe_get_numpy_array_alignment_bytes() is not None:
            (padding,) = struct.unpack("B", unpickler.file_handle.read(1))
            unpickler.file_handle.read(padding)
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        if len(unpickler.file_handle.read(size)) != size:
            raise EOFError
        return _StandIn()
