"""What serving does not need of the libraries of an image, and taking it away."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import translate
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from mlship.images.libraries import symbols
from mlship.images.libraries.requirements import read, required
from mlship.images.plan import LeftOut

_ALL = "*"
_TESTS = "its tests"
_COMPILING = "for compiling C against it: an image has no compiler"
#: With this library those modules of ONNX Runtime work that make and rewrite models.
_ONNX = "onnx"
_OF_C = "onnxruntime/capi/libonnxruntime.so*"


class _Rule(NamedTuple):
    """Files of ``distribution`` ("*": of each) that go: ``pattern`` as fnmatch has it, where * goes across folders.

    They stay where the distribution ``needed_by`` is installed too.
    """

    distribution: str
    pattern: str
    reason: str
    needed_by: str = ""


#: A rule that takes a module away which could be imported says so.
_RULES = (
    _Rule(_ALL, "*.dist-info/RECORD", "the files as they were installed: no longer true, and asked for by installers"),
    _Rule(_ALL, "*.dist-info/INSTALLER", "for installers"),
    _Rule(_ALL, "*.dist-info/REQUESTED", "for installers"),
    _Rule(_ALL, "*.dist-info/direct_url.json", "for installers, and names folders of the machine that builds"),
    _Rule(_ALL, "*.dist-info/uv_cache.json", "for installers, and tells the time"),
    _Rule(_ALL, "*/__pycache__/*", "byte code: it is compiled anew for the paths of the image"),
    # lazy-loader reads them when a library is imported that uses it
    _Rule(_ALL, "*.pyi", "types, for editors and type checkers", "lazy-loader"),
    _Rule(_ALL, "*.pyx", "Cython: compiled already"),
    _Rule(_ALL, "*.pxd", "Cython: compiled already"),
    _Rule(_ALL, "*.pxi", "Cython: compiled already"),
    _Rule(_ALL, "*.po", "translations: compiled already"),
    _Rule("onnxruntime", _OF_C, "for programs in C: the Python module has all of it"),
    _Rule("onnxruntime", "onnxruntime/backend/*", "module onnxruntime.backend: runs ONNX's own tests"),
    _Rule("onnxruntime", "onnxruntime/datasets/*", "module onnxruntime.datasets: models of examples"),
    _Rule(
        "onnxruntime",
        "onnxruntime/quantization/*",
        "module onnxruntime.quantization: makes models, needs onnx",
        _ONNX,
    ),
    _Rule("onnxruntime", "onnxruntime/tools/*", "module onnxruntime.tools: converts models, needs onnx", _ONNX),
    _Rule("onnxruntime", "onnxruntime/training/*", "module onnxruntime.training: trains models"),
    _Rule(
        "onnxruntime",
        "onnxruntime/transformers/*",
        "module onnxruntime.transformers: rewrites models, needs onnx",
        _ONNX,
    ),
    # helpers beside the tests stay: numpy.testing imports some of them in some versions
    _Rule("numpy", "numpy/*/tests/test_*", _TESTS),
    _Rule("numpy", "numpy/*/tests/data/*", _TESTS),
    _Rule("numpy", "numpy/*/tests/examples/*", _TESTS),
    _Rule("numpy", "numpy/tests/*", _TESTS),
    _Rule("numpy", "numpy/f2py/tests/*", _TESTS),
    _Rule("numpy", "numpy/_core/*_tests.*", _TESTS),
    _Rule("numpy", "numpy/_core/_simd.*.so", _TESTS),
    _Rule("numpy", "numpy/_core/include/*", _COMPILING),
    _Rule("numpy", "numpy/_core/lib/*", _COMPILING),
    _Rule("numpy", "numpy/random/lib/*", _COMPILING),
    # numpy.f2py stays, though nothing needs it: "from numpy import *", as in scikit-learn, imports it
    _Rule("numpy", "numpy/f2py/src/*", _COMPILING),
    _Rule("numpy", "numpy/distutils/*", "module numpy.distutils: builds packages, gone in Python 3.12"),
    _Rule("joblib", "joblib/test/*", _TESTS),
    _Rule("pandas", "pandas/tests/*", _TESTS),
    _Rule("pyarrow", "pyarrow/tests/*", _TESTS),
    _Rule("pyarrow", "pyarrow/include/*", _COMPILING),
    _Rule("scikit-learn", "sklearn/tests/*", _TESTS),
    _Rule("scikit-learn", "sklearn/*/tests/*", _TESTS),
    _Rule("scipy", "scipy/*/tests/*", _TESTS),
    _Rule("statsmodels", "statsmodels/*/tests/*", _TESTS),
    _Rule("torch", "torch/include/*", _COMPILING),
)

#: What ONNX Runtime requires, or has required, though running a model imports none of it; what requires goes first.
_UNUSED = ("coloredlogs", "humanfriendly", "sympy", "mpmath", "flatbuffers", "protobuf")
_UNUSED_REASON = "the whole library: only ONNX Runtime requires it, and uses it for rewriting models alone"


def slim(folder: Path, requirements: Path) -> tuple[LeftOut, ...]:
    """Delete what serving does not need from ``folder``, into which wheels were unpacked; return it, sorted.

    No library goes as a whole that ``requirements`` names. What importlib.metadata tells of a distribution stays
    (version, requirements, entry points), and so do all licences. Debug symbols are cut off shared libraries. Files of
    ``folder`` may be hard links: none is changed in place.
    """
    found: dict[str, Distribution] = {canonicalize_name(each.name): each for each in distributions(path=[str(folder)])}
    rules = list(_rules(found, read(requirements)))
    left: list[LeftOut] = []
    for name, each in sorted(found.items()):
        # listed only now: another distribution may have had some of them too, and they are gone with it
        left += [LeftOut(name, *took) for took in _take(folder, name, _files(folder, each), rules)]
    _remove_empty(folder)
    return tuple(sorted(left, key=lambda each: (each.distribution, each.pattern)))


def _rules(found: Mapping[str, Distribution], wanted: Mapping[str, object]) -> Iterator[_Rule]:
    """Yield the rules that hold for the distributions that were ``found``, where the user named those ``wanted``."""
    requires = {name: _requires(each) for name, each in found.items()}
    extends = any("onnxruntime" in each for each in requires.values())
    for rule in _RULES:
        # what builds upon ONNX Runtime may be a program in C, as onnxruntime-genai is
        if rule.needed_by not in found and not (extends and rule.pattern == _OF_C):
            yield rule
    for name in _unused(requires, wanted):
        yield _Rule(name, "*", _UNUSED_REASON)


def _files(folder: Path, distribution: Distribution) -> list[str]:
    """List what a distribution has installed, by path relative to ``folder``, sorted."""
    names = {str(file) for file in distribution.files or ()}
    return sorted(name for name in names if not name.startswith("..") and (folder / name).is_file())


def _take(folder: Path, name: str, files: list[str], rules: list[_Rule]) -> Iterator[tuple[str, str, int]]:
    """Delete what the rules for ``name`` say; yield the pattern, the reason and the bytes of each that applied."""
    left = dict.fromkeys(files)
    whole_first = sorted((rule for rule in rules if rule.distribution in {_ALL, name}), key=lambda rule: rule.pattern)
    for rule in whole_first:
        matches = re.compile(translate(rule.pattern)).match
        gone = [file for file in left if matches(file)]
        if gone:
            yield rule.pattern, rule.reason, sum((folder / file).stat().st_size for file in gone)
        for file in gone:
            (folder / file).unlink()
            del left[file]
    libraries = [file for file in left if re.search(r"\.so(\.[\d.]+)?$", file)]
    if size := sum(symbols.cut(folder / file) for file in libraries):
        yield "*.so", "debug symbols, of the end of these files", size


def _unused(requires: Mapping[str, set[str]], wanted: Mapping[str, object]) -> list[str]:
    """List those of _UNUSED that nobody asked for but ONNX Runtime, or what goes as well."""
    gone: list[str] = []
    for name in _UNUSED:
        asking = {other for other, each in requires.items() if name in each} - {*gone}
        if name in requires and name not in wanted and asking <= {"onnxruntime"}:
            gone.append(name)
    return gone if "onnxruntime" in requires and _ONNX not in requires else []


def _requires(distribution: Distribution) -> set[str]:
    """Name what a distribution may require; for extras too, because which of them were asked for is not known."""
    return {canonicalize_name(each.name) for each in required(distribution)}


def _remove_empty(folder: Path) -> None:
    """Remove folders without a file: they would be importable as namespace packages."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
