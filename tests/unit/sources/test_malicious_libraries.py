"""Harm by means of boosting libraries, statsmodels, pandas and partial, all of whose names are on the list."""

import pickle
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlship.sources.formulas import is_plain

FRAME = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], "b": [0.0, 1.0, 2.0, 5.0]})


@pytest.fixture
def words(asm: SimpleNamespace) -> SimpleNamespace:
    """The assembler, and names that are on the list."""
    names = {
        "svc": ("sklearn.svm._classes", "SVC"),
        "frozen": ("sklearn.frozen._frozen", "FrozenEstimator"),
        "data": ("statsmodels.base.data", "PandasData"),
        "ols": ("statsmodels.regression.linear_model", "OLS"),
        "results": ("statsmodels.regression.linear_model", "RegressionResultsWrapper"),
        "frame": ("pandas", "DataFrame"),
        "series": ("pandas", "Series"),
        "booster": ("lightgbm.basic", "Booster"),
        "catboost": ("catboost.core", "CatBoostClassifier"),
        "xgboost": ("xgboost.core", "Booster"),
        "partial": ("functools", "partial"),
        "power": ("numpy", "power"),
        "memmap": ("numpy", "memmap"),
        "new_obj": ("sklearn.neighbors._kd_tree", "newObj"),
        "index": ("pandas.core.indexes.base", "_new_Index"),
        "reconstructor": ("copyreg", "_reconstructor"),
        "object": ("builtins", "object"),
    }
    return SimpleNamespace(**vars(asm), **{word: asm.named(*pair) for word, pair in names.items()})


def _restored(w: Any, formula: Any, key: str = "restore_model_spec", **more: Any) -> bytes:
    frame = w.build(w.new(w.frame), w.dict({"_typ": "dataframe"}))
    state = {"frame": frame, "formula": formula, key: True} | more
    return bytes(w.build(w.new(w.data), w.dict(state)))


EVIL = [
    "a ~ __import__('os').system('touch marker')",
    "a ~ b + I(__import__('os').system('touch marker'))",
    "a ~ eval('1')",
    "a ~ C(b).cat",
    "a ~ C(open('x'))",
    "a ~ np.memmap(b)",
    "a ~ np.log(np.load(b))",
    "a ~ np.lib.npyio.DataSource(b)",
    "a ~ Q('x') if open('y') else b",
    "a ~ [x for x in b]",
    "a ~ (lambda: b)()",
    "a ~ f'{b}'",
    "a ~ b()",
    "a ~ b ()",
    "a ~ (b)(a)",
    "a ~ xC(b)",
    "a ~ x.C(b)",
    "a ~ np . memmap(b)",
    "a ~ _private",
    "a ~ b\\\n(a)",
    "a ~ \uff45val(b)",
    "a ~ b; a",
    "a ~ b @ a",
    "a ~ `b`",
    "a ~ {a}",
    'a ~ "b"',
    "a ~ I(b) (a)",
    "a ~ np.log(b)(a)",
    "a ~ C(b, x(a))",
]


@pytest.mark.parametrize("formula", EVIL)
@pytest.mark.parametrize("key", ["restore_model_spec", "restore_design_info"])
def test_a_formula_that_could_run_code_needs_the_users_word(words, stopped, formula: str, key: str) -> None:
    assert "statsmodels.base.data.PandasData" in stopped(words.dump(_restored(words, formula, key)))


@pytest.mark.parametrize(
    "formula",
    [
        "a ~ b",
        "a ~ b * c + d:e - 1",
        "y ~ C(town) + np.log1p(size) + I(b ** 2) + I(c / 10.5)",
        "名 ~ 年龄 + Größe",
        "y ~ (a + b + c) ** 2",
        " a ~ np.sqrt( b ) ",
    ],
)
def test_a_formula_of_columns_passes(words, inspect, formula: str) -> None:
    held = words.build(words.new(words.svc), words.dict({"data": _restored(words, formula)}))
    assert is_plain(formula)
    assert inspect(words.dump(held)).untrusted == ()


def test_that_trick_is_live(tmp_path) -> None:
    """statsmodels evaluates the text of a formula when it is loaded, and when it predicts."""
    import statsmodels.formula.api as formulas

    results = formulas.ols("a ~ b", FRAME).fit()
    code = f"open({str(tmp_path / 'marker')!r}, 'w').close()"
    results.model.data.formula = f"a ~ b + I([1.0 * b, {code}][0])"
    pickle.loads(pickle.dumps(results))
    assert (tmp_path / "marker").exists()


def test_what_statsmodels_saves_with_such_a_formula_is_stopped(stopped, dumped) -> None:
    import statsmodels.formula.api as formulas

    results = formulas.ols("a ~ b", FRAME).fit()
    results.model.data.formula = "a ~ b + I(print('hello'))"
    for content in (dumped(results), dumped(results, 3), dumped(results, protocol=2)):
        assert "PandasData" in stopped(content)


def test_a_trusted_formula_passes(words, inspect) -> None:
    held = words.build(words.new(words.svc), words.dict({"data": _restored(words, EVIL[0])}))
    assert inspect(words.dump(held), trust=("statsmodels.base.data.PandasData",)).untrusted == ()


def test_a_formula_is_not_hidden_from_the_check(words, stopped) -> None:
    evil, fine = EVIL[0], "a ~ b"
    pairs = b"(" + words.text("formula") + words.text(fine) + words.text("formula") + words.text(evil)
    pairs += words.text("restore_model_spec") + b"\x88" + words.text("frame") + words.new(words.frame) + b"d"
    stopped(words.dump(words.build(words.new(words.data), pairs)))
    for data in ({"a": 1}, [1], "text"):  # what the names in the formula would be looked up in
        stopped(words.dump(_restored(words, fine, frame=words.dict(data) if isinstance(data, dict) else data)))
    state = {"formula": fine, "restore_model_spec": True, "orig_endog": words.new(words.svc)}
    stopped(words.dump(words.build(words.new(words.data), words.dict(state))))
    computed = words.call(words.named("_codecs", "encode"), evil, "latin1")
    stopped(words.dump(_restored(words, computed)))
    made = words.call(words.new_obj, words.data)
    stopped(words.dump(words.build(made, words.dict({"formula": evil, "restore_model_spec": True}))))
    slots = words.tuple(None, words.dict({"formula": evil, "restore_model_spec": True}))
    stopped(words.dump(words.build(words.new(words.data), slots)))


@pytest.mark.parametrize("key", ["model_spec", "design_info"])
@pytest.mark.parametrize("holder", ["svc", "ols", "data", "results", "frozen", "frame"])
def test_a_formula_for_predict_is_refused_in_any_object(words, refused, key: str, holder: str) -> None:
    state = words.dict({"formula": "a ~ b", key: "__import__('os').system('touch marker')"})
    assert "formula" in refused(words.dump(words.build(words.new(getattr(words, holder)), state)))


def test_as_the_key_of_a_bunch_too(words, refused) -> None:
    bunch = words.new(words.named("sklearn.utils._bunch", "Bunch"))
    refused(words.dump(bunch + b"(" + words.text("model_spec") + words.text("evil") + b"u"))


@pytest.mark.parametrize("kind", ["series", "frame"])
@pytest.mark.parametrize("made", ["new", "new_obj", "index"])
@pytest.mark.parametrize(("holder", "key"), [("ols", "data"), ("results", "_results"), ("frozen", "estimator")])
def test_a_table_whose_labels_would_be_read_as_attributes(
    words, stopped, kind: str, made: str, holder: str, key: str
) -> None:
    """A series with the label "model_spec", in the place of a model's data, has an attribute of that name."""
    name = getattr(words, kind)
    table = words.new(name) if made == "new" else words.call(getattr(words, made), name, *_rest(words, made))
    state = words.dict({key: words.build(table, words.dict({"_typ": kind}))})
    assert "pandas." in stopped(words.dump(words.build(words.new(getattr(words, holder)), state)))


def _rest(w: Any, made: str) -> tuple[bytes, ...]:
    return (w.dict({}),) if made == "index" else ()


def test_a_series_with_such_a_label_in_a_clean_model(stopped, dumped) -> None:
    import statsmodels.api as sm

    results = sm.OLS(FRAME["a"], FRAME[["b"]]).fit()
    results.model.formula = "a ~ b"
    results.model.data = pd.Series({"model_spec": "__import__('os')"}, dtype=object)
    assert "pandas.Series" in stopped(dumped(results, protocol=4))


# --- native parts


@pytest.mark.parametrize(
    "name",
    [
        "xgboost.core.DMatrix",
        "xgboost.core.QuantileDMatrix",
        "xgboost.core.DataIter",
        "lightgbm.basic.Dataset",
        "lightgbm.basic._InnerPredictor",
        "catboost.core.Pool",
        "_catboost._CatBoost",
        "ctypes.c_void_p",
        "statsmodels.iolib.smpickle.load_pickle",
        "patsy.dmatrix",
        "patsy.eval.EvalEnvironment",
        "patsy.design_info.DesignInfo",
        "formulaic.model_matrix",
        "pandas.read_pickle",
        "pandas.eval",
        "lightgbm.basic._safe_call",
    ],
)
def test_names_next_to_those_on_the_list_are_reported(words, stopped, name: str) -> None:
    module, _, member = name.rpartition(".")
    instance = words.build(words.new(words.named(module, member)), words.dict({"handle": 4096, "_handle": 4096}))
    assert name in stopped(words.dump(words.build(words.new(words.svc), words.dict({"a": instance}))))


@pytest.mark.parametrize("kind", ["booster", "xgboost", "catboost", "ols"])
def test_their_constructors_are_not_called(words, stopped, refused, kind: str) -> None:
    name = getattr(words, kind)
    stopped(words.dump(words.call(name, words.dict({"model_file": "/etc/passwd"}))))
    refused(words.dump(words.call(words.reconstructor, name, name, words.dict({"a": 1}))))
    refused(words.dump(words.call(words.reconstructor, words.svc, name, words.dict({"a": 1}))))


def test_the_bytes_of_catboost_are_special_for_catboost_only(words, refused, inspect) -> None:
    state = words.dict({"__model": b"C\x04CBM1"})
    assert inspect(words.dump(words.build(words.new(words.catboost), state))).untrusted == ()
    assert "special attribute" in refused(words.dump(words.build(words.new(words.svc), state)))
    assert "special attribute" in refused(words.dump(words.build(words.call(words.new_obj, words.catboost), state)))
    other = words.dict({"__model": b"C\x04CBM1", "__class__": words.svc})
    assert "special attribute" in refused(words.dump(words.build(words.new(words.catboost), other)))


# --- functools.partial


@pytest.mark.parametrize(
    "name",
    [
        "numpy.memmap",
        "numpy.array",
        "sklearn.metrics._classification.accuracy_score",
        "sklearn.svm._classes.SVC",
        "functools.partial",
        "os.system",
    ],
)
def test_partial_binds_functions_of_numbers_only(words, stopped, name: str) -> None:
    module, _, member = name.rpartition(".")
    bound = words.call(words.partial, words.named(module, member))
    held = words.build(words.new(words.svc), words.dict({"func": bound}))
    assert name in stopped(words.dump(held))


def test_partial_of_a_computed_function_or_with_arguments_is_reported(words, stopped) -> None:
    for bound in (
        words.call(words.partial, words.new(words.svc)),
        words.call(words.partial, words.power, "/tmp/file"),
        words.call(words.partial, words.call(words.partial, words.power)),
    ):
        stopped(words.dump(words.build(words.new(words.svc), words.dict({"func": bound}))))


def test_partial_is_not_made_to_call_something_else(words, refused) -> None:
    bound = words.call(words.partial, words.power)
    refused(words.dump(words.build(bound, words.tuple(words.memmap, ("/tmp/file",), {}, None))))


def test_partial_of_a_ufunc_passes_in_every_protocol(dumped, inspect) -> None:
    import functools

    from sklearn.preprocessing import FunctionTransformer

    model = FunctionTransformer(functools.partial(np.multiply, 2.0), functools.partial(np.clip, a_min=0))
    for content in (dumped(model), dumped(model, 3), *(dumped(model, protocol=number) for number in range(6))):
        assert inspect(content).untrusted == ()
