"""Results of statsmodels: every kind of the benchmark's list, formulas on hard rows, what is refused."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from benchmarks.conversion import statistics
from mlship.errors import UnsupportedModelError
from mlship.originals.adapters import adapted

FRAME = statistics.rows()
MODELS = dict(statistics.models())


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_of_new_rows_has_every_digit(name):
    assert statistics.difference(MODELS[name], FRAME.iloc[statistics.TRAINED_ON :]) <= 1e-12


def test_results_with_a_constant_take_the_columns_that_the_user_has(agrees):
    model = adapted(MODELS["OLS"])
    assert list(model.feature_names_in_) == ["a", "b"]
    checked = agrees(model, FRAME[["a", "b"]].iloc[:20])
    assert checked.conversion.route == ("StatsmodelsResults: mlship",)
    expected = MODELS["OLS"].predict(sm.add_constant(FRAME[["a", "b"]].iloc[:20]))
    np.testing.assert_allclose(checked.golden.outputs["prediction"], expected, rtol=1e-15)


def test_a_column_of_ones_under_a_name_of_the_users_own_is_his(agrees):
    frame = FRAME[["a"]].assign(one=1.0)
    model = adapted(sm.OLS(FRAME.y, frame).fit())
    assert list(model.feature_names_in_) == ["a", "one"]
    agrees(model, frame.iloc[:5])


@pytest.mark.parametrize("name", ["OLS", "MNLogit", "NegativeBinomial", "Probit", "y ~ group * a - 1"])
@pytest.mark.parametrize("removed", [True, False])
def test_saved_results_answer_alike(agrees, name, removed):
    file = io.BytesIO()
    MODELS[name].save(file, remove_data=removed)
    model = adapted(pickle.loads(file.getvalue()))
    rows = FRAME[["group", "a"]].iloc[:9] if "~" in name else FRAME[["a", "b"]].iloc[:9]
    np.testing.assert_array_equal(model.predict(rows), adapted(MODELS[name]).predict(rows))
    agrees(model, rows)
    pickle.loads(pickle.dumps(model.results))


def test_a_formula_takes_the_columns_of_the_data(agrees):
    model = adapted(MODELS["y ~ a + b + Q('fare paid')"])
    assert list(model.feature_names_in_) == ["a", "b", "fare paid"]
    agrees(model, FRAME[["a", "b", "fare paid"]].iloc[:1])


def test_a_missing_value_makes_the_answer_missing(agrees):
    rows = FRAME[["a", "b", "group", "flag"]].iloc[:8].copy()
    rows.loc[2, "a"] = np.nan
    rows["group"] = rows["group"].astype(object)
    rows.loc[5, "group"] = np.nan
    checked = agrees(adapted(MODELS["y ~ (a + b + group) ** 2 + flag"]), rows)
    assert np.isnan(checked.golden.outputs["prediction"]).nonzero()[0].tolist() == [2, 5]


def test_numbers_as_categories_may_come_as_floats(agrees):
    rows = FRAME[["number", "a"]].iloc[:30].astype(np.float64)
    agrees(adapted(MODELS["y ~ C(number) : a + C(number, Sum)"]), rows)


def test_an_unseen_category_is_refused_by_the_original_and_missing_in_the_graph(agrees):
    model, rows = adapted(MODELS["y ~ C(group)"]), pd.DataFrame({"group": ["x", "never"]})
    with pytest.raises(ValueError, match="does not match any of the expected levels"):
        model.predict(rows)
    answers = agrees.answers(agrees.converted(model, rows), rows)
    assert np.isnan(answers["prediction"]).tolist() == [False, True]


def test_whole_numbers_do_not_overflow(agrees):
    frame = FRAME.assign(n=np.arange(500))
    rows = pd.DataFrame({"n": [2**24 + 1, 2**31]})
    agrees(adapted(smf.ols("y ~ I(n**3)", frame).fit()), rows)


def test_links_are_right_far_out(agrees):
    rows = np.array([[-900.0, 0.5], [900.0, 0.5], [-30.0, 0.5], [30.0, 0.5], [np.inf, 1.0]])
    for link in ("logit", "probit", "cauchy", "cloglog", "loglog"):
        agrees(adapted(MODELS[f"GLM Binomial, {link}"]), pd.DataFrame(rows, columns=["a", "b"]))


def test_the_categories_and_the_title_are_told():
    model = adapted(MODELS["logit formula"])
    assert model.title == "Logit"
    assert model.categories_ == [None, None, ["x", "y", "ü"]]


def test_offsets_of_the_training_rows_are_not_those_of_new_rows(agrees):
    x = sm.add_constant(FRAME[["a"]])
    results = sm.GeneralizedPoisson(FRAME["count"], x, exposure=FRAME.b).fit(disp=0)
    agrees(adapted(results), FRAME[["a"]].iloc[:7])


def test_a_spline_is_refused_by_name():
    with pytest.raises(UnsupportedModelError, match=r"'bs\(a, df=4\)' cannot be converted"):
        adapted(smf.ols("y ~ bs(a, df=4)", FRAME).fit())


def test_models_of_time_are_refused_by_name():
    with pytest.raises(UnsupportedModelError, match="statsmodels' AutoReg do not answer for new rows"):
        adapted(sm.tsa.AutoReg(FRAME.y.to_numpy(), lags=1).fit())
