"""Clean files pass: every estimator, every compression, every protocol."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlship.inspection import Inspection, Step, require_trusted
from mlship.sources.joblib import JoblibSource

COMPRESSIONS = ("zlib", "gzip", "bz2", "lzma", "xz")
SOME = ("RandomForestClassifier", "HistGradientBoostingClassifier", "KNeighborsClassifier", "lists", "indexes", "grid")


def test_every_estimator_passes_raw_compressed_and_pickled(models, dumped, inspect) -> None:
    for index, (name, model) in enumerate(models.items()):
        compression = COMPRESSIONS[index % len(COMPRESSIONS)]
        for content in (dumped(model), dumped(model, (compression, 1)), dumped(model, protocol=index % 6)):
            inspection = inspect(content)
            assert inspection.untrusted == (), name
            assert inspection.model == f"{type(model).__module__}.{type(model).__qualname__}"


def test_two_hundred_estimators_are_covered(models) -> None:
    assert len(models) > 200


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_compression_is_told(models, dumped, inspect, name: str, compression: str) -> None:
    inspection = inspect(dumped(models[name], (compression, 3)))
    assert inspection.format == f"joblib, {compression}"
    assert inspection.untrusted == ()


@pytest.mark.parametrize("name", SOME)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_protocol_is_told(models, dumped, inspect, name: str, protocol: int) -> None:
    inspection = inspect(dumped(models[name], protocol=protocol))
    assert inspection.format == f"pickle protocol {protocol if protocol > 1 else '0 or 1'}"
    assert inspection.untrusted == ()


@pytest.mark.parametrize("name", SOME)
def test_a_model_that_passed_loads(models, dumped, tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(dumped(models[name], ("zlib", 3)))
    require_trusted(JoblibSource().inspect(path))
    assert type(JoblibSource().load(path)) is type(models[name])


def test_numpy_arrays_of_all_dtypes_are_skipped(dumped, inspect) -> None:
    from sklearn.preprocessing import StandardScaler

    model = StandardScaler()
    codes = ("?", "i1", "u8", "f2", ">f4", "f8", "g", "c16", "U3", "S5", "V7", "M8[ns]", "m8[D]", "O")
    arrays = {f"a{index}": np.zeros((3, 2), dtype=code) for index, code in enumerate(codes)}
    structured = np.zeros(4, dtype=[("x", "i4"), ("y", "f8", (2,)), ("z", [("w", "U2")])])
    model.__dict__ |= arrays | {"structured": structured, "f": np.asfortranarray(np.ones((4, 3))), "empty": np.zeros(0)}
    for content in (dumped(model), dumped(model, 3), dumped(model, protocol=4), dumped(model, protocol=5)):
        assert inspect(content).untrusted == ()


def test_joblib_before_1_2_wrote_no_padding(asm, inspect) -> None:
    dtype = asm.build(asm.call(asm.named("numpy", "dtype"), "f8", False, True), _state(asm))
    array = {"subclass": asm.named("numpy", "ndarray"), "shape": (3,), "order": "C", "dtype": dtype, "allow_mmap": True}
    wrapper = asm.build(asm.new(asm.named("joblib.numpy_pickle", "NumpyArrayWrapper")), asm.dict(array))
    state = b"(" + asm.text("coef_") + wrapper + bytes(24) + asm.text("n_features_in_") + b"K\x03d"
    inspection = inspect(asm.dump(asm.build(asm.new(asm.named("sklearn.svm._classes", "SVC")), state)))
    assert inspection.n_features == 3


def test_the_steps_of_a_pipeline_are_a_tree(models, dumped, inspect) -> None:
    inspection = inspect(dumped(models["lists"]))
    prepare, classifier = inspection.steps
    assert (prepare.name, prepare.model.rpartition(".")[2]) == ("columntransformer", "ColumnTransformer")
    assert classifier == Step("logisticregression", "sklearn.linear_model._logistic.LogisticRegression")
    assert [step.name for step in prepare.steps] == ["n", "t", "remainder"]
    assert prepare.steps[2].model == "drop"
    assert [step.name for step in prepare.steps[1].steps] == ["simpleimputer", "onehotencoder"]


def test_the_best_model_of_a_search_is_a_step(models, dumped, inspect) -> None:
    assert [step.name for step in inspect(dumped(models["grid"])).steps] == ["best_estimator_"]


def test_the_members_of_a_stack_are_steps(models, dumped, inspect) -> None:
    assert [step.name for step in inspect(dumped(models["stacking"])).steps] == ["a", "b", "final_estimator_"]


@pytest.mark.parametrize("options", [{}, {"compress": 3}, {"protocol": 2}, {"protocol": 5}])
def test_columns_and_versions_are_read(models, dumped, inspect, options: Mapping[str, Any]) -> None:
    import sklearn

    inspection = inspect(dumped(models["lists"], **options))
    assert inspection.trained_with == {"scikit-learn": sklearn.__version__}
    assert inspection.feature_names == ("age", "fare paid", "town", "size")
    assert inspection.n_features == 4


def test_a_model_trained_on_arrays_has_no_column_names(models, dumped, inspect) -> None:
    inspection = inspect(dumped(models["grid"]))
    assert (inspection.feature_names, inspection.n_features) == (None, 6)


def test_globals_are_sorted_and_complete(models, dumped, inspect: Callable[..., Inspection]) -> None:
    names = inspect(dumped(models["SVC"])).globals
    assert list(names) == sorted(names)
    assert {"sklearn.svm._classes.SVC", "joblib.numpy_pickle.NumpyArrayWrapper", "numpy.dtype"} <= set(names)


def _state(asm: Any) -> bytes:
    return bytes(asm.tuple(3, "<", None, None, None, -1, -1, 0))
