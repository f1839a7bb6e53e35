"""The list itself: exact names, all of them read, none that imports, opens, downloads or runs what it is given."""

import importlib
import inspect as inspection
import json
import pickle
import re
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import mlship.sources

FILE = Path(mlship.sources.__file__).with_name("allowed.json")
LISTS = json.loads(FILE.read_text())
CALL, MAKE, REFER, BIND = (
    {(m, n) for m, names in LISTS[key].items() for n in names} for key in ("call", "make", "refer", "bind")
)
ROOTS = {"sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib", "collections", "functools", "copyreg", "_codecs"}
ROOTS |= {"builtins", "__builtin__", "copy_reg", "_loss", "catboost", "lightgbm", "statsmodels", "xgboost"}


@pytest.mark.filterwarnings("ignore")
def test_the_file_is_up_to_date(allowlist, models) -> None:
    versions = {library: allowlist.version(library) for library in allowlist.LIBRARIES}
    if versions != LISTS["generated_from"]:
        pytest.skip(f"the list was generated from {LISTS['generated_from']}")
    public, _ = allowlist.public_classes()
    observed = [allowlist.observe(model) for model in models.values()]
    assert allowlist.render(allowlist.assemble(public, observed)) == FILE.read_text()


def test_only_known_libraries_are_on_it() -> None:
    assert {module.partition(".")[0] for module, _ in CALL | MAKE | REFER} <= ROOTS


def test_only_few_names_may_be_called_with_arguments() -> None:
    others = {(module, name) for module, name in CALL if module != "_loss"}  # an old address of sklearn._loss._loss
    assert len(others) < 100


def test_no_name_that_may_be_called_sounds_like_doing_something() -> None:
    doing = r"(^|_)(load|save|open|file|fetch|exec|eval|import|compile|system|popen|ctypes|memmap|getattr|partial)"
    assert not [name for _, name in CALL if re.search(doing, name)]


def test_no_module_is_on_it() -> None:
    for module, name in CALL | MAKE | REFER:
        found = _find(module, name)
        assert not inspection.ismodule(found), f"{module}:{name}"


def test_classes_are_made_and_functions_are_held() -> None:
    for module, name in MAKE:
        found = _find(module, name)
        assert isinstance(found, type) or not callable(found), f"{module}:{name}"  # pandas.NA is a value


def test_what_is_made_defines_no_new_that_does_more() -> None:
    """Classes of scikit-learn are made by object.__new__, or by that of a plain or compiled base."""
    deprecated = {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor"}  # warn when they are made
    own = {
        name
        for module, name in MAKE
        if module.startswith("sklearn.")
        and isinstance(found := _find(module, name), type)
        and inspection.isfunction(found.__new__)
        and found.__new__.__module__ not in {"typing", "collections"}
    }
    assert own <= {"DistanceMetric", "Hyperparameter", *deprecated}


def test_nothing_on_it_runs_code_out_of_its_state() -> None:
    """Whoever defines __setstate__ was read; a new one has to be read before it goes on the list."""
    reviewed = {
        "sklearn.base",  # checks the version, updates __dict__
        "sklearn.isotonic",  # builds an interpolation
        "sklearn.ensemble._hist_gradient_boosting.predictor",  # casts an array
        "sklearn.utils._bunch",  # does nothing
        "scipy.stats._distn_infrastructure",  # runs a template: guarded
        "scipy.sparse._coo",  # sets two attributes
        "scipy.sparse._base",
        "pandas.core.arrays.arrow.array",
        "pandas.core.arrays.string_",
        "numpy.ma.core",
        "pandas.core.dtypes.dtypes",  # sets attributes
        "pandas.core.generic",  # sets attributes
        "pandas.core.arrays.categorical",  # makes a dtype of its categories
        "pandas.core.internals.managers",  # makes blocks of arrays
        "catboost.core",  # parses its bytes, updates a dict of parameters
        "lightgbm.basic",  # parses its text
        "xgboost.core",  # parses its bytes
        "statsmodels.base.data",  # evaluates a formula: guarded
        "statsmodels.base.wrapper",  # updates __dict__
        "statsmodels.discrete.discrete_model",  # updates __dict__, chooses methods by name
        "collections",  # UserList has none; OrderedDict is compiled
    }
    found = {
        kind.__setstate__.__module__
        for module, name in CALL | MAKE
        if isinstance(kind := _find(module, name), type)
        and hasattr(kind, "__setstate__")
        and inspection.isfunction(kind.__setstate__)
    }
    assert found <= reviewed


@pytest.mark.filterwarnings("ignore:numpy.core")
@pytest.mark.parametrize("protocol", [2, 4])
def test_names_mean_the_same_to_every_protocol(protocol: int) -> None:
    """Protocols below 3 translate old module names: nothing on the list becomes something else by that."""
    for module, name in CALL | MAKE | REFER:
        if "." in name or _find(module, name) is None:
            continue
        if protocol == 4 and module in {"__builtin__", "copy_reg"}:
            continue
        content = bytes((0x80, protocol)) + f"c{module}\n{name}\n.".encode()
        assert pickle.loads(content) is _find(module, name), f"{module}:{name}"


def _find(module: str, name: str) -> Any:
    """Import a name; None where only other versions of a library have it."""
    modern = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module).replace("numpy.core", "numpy._core")
    try:
        return reduce(getattr, name.split("."), importlib.import_module(modern))
    except (ImportError, AttributeError):
        return None


def test_only_functions_of_numbers_are_bound_to_arguments() -> None:
    numbers = {
        ("numpy", "clip"),
        ("numpy", "nan_to_num"),
        ("numpy", "round"),
        ("sklearn.utils.validation", "check_array"),
    }
    for module, name in BIND - numbers:
        found = _find(module, name)
        assert found is None or type(found).__name__ == "ufunc", f"{module}:{name}"
    assert BIND <= CALL | MAKE | REFER


def test_classes_that_free_what_their_state_says_are_not_on_it() -> None:
    named = {(module.partition(".")[0], name) for module, name in CALL | MAKE | REFER}
    assert not named & {("xgboost", "DMatrix"), ("lightgbm", "Dataset"), ("lightgbm", "_InnerPredictor")}


def test_losses_of_old_scikit_learn_are_on_it_as_those_of_the_new_one() -> None:
    """Cython's helpers were saved under the bare module name before scikit-learn 1.6."""
    assert LISTS["call"]["_loss"] == LISTS["call"]["sklearn._loss._loss"]
    assert "__pyx_unpickle_CyHalfBinomialLoss" in LISTS["call"]["_loss"]
