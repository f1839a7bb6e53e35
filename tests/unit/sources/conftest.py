"""What the tests of the loading gate share: fitted models of all kinds, a pickle assembler, proof that nothing ran."""

import importlib.util
import io
import pickle
import pickletools
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import pytest

from mlship.errors import ModelError, UntrustedModelError
from mlship.inspection import Inspection, require_trusted
from mlship.sources.joblib import JoblibSource

SCRIPTS = Path(__file__).parents[3] / "scripts"
#: Audit events that executing a payload would raise; opening the model file is none of them.
EVENTS = {"pickle.find_class", "import", "exec", "compile", "os.system", "subprocess.Popen", "ctypes.dlopen"}

_seen: list[str] = []
_watching = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in EVENTS:
        _seen.append(f"{event}{arguments}")


sys.addaudithook(_hook)


def script(name: str) -> Any:
    """Import a module of scripts/."""
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models() -> Mapping[str, Any]:
    """Fit every estimator of scikit-learn that fits small data, and models as people compose them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        zoo = script("zoo")
        return dict(zoo.estimators()) | dict(zoo.compositions()) | dict(zoo.other_libraries())


@pytest.fixture(scope="session")
def allowlist(models: Mapping[str, Any]) -> Any:
    """Import scripts/allowlist.py (after zoo and others, which it imports)."""
    script("others")
    return script("allowlist")


@pytest.fixture
def inspect(tmp_path: Path) -> Iterator[Callable[..., Inspection]]:
    """Return a function that inspects bytes as a file; the test fails when that executes or imports anything."""

    def run(content: bytes, name: str = "model.joblib", trust: tuple[str, ...] = ()) -> Inspection:
        global _watching  # noqa: PLW0603
        path = tmp_path / name
        path.write_bytes(content)
        _seen.clear()
        _watching = True
        try:
            return JoblibSource().inspect(path, trust)
        finally:
            _watching = False

    JoblibSource().inspect(_warm_up(tmp_path))  # reads the lists, once
    yield run
    assert _seen == []
    assert not (tmp_path / "marker").exists()


@pytest.fixture
def stopped(inspect: Callable[..., Inspection]) -> Callable[..., str]:
    """Return a function that asserts that bytes do not pass the gate, and returns what the user reads."""

    def run(content: bytes, name: str = "model.joblib") -> str:
        with pytest.raises(ModelError) as caught:
            require_trusted(inspect(content, name))
        assert name in caught.value.message
        return caught.value.message

    return run


@pytest.fixture
def refused(inspect: Callable[..., Inspection]) -> Callable[..., str]:
    """Return a function that asserts that bytes cannot be checked, even if all names were trusted."""

    def run(content: bytes) -> str:
        with pytest.raises(UntrustedModelError) as caught:
            inspect(content)
        return caught.value.message

    return run


@pytest.fixture
def payload(tmp_path: Path) -> str:
    """A shell command that leaves a file where it runs."""
    return f"touch {tmp_path / 'marker'}"


@pytest.fixture(scope="session")
def asm() -> SimpleNamespace:
    """Return the words of a pickle assembler, protocol 4."""
    return SimpleNamespace(
        text=_text, named=_named, tuple=_tuple, list=_list, dict=_dict, call=_call, new=_new, build=_build, dump=_dump
    )


@pytest.fixture(scope="session")
def dumped() -> Callable[..., bytes]:
    """Return a function that saves a model with joblib (compress=...), or with pickle (protocol=...)."""

    def dump(model: Any, compress: Any = 0, protocol: int | None = None) -> bytes:
        stream = io.BytesIO()
        if protocol is not None:
            pickle.dump(model, stream, protocol=protocol)
        else:
            joblib.dump(model, stream, compress=compress)
        return stream.getvalue()

    return dump


def _warm_up(folder: Path) -> Path:
    path = folder / "warm-up.joblib"
    path.write_bytes(_dump(b"Vloads a codec\n0" + _new(_named("sklearn.svm._classes", "SVC"))))
    return path


def _text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def _named(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _tuple(*items: Any) -> bytes:
    return b"(" + b"".join(map(_value, items)) + b"t"


def _list(*items: Any) -> bytes:
    return b"(" + b"".join(map(_value, items)) + b"l"


def _dict(items: Mapping[str, Any]) -> bytes:
    return b"(" + b"".join(_value(part) for pair in items.items() for part in pair) + b"d"


def _value(value: Any) -> bytes:
    """Return instructions as they are, and assemble plain values."""
    if isinstance(value, bytes):
        return value
    plain = pickletools.optimize(pickle.dumps(value, protocol=2))
    return plain[2:-1]


def _call(function: bytes, *arguments: Any) -> bytes:
    return function + _tuple(*arguments) + b"R"


def _new(kind: bytes) -> bytes:
    return kind + b")\x81"


def _build(instance: bytes, state: bytes) -> bytes:
    return instance + state + b"b"


def _dump(*instructions: bytes) -> bytes:
    return b"\x80\x04" + b"".join(instructions) + b"."
