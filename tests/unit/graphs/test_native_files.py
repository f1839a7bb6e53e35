"""Files that XGBoost, LightGBM and CatBoost saved themselves convert like the models in them."""

import catboost as cb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from mlship import gate
from mlship.originals.adapters import adapted
from mlship.parity import Tolerance

ROWS = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=["home.dest", "年龄", "x (%)"])
NEAR = Tolerance(2e-7, 2e-7)
SMALL = {"iterations": 3, "verbose": 0, "allow_writing_files": False, "thread_count": 1}


def _target(classes):
    return np.digitize(ROWS["年龄"], np.linspace(-0.5, 0.5, classes - 1)) if classes else ROWS["年龄"] ** 2


def _saved(name, classes, folder):
    """Train and save a model of the library and format of ``name``."""
    path, target = folder / name, _target(classes)
    if name.startswith("catboost"):
        kind = cb.CatBoostClassifier if classes else cb.CatBoostRegressor
        kind(**SMALL).fit(ROWS, target).save_model(str(path))
    elif name.startswith("lightgbm"):
        kind = lgb.LGBMClassifier if classes else lgb.LGBMRegressor
        kind(n_estimators=3, verbose=-1, min_child_samples=3).fit(ROWS, target).booster_.save_model(path)
    else:
        model = (xgb.XGBClassifier if classes else xgb.XGBRegressor)(n_estimators=3).fit(ROWS, target)
        (model.get_booster() if name.startswith("booster") else model).save_model(path)
    return path


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize(
    "name", ["xgboost.json", "xgboost.ubj", "booster.json", "booster.ubj", "lightgbm.txt", "catboost.cbm"]
)
def test_a_loaded_file_answers_as_the_model_and_converts(agrees, tmp_path, name, classes):
    path = _saved(name, classes, tmp_path)
    model = adapted(gate.source_of(path)[1].load(path))
    checked = agrees(model, ROWS, NEAR)
    assert list(checked.golden.outputs) == (["prediction", "probabilities"] if classes else ["prediction"])
    assert not classes or model.classes_.tolist() == list(range(classes))
