"""Write mlship/sources/allowed.json: the exact names that a model file may import.

Three lists, each name looked at for what it does when a hostile file uses it:

- ``call``: may be called with any arguments. Short, written by hand below: constructors of plain data and the functions
  with which numpy, pandas, pyarrow and scikit-learn rebuild their compiled types.
- ``make``: classes of which an instance may be made without arguments (pickle then sets its state): the public classes
  of scikit-learn, what fitted models of all its estimators need beside them, and a few classes of numpy and scipy.
- ``refer``: may be kept as a value: metrics, ufuncs, dtypes.

And ``bind``, which of the third list functools.partial may bind arguments of: functions of numbers.

Run it in an environment with the newest libraries: ``python scripts/allowlist.py``; ``--check`` only says whether the
file is up to date. What was left out, and why, is printed.
"""

import argparse
import importlib
import inspect
import io
import json
import pickle
import pkgutil
import sys
import types
import warnings
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, TypeAlias

import joblib
import numpy as np
import others
import scipy.special
import scipy.stats
import sklearn
import zoo

from mlship.sources.machine import Walk
from mlship.sources.streams import Stream
from mlship.sources.walker import walk

Name: TypeAlias = tuple[str, str]

TARGET = Path(__file__).parent.parent / "mlship" / "sources" / "allowed.json"
LIBRARIES = ("joblib", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", *others.LIBRARIES)

#: Read one by one. None of them calls or imports what it is given, opens a file, or keeps raw memory; where that holds
#: only for some arguments, mlship/sources/guards.py checks them (_codecs.encode, numpy.dtype, _new_Index, ...).
CALL = """
    builtins: bytearray complex frozenset range set slice
    collections: Counter OrderedDict defaultdict deque
    copyreg: _reconstructor
    _codecs: encode
    numpy: dtype
    numpy._core.multiarray: _reconstruct scalar
    numpy._core.numeric: _frombuffer
    numpy.ma.core: _mareconstruct
    numpy.random._pickle: __bit_generator_ctor __generator_ctor __randomstate_ctor
    numpy.random.bit_generator: __pyx_unpickle_SeedSequence
    pandas: StringDtype
    pandas.core.arrays.string_: StringDtype
    pandas._libs.arrays: __pyx_unpickle_NDArrayBacked
    pandas.core.indexes.base: _new_Index
    pyarrow.lib: _restore_array py_buffer type_for_alias
    sklearn._loss.loss: Interval
    sklearn.impute._iterative: _ImputerTriplet
    sklearn.metrics._dist_metrics: newObj
    sklearn.neighbors._ball_tree: newObj
    sklearn.neighbors._kd_tree: newObj
    sklearn.tree._tree: Tree
    sklearn.utils: Bunch
    sklearn.utils._bunch: Bunch
"""
#: functools.partial is let through for the functions of BIND, numpy.vectorize without arguments.
MAKE = """
    builtins: bool bytes dict float int list object str tuple
    functools: partial
    joblib.numpy_pickle: NumpyArrayWrapper
    sklearn.externals.joblib.numpy_pickle: NumpyArrayWrapper
    numpy: ndarray vectorize
    numpy.ma: MaskedArray
    numpy.ma.core: MaskedArray
    numpy.random._mt19937: MT19937
    numpy.random._pcg64: PCG64 PCG64DXSM
    numpy.random._philox: Philox
    numpy.random._sfc64: SFC64
    numpy.random.bit_generator: SeedSequence
    pandas: Index NA
    pandas._libs.missing: NA
    pandas.arrays: ArrowStringArray StringArray
    pandas.core.arrays.string_: StringArray
    pandas.core.arrays.string_arrow: ArrowStringArray
    pandas.core.indexes.base: Index
    sklearn.multiclass: _ConstantPredictor
    scipy.interpolate._bsplines: BSpline
    scipy.interpolate._interpolate: interp1d
    scipy.sparse._coo: coo_array coo_matrix
    scipy.sparse._csc: csc_array csc_matrix
    scipy.sparse._csr: csr_array csr_matrix
    scipy.stats._distn_infrastructure: rv_continuous_frozen rv_discrete_frozen
"""
#: builtins.getattr is only let through where the walker resolves it: to a name that is on a list itself.
REFER = """
    builtins: getattr
    numpy: amax amin argmax argmin argsort array asarray ascontiguousarray atleast_2d clip cumsum diff max mean median
    numpy: memmap min nan_to_num nanmax nanmean nanmedian nanmin nanstd nansum nanvar percentile prod ptp quantile
    numpy: ravel reshape round sort squeeze std sum transpose unique var where
    scipy._lib.array_api_compat.numpy._aliases: asarray
    scipy.interpolate._interpolate: interp1d._call_linear interp1d._call_linear_np
    sklearn.feature_extraction.text: strip_accents_ascii strip_accents_unicode strip_tags
    sklearn.utils.validation: check_array
"""
#: Beside ufuncs; the first is what HistGradientBoosting binds arguments of.
BIND = """
    sklearn.utils.validation: check_array
    numpy: clip nan_to_num round
"""
#: Modules whose public functions are metrics, scores or transforms of arrays.
FUNCTIONS = ("sklearn.feature_selection", "sklearn.metrics", "sklearn.metrics.pairwise", "sklearn.preprocessing")
#: Compiled modules whose classes are all numbers and formulas, some of them made with arguments.
FORMULAS = ("sklearn._loss._loss", "sklearn.linear_model._sgd_fast")
#: What scikit-learn 1.2 to 1.6 wrote and newer ones do not have: files of these are told apart by their version.
OLD_LOSSES = "_loss"
OLD_MAKE = """
    sklearn.compose._column_transformer: _RemainderColsList
    sklearn.ensemble._gb_losses: BinomialDeviance ExponentialLoss HuberLossFunction LeastAbsoluteError LeastSquaresError
    sklearn.ensemble._gb_losses: MultinomialDeviance QuantileLossFunction
    sklearn.metrics._scorer: _PredictScorer _ProbaScorer _ThresholdScorer
"""
OLD_REFER = """
    sklearn.metrics._scorer: _passthrough_scorer
"""
PARTS = (
    "sklearn._loss.link",
    "sklearn._loss.loss",
    "sklearn.metrics._dist_metrics",
    "sklearn.neighbors._ball_tree",
    "sklearn.neighbors._kd_tree",
)

#: Public modules, or endings of names, that are left out, with the reason that is printed.
LEFT_OUT = {
    "sklearn.callback": "talks to other processes when it is loaded",
    "sklearn.datasets": "reads files and downloads",
    "sklearn.exceptions": "are errors and warnings",
    "sklearn.experimental": "holds no classes",
    "sklearn.externals": "is not scikit-learn's own",
    "sklearn.inspection": "is for looking at models, not in them",
    "sklearn.utils": "is machinery, not a model",
}
ALIASES = {"builtins": "__builtin__", "copyreg": "copy_reg", "numpy._core": "numpy.core"}


def main() -> int:
    """Generate the lists, compare or write them; the exit code is 1 when ``--check`` finds the file out of date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when the file is out of date")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    public, skipped = public_classes()
    fitted = (*zoo.estimators(), *zoo.compositions(), *zoo.other_libraries())
    observed = [observe(model) for _, model in fitted]
    lists = assemble(public, observed)
    skipped |= left_out(observed, lists)
    for path, reason in sorted(skipped.items()):
        print(f"left out: {path}: {reason}")
    content = render(lists)
    print(", ".join(f"{len(names)} {name}" for name, names in lists.items()))
    if arguments.check:
        return int(not TARGET.exists() or TARGET.read_text(encoding="utf-8") != content)
    TARGET.write_text(content, encoding="utf-8")
    return 0


def public_classes() -> tuple[set[Name], dict[str, str]]:
    """Find the classes in the public modules of scikit-learn, under their public and their defining address."""
    found: set[Name] = set()
    skipped: dict[str, str] = {}
    for module in _public_modules():
        for name in _public(module):
            value, path = getattr(module, name, None), f"{module.__name__}.{name}"
            reason = next((why for prefix, why in LEFT_OUT.items() if module.__name__.startswith(prefix)), "")
            if not reason and not isinstance(value, type):
                reason = "" if module.__name__ in FUNCTIONS else "no saved model refers to it"
            elif name.endswith("Display"):
                reason = "draws"
            if reason:
                skipped[path] = reason
            elif isinstance(value, type):
                found |= {(module.__name__, name), (value.__module__, value.__qualname__)}
    return found, skipped


def observe(model: Any) -> list[Walk]:
    """Walk the model as saved by joblib and by pickle, in all protocols."""
    walks = []
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for dump in (joblib.dump, pickle.dump):
            stream = io.BytesIO()
            dump(model, stream, protocol=protocol)
            stream.seek(0)
            walks.append(walk(Stream(stream, len(stream.getvalue()))))
    return walks


def assemble(public: set[Name], observed: list[list[Walk]]) -> dict[str, set[Name]]:
    """Put the three lists together; a name on an earlier list is not repeated on a later one."""
    walks = [found for one in observed for found in one]
    made = {name for found in walks for name in found.made if name[0].startswith("sklearn.")}
    values = {name for found in walks for name in found.globals if name[0].startswith("sklearn.")}
    call = parsed(CALL) | parsed(others.CALL) | {name for module in FORMULAS for name in _classes(module)}
    parts = {name for module in PARTS for name in _classes(module)}
    make = parsed(MAKE) | parsed(OLD_MAKE) | parsed(others.MAKE) | others.statistics()
    make |= public | made | parts | _distributions()
    make |= others.in_old_modules(make)
    refer = parsed(REFER) | parsed(OLD_REFER) | values | _functions() | _numpy_values() | _special()
    for module, name in tuple(call):
        if module == FORMULAS[0]:
            call |= {(place, made) for place in (module, OLD_LOSSES) for made in (name, f"__pyx_unpickle_{name}")}
    make |= {(module, name.removesuffix("64")) for module, name in parts if name.endswith("64")}
    bind = parsed(BIND) | _ufuncs() | _special()
    lists = {"call": call, "make": make - call, "refer": refer - make - call, "bind": bind}
    return {name: {alias for one in names for alias in _spellings(one)} for name, names in lists.items()}


def left_out(observed: list[list[Walk]], lists: dict[str, set[Name]]) -> dict[str, str]:
    """Name what fitted models import, or do with what they import, that no list allows."""
    walks = [found for one in observed for found in one]
    call, make, refer, _ = lists.values()
    unknown = {name for found in walks for name in found.globals} - call - make - refer
    missing = {name for found in walks for name in found.called} - call
    missing |= {name for found in walks for name in found.made} - call - make
    reasons = {".".join(name): "a fitted model imports it, but nobody has read what it does" for name in unknown}
    return reasons | {".".join(name): "a fitted model calls it, but nobody has read what it does" for name in missing}


def version(library: str) -> str:
    """Return the installed version of a distribution, "none" where it is not installed."""
    try:
        return installed(library)
    except PackageNotFoundError:
        return "none"


def parsed(text: str) -> set[Name]:
    """Parse lines of "module: name name"."""
    lines = (line.split(":") for line in text.strip().splitlines())
    return {(module.strip(), name) for module, names in lines for name in names.split()}


def render(lists: dict[str, set[Name]]) -> str:
    """Return the JSON text: versions, then module -> names, all sorted."""
    content: dict[str, Any] = {"generated_from": {library: version(library) for library in LIBRARIES}}
    for title, names in lists.items():
        modules = defaultdict(list)
        for module, name in sorted(names):
            modules[module].append(name)
        content[title] = modules
    return json.dumps(content, indent=1) + "\n"


def _public_modules() -> Iterable[types.ModuleType]:
    for found in pkgutil.walk_packages(sklearn.__path__, "sklearn."):
        hidden = any(
            part.startswith("_") or part in {"tests", "externals", "conftest"} for part in found.name.split(".")
        )
        if not hidden:
            yield importlib.import_module(found.name)


def _public(module: types.ModuleType) -> list[str]:
    """List the public names: what the module says, else what it defines."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("_")]


def _classes(module: str) -> set[Name]:
    members = vars(importlib.import_module(module)).items()
    return {(module, name) for name, value in members if isinstance(value, type) and value.__module__ == module}


def _distributions() -> set[Name]:
    generators = (scipy.stats.rv_continuous, scipy.stats.rv_discrete)
    kinds = {type(value) for value in vars(scipy.stats).values() if isinstance(value, generators)}
    return {(kind.__module__, kind.__qualname__) for kind in kinds if kind.__name__.endswith("_gen")}


def _functions() -> set[Name]:
    found = set()
    for name in FUNCTIONS:
        module = importlib.import_module(name)
        functions = [value for key in _public(module) if inspect.isfunction(value := getattr(module, key))]
        found |= {(name, value.__name__) for value in functions}
        found |= {(value.__module__, value.__qualname__) for value in functions}
    return found


def _numpy_values() -> set[Name]:
    types_ = (name for name, value in vars(np).items() if isinstance(value, type) and issubclass(value, np.generic))
    return {("numpy", name) for name in types_} | _ufuncs()


def _ufuncs() -> set[Name]:
    names = [name for name, value in vars(np).items() if isinstance(value, np.ufunc)]
    return {(module, name) for name in names for module in ("numpy", "numpy._core._multiarray_umath")}


def _special() -> set[Name]:
    names = [name for name, value in vars(scipy.special).items() if isinstance(value, np.ufunc)]
    return {(module, name) for name in names for module in ("scipy.special", "scipy.special._ufuncs")}


def _spellings(name: Name) -> list[Name]:
    """Add the addresses that protocols below 3 and numpy 1 write."""
    module, member = name
    return [name, *((new + module[len(old) :], member) for old, new in ALIASES.items() if module.startswith(old))]


if __name__ == "__main__":
    sys.exit(main())
