"""skops files are held against the same allow-list as pickles."""

import zipfile

import numpy as np
import pytest
import skops.io as skops_io
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from mlship import gate
from mlship.errors import ModelError
from mlship.sources.skops import SkopsSource

ROWS = np.random.default_rng(0).normal(size=(50, 2))


def own(rows):
    return rows


@pytest.fixture
def saved(tmp_path):
    def save(model):
        skops_io.dump(model, tmp_path / "model.skops")
        return tmp_path / "model.skops"

    return save


def test_a_model_is_described_and_loaded(saved):
    path = saved(LinearRegression().fit(ROWS, ROWS[:, 0]))
    name, source = gate.source_of(path)
    found = source.inspect(path)
    assert name == "skops"
    assert found.model == "sklearn.linear_model._base.LinearRegression"
    assert found.untrusted == ()
    assert found.trained_with.keys() == {"skops"}
    assert isinstance(source.load(path), LinearRegression)


def test_what_skops_asks_about_and_we_know_is_trusted(saved):
    path = saved(HistGradientBoostingRegressor(max_iter=2).fit(ROWS, ROWS[:, 0]))
    assert skops_io.get_untrusted_types(file=path)
    assert SkopsSource().inspect(path).untrusted == ()
    np.testing.assert_array_equal(SkopsSource().load(path).predict(ROWS[:1]).shape, (1,))


def test_a_function_of_the_users_own_is_not_until_he_says_so(saved):
    path = saved(FunctionTransformer(own))
    name = f"{own.__module__}.own"
    assert SkopsSource().inspect(path).untrusted == (name,)
    assert SkopsSource().inspect(path, [name]).untrusted == ()


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "broken.skops"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ModelError, match=r"'broken\.skops' cannot be read"):
        SkopsSource().inspect(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("schema.json", "{}")
    with pytest.raises(ModelError, match=r"'broken\.skops'"):
        SkopsSource().inspect(path)
