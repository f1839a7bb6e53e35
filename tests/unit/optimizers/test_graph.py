"""The method of rewriting graphs, on converted pipelines."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlship.optimization import Candidate, Task
from mlship.optimizers.graph import GraphRewrites
from mlship.runtime import Session
from mlship.surgery.graph import Graph
from tests.unit.optimize_support import task_for

ROWS, LABELS = load_iris(return_X_y=True)


def towns() -> tuple[Any, pd.DataFrame]:
    """Fit a model on words and numbers, some missing."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"town": random.integers(0, 40, 400).astype(str), "size": random.normal(size=400)})
    frame["word"] = random.choice(["a", "b", "c"], size=400)
    frame.loc[::7, "size"] = np.nan
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    prepare = make_column_transformer((words, ["town", "word"]), (numbers, ["size"]))
    model = make_pipeline(prepare, LogisticRegression()).fit(frame, random.integers(0, 2, 400))
    return model, frame


def proposed(base: Candidate, task: Task) -> Candidate:
    """Return the first candidate, and check that it answers as the converted model does."""
    first = next(GraphRewrites().propose(base, task))
    session = Session(first.model.SerializeToString())
    answers = session.run(session.feed(task.judge.inputs))
    for name, wanted in task.judge.outputs.items():
        np.testing.assert_allclose(answers[name].astype(np.float64), wanted.astype(np.float64), rtol=1e-9)
    return first


def test_a_scaler_a_projection_and_a_linear_model_become_one_product() -> None:
    model = make_pipeline(StandardScaler(), PCA(3), LogisticRegression()).fit(ROWS, LABELS)
    first = proposed(*task_for(model, ROWS))
    kinds = Graph(first.model).kinds()
    assert kinds["Gemm"] + kinds["MatMul"] == 1
    assert set(kinds) == {"Gemm", "Softmax", "ArgMax"}
    assert first.facts["nodes"] == "11 -> 3"
    assert first.lossless
    assert first.steps == ("graph",)


def test_words_and_numbers_become_lookups_and_a_product() -> None:
    first = proposed(*task_for(*towns()))
    kinds = Graph(first.model).kinds()
    assert kinds["Equal"] == 0
    assert kinds["LabelEncoder"] == 2
    assert first.facts["rewrites"]["one-hot product looked up"] == 1


def test_columns_that_no_answer_depends_on_are_named_as_the_user_knows_them() -> None:
    frame = pd.DataFrame(ROWS, columns=["sepal length", "sepal width", "petal length", "petal width"])
    model = make_pipeline(StandardScaler(), SelectKBest(k=2), LogisticRegression()).fit(frame, LABELS)
    base, task = task_for(model, frame)
    first = proposed(base, task)
    assert first.facts["unused_inputs"] == ["sepal length", "sepal width"]
    assert list(Graph(first.model).inputs) == list(Graph(base.model).inputs)


def test_names_and_types_of_inputs_and_outputs_stay() -> None:
    base, task = task_for(*towns())
    for candidate in GraphRewrites().propose(base, task):
        assert candidate.model.graph.input == base.model.graph.input
        assert [item.name for item in candidate.model.graph.output] == [item.name for item in base.model.graph.output]


def test_the_converted_model_stays_as_it_is() -> None:
    base, task = task_for(*towns())
    before = base.model.SerializeToString(deterministic=True)
    list(GraphRewrites().propose(base, task))
    assert base.model.SerializeToString(deterministic=True) == before


def test_advice_counts_what_would_go() -> None:
    model = make_pipeline(StandardScaler(), PCA(3), LogisticRegression()).fit(ROWS, LABELS)
    base, task = task_for(model, ROWS)
    advice = GraphRewrites().advise(base, task)
    assert advice.applies
    assert advice.why.startswith("8 of 11 nodes can go")
    assert "affine chain folded" in advice.why


def test_one_row_is_enough() -> None:
    base, task = task_for(Ridge().fit(ROWS[:, :3], ROWS[:, 3]), ROWS[:2, :3])
    assert Graph(proposed(base, task).model).kinds()["Gemm"] == 1


@pytest.mark.parametrize("model", [RandomForestClassifier(3, random_state=0), LogisticRegression(max_iter=500)])
def test_what_is_rewritten_needs_no_second_pass(model: Any) -> None:
    base, task = task_for(model.fit(ROWS, LABELS), ROWS)
    first = proposed(base, task)
    names = [item.facts["nodes"] for item in GraphRewrites().propose(Candidate("again", first.model), task)]
    assert all("rewritten by" in item for item in names) or len(names) <= 1


def test_a_forest_behind_a_scaler_is_also_offered_with_its_trees_as_they_were() -> None:
    model = make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)).fit(ROWS, LABELS)
    base, task = task_for(model, ROWS)
    names = [item.name for item in GraphRewrites().propose(base, task)]
    assert names[:2] == ["rewritten", "rewritten, trees as they were"]
