"""What is told about a model before it is converted: its outputs and its route."""

import importlib
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from mlship import graphs
from mlship.errors import UnsupportedModelError
from mlship.graphs.builder import Graph, Matrix, Result
from mlship.graphs.table import PREDICTORS, SKL2ONNX, TRANSFORMERS, UNCONVERTED, planned_route, public_name

ROWS = np.random.default_rng(3).normal(size=(40, 2))
HALVES = np.arange(40) % 2


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        (LogisticRegression(), {"prediction": "predict", "probabilities": "predict_proba"}),
        (SVC(), {"prediction": "predict", "scores": "decision_function"}),
        (RandomForestRegressor(2), {"prediction": "predict"}),
        (KMeans(2, n_init=1), {"prediction": "predict"}),
        (GaussianMixture(2), {"prediction": "predict", "probabilities": "predict_proba"}),
        (IsolationForest(n_estimators=2), {"prediction": "predict", "scores": "decision_function"}),
        (StandardScaler(), {"transformed": "transform"}),
        (make_pipeline(StandardScaler(), StandardScaler()), {"transformed": "transform"}),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"prediction": "predict", "probabilities": "predict_proba"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_outputs_follow_what_the_estimator_can_do(model, outputs):
    assert graphs.outputs_of(model.fit(ROWS, HALVES)) == outputs


def test_an_estimator_that_cannot_answer_for_new_rows_is_refused():
    with pytest.raises(UnsupportedModelError, match="KernelDensity"):
        graphs.outputs_of(KernelDensity().fit(ROWS))


def test_several_targets_are_answered_without_probabilities():
    model = RandomForestClassifier(2).fit(ROWS, np.stack([HALVES, HALVES], axis=1))
    assert graphs.outputs_of(model) == {"prediction": "predict"}


def test_every_row_of_the_tables_names_a_class_and_a_function():
    for public, target in [*TRANSFORMERS.items(), *PREDICTORS.items()]:
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(f"mlship.graphs.families.{module}"), name))
        package, _, found = public.rpartition(".")
        if _has_library(package):
            assert public_name(_qualified(getattr(importlib.import_module(package), found))) == public


def _has_library(package):
    """Say whether the library that an adapter is for is installed; Keras runs on PyTorch."""
    library = package.rpartition(".")[2] if package.startswith("mlship.originals.adapters.") else "sklearn"
    return find_spec({"keras": "torch"}.get(library, library)) is not None


def _qualified(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


def test_the_lists_of_other_estimators_are_disjoint_and_real():
    ours = {name.rpartition(".")[2] for name in [*TRANSFORMERS, *PREDICTORS]}
    real = {name for name, _ in all_estimators()}
    assert not SKL2ONNX & UNCONVERTED
    assert not (SKL2ONNX | UNCONVERTED) & ours
    assert not (SKL2ONNX | UNCONVERTED) - real


def test_a_route_is_planned_from_class_names():
    names = [
        "sklearn.pipeline.Pipeline",
        "numpy.dtype",
        "sklearn.feature_extraction._dict_vectorizer.DictVectorizer",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.tree._tree.Tree",
        "sklearn.decomposition._nmf.NMF",
    ]
    assert planned_route(names) == (
        "Pipeline: mlship",
        "DictVectorizer: skl2onnx",
        "RandomForestClassifier: mlship",
        "NMF: no converter",
    )


def test_classes_inside_others_are_not_steps():
    names = ["sklearn.ensemble._gb.GradientBoostingClassifier", "sklearn.dummy.DummyClassifier"]
    assert planned_route(names) == ("GradientBoostingClassifier: mlship",)
    assert planned_route(names[1:]) == ("DummyClassifier: mlship",)


def test_planning_imports_no_scikit_learn():
    code = (
        "import sys; from mlship.graphs import planned_route; planned_route(['a.B']); print('sklearn' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_column_with_the_name_of_an_output_is_refused_by_name():
    g = Graph()
    x = g.input(Matrix("prediction", "number", 1))
    with pytest.raises(UnsupportedModelError, match="'prediction'"):
        g.model({"prediction": Result(x.name, width=1)})


def test_nodes_that_no_output_needs_are_left_out():
    g = Graph()
    x = g.input(Matrix("x", "number", 1))
    g.op("Exp", x.name)
    model = g.model({"transformed": Result(g.op("Neg", x.name), width=1)})
    assert [node.op_type for node in model.graph.node] == ["Neg", "Identity"]


def test_the_same_model_gives_the_same_bytes(agrees):
    model = RandomForestClassifier(3, random_state=0).fit(ROWS, HALVES)
    assert agrees.converted(model, ROWS).content == agrees.converted(model, ROWS).content


def test_an_output_that_the_model_does_not_have_is_refused():
    model = LogisticRegression().fit(ROWS, HALVES)
    with pytest.raises(UnsupportedModelError, match="transformed"):
        graphs.convert(model, [], [], outputs=["transformed"])
