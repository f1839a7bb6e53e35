"""Files of XGBoost, LightGBM and CatBoost: told apart, inspected without their libraries, loaded as what was saved."""

import json
import random
import subprocess
import sys
from pathlib import Path

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from mlship import gate, graphs, plugins
from mlship.errors import MissingDependencyError, ModelError
from mlship.inspection import installed, version_differences
from mlship.sources import files as native_files
from mlship.sources import ubjson

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=["home.dest", "年龄", "x (%)"])
LABELS = (ROWS["年龄"] > 0).astype(int)
QUIET = {"verbose": 0, "allow_writing_files": False, "iterations": 3, "thread_count": 1}
KINDS = ("xgboost.json", "xgboost.ubj", "booster.json", "booster.ubj", "lightgbm.txt", "catboost.cbm")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("native")
    found = {name: folder / name for name in KINDS}
    model = xgb.XGBClassifier(n_estimators=3).fit(ROWS, LABELS)
    for suffix in ("json", "ubj"):
        model.save_model(found[f"xgboost.{suffix}"])
        model.get_booster().save_model(found[f"booster.{suffix}"])
    small = lgb.LGBMClassifier(n_estimators=3, verbose=-1, min_child_samples=3).fit(ROWS, LABELS)
    small.booster_.save_model(found["lightgbm.txt"])
    cb.CatBoostClassifier(**QUIET).fit(ROWS, LABELS).save_model(str(found["catboost.cbm"]))
    return found


@pytest.mark.parametrize(
    ("name", "source", "form", "model"),
    [
        ("xgboost.json", "xgboost", "XGBoost JSON, gbtree, binary:logistic", "xgboost.sklearn.XGBClassifier"),
        ("xgboost.ubj", "xgboost", "XGBoost UBJSON, gbtree, binary:logistic", "xgboost.sklearn.XGBClassifier"),
        ("booster.json", "xgboost", "XGBoost JSON, gbtree, binary:logistic", "xgboost.core.Booster"),
        ("booster.ubj", "xgboost", "XGBoost UBJSON, gbtree, binary:logistic", "xgboost.core.Booster"),
        ("lightgbm.txt", "lightgbm", "LightGBM text v4, binary sigmoid:1", "lightgbm.basic.Booster"),
        ("catboost.cbm", "catboost", "CatBoost binary, Logloss", "catboost.core.CatBoostClassifier"),
    ],
)
def test_a_file_says_what_it_holds(files, name, source, form, model):
    assert gate.source_of(files[name])[0] == source
    found = gate.inspect(files[name])
    assert (found.format, found.model, found.n_features) == (form, model, 3)
    columns = ("home.dest", "年龄", "x_(%)") if source == "lightgbm" else ("home.dest", "年龄", "x (%)")
    assert found.feature_names == columns
    assert (found.globals, found.untrusted) == ((), ())
    assert graphs.planned_route([found.model]) == (f"{model.rpartition('.')[2]}: mlship",)


def test_versions_are_told_where_they_are_written(files):
    library = "xgboost-cpu" if installed("xgboost") is None else "xgboost"
    assert gate.inspect(files["xgboost.ubj"]).trained_with == {library: xgb.__version__}
    assert gate.inspect(files["catboost.cbm"]).trained_with == {"catboost": cb.__version__}
    assert [version_differences(gate.inspect(path)) for path in files.values()] == [()] * len(files)


def test_models_of_arrays_have_no_names_of_columns(tmp_path):
    xgb.XGBRegressor(n_estimators=2).fit(ROWS.to_numpy(), LABELS).save_model(tmp_path / "a.ubj")
    lgb.LGBMRegressor(n_estimators=2, verbose=-1).fit(ROWS.to_numpy(), LABELS).booster_.save_model(tmp_path / "b.txt")
    cb.CatBoostRegressor(**QUIET).fit(ROWS.to_numpy(), LABELS).save_model(str(tmp_path / "c.cbm"))
    for path in tmp_path.iterdir():
        found = gate.inspect(path)
        assert (found.feature_names, found.n_features) == (None, 3)


def test_regressors_and_rankers_are_restored(tmp_path):
    models = {
        "r.json": xgb.XGBRegressor(n_estimators=2).fit(ROWS, LABELS),
        "k.ubj": xgb.XGBRanker(n_estimators=2).fit(ROWS, LABELS, group=[40, 40]),
        "f.json": xgb.XGBRFRegressor(n_estimators=2).fit(ROWS, LABELS),
    }
    for name, model in models.items():
        model.save_model(tmp_path / name)
        loaded = gate.source_of(tmp_path / name)[1].load(tmp_path / name)
        assert type(loaded).__name__ == type(model).__name__.replace("RF", "")
        np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS))


def test_inspecting_imports_none_of_the_libraries(files):
    code = (
        "import sys; from pathlib import Path; from mlship import gate;"
        "[gate.inspect(Path(name)) for name in sys.argv[1:]];"
        "print({'xgboost', 'lightgbm', 'catboost'} & sys.modules.keys())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, *map(str, files.values())], check=True, capture_output=True, text=True
    )
    assert found.stdout == "set()\n"


@pytest.mark.parametrize("name", KINDS)
def test_a_file_cut_short_is_named(files, tmp_path, name):
    content = files[name].read_bytes()
    for length in (40, 80, 200, len(content) // 2):
        path = tmp_path / name
        path.write_bytes(content[:length])
        if name in ("catboost.cbm", "lightgbm.txt") and length > 200:
            continue  # all that is read of it is whole; the library itself finds out
        with pytest.raises(ModelError, match="damaged or cut short"):
            gate.inspect(path)


@pytest.mark.parametrize("name", KINDS)
def test_altered_files_never_crash_the_inspection(files, tmp_path, name):
    draw = random.Random(7)
    content = files[name].read_bytes()
    source = gate.source_of(files[name])[1]
    for _ in range(150):
        altered = bytearray(content)
        for _ in range(draw.randint(1, 12)):
            altered[draw.randrange(len(altered))] = draw.randrange(256)
        (tmp_path / name).write_bytes(altered)
        try:
            source.inspect(tmp_path / name)
        except ModelError as error:
            assert name in error.message  # noqa: PT017


def test_a_damaged_catboost_file_is_named_when_it_is_loaded(files, tmp_path):
    path = tmp_path / "model.cbm"
    path.write_bytes(files["catboost.cbm"].read_bytes()[:-500])
    with pytest.raises(ModelError, match=r"'model.cbm'"):
        gate.source_of(path)[1].load(path)


def test_a_file_without_its_library_says_what_to_install(files, monkeypatch):
    for module, name in (("xgboost", "xgboost.ubj"), ("lightgbm", "lightgbm.txt"), ("catboost", "catboost.cbm")):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(MissingDependencyError, match=f"needs the package '{module}'") as caught:
            gate.source_of(files[name])[1].load(files[name])
        assert caught.value.hint == f'pip install "mlship[{module}]"'


def test_other_files_are_left_alone(tmp_path):
    for content in (b"", b"{}", b'{"a": 1}', b"tree\n", b"x,y\n1,2\n", b"CBM", b"{L" + bytes(40), b"\x80\x04N."):
        (tmp_path / "other").write_bytes(content)
        for name in ("xgboost", "lightgbm", "catboost"):
            assert not plugins.load("sources", name)().matches(tmp_path / "other")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="there is no file"):
        native_files.content_of(tmp_path / "absent.json")


def test_json_with_spaces_is_known_too(files, tmp_path):
    path = tmp_path / "pretty.json"
    path.write_text(json.dumps(json.loads(files["xgboost.json"].read_text()), indent=2))
    assert gate.inspect(path).n_features == 3


@pytest.mark.parametrize(
    "content",
    [
        b"[",
        b"[#",
        b"[#i\xff",
        b"{i",
        b"S",
        b"Sd\0\0\0\0",
        b"x",
        b"[" * 100,
        b"[$d#L" + b"\x7f" + b"\xff" * 7,
        b"[$Z#l\x7f\xff\xff\xff",
    ],
)
def test_damaged_binary_json_is_an_error_and_takes_no_time(content):
    with pytest.raises(ValueError, match="it "):
        ubjson.loads(content)


def test_binary_json_is_read():
    assert ubjson.loads(b"{i\x01a[i\x01Si\x01xTFZ]i\x01b[$i#i\x02\x01\x02}") == {
        "a": [1, "x", True, False, None],
        "b": 2,
    }
