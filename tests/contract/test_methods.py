"""What every method of optimisation keeps to, on models of several kinds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits, make_regression
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

from mlship import plugins, runtime
from mlship.optimization import Candidate, Method, Task
from mlship.runtime import Session, Settings
from tests.unit.optimize_support import task_for

DIGITS, KINDS = load_digits(return_X_y=True)


def _started(model: Any, rows: Any) -> tuple[Candidate, Task]:
    """Return the task for ``model``, with more time than the tests that share it take."""
    return task_for(model, rows, seconds=3600)


def _forest() -> Any:
    return _started(RandomForestClassifier(40, random_state=0).fit(DIGITS[:600], KINDS[:600]), DIGITS[600:])


def _boosting() -> Any:
    rows, target = make_regression(800, 8, random_state=0)
    return _started(GradientBoostingRegressor(n_estimators=60).fit(rows[:400], target[:400]), rows[400:])


def _network() -> Any:
    model = MLPClassifier((128, 128), max_iter=15, random_state=0, tol=1.0, n_iter_no_change=20)
    scaled = make_pipeline(StandardScaler(), model.set_params(early_stopping=True, max_iter=60))
    return _started(scaled.fit(DIGITS[:600], KINDS[:600]), DIGITS[600:])


def _shop() -> Any:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"shop": [f"s{i}" for i in draw.integers(0, 50, 800)], "amount": draw.normal(size=800)})
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["shop"]), (StandardScaler(), ["amount"])
    )
    return _started(make_pipeline(columns, LogisticRegression()).fit(frame, draw.integers(0, 2, 800)), frame)


def _machine() -> Any:
    return _started(SVC().fit(DIGITS[:300], KINDS[:300]), DIGITS[600:])


def _one_row() -> Any:
    return _started(RandomForestClassifier(5, random_state=0).fit(DIGITS[:100], KINDS[:100]), DIGITS[:1])


def _one_class() -> Any:
    zeros = DIGITS[KINDS == 0]
    return _started(RandomForestClassifier(5, random_state=0).fit(DIGITS[:100], KINDS[:100]), zeros)


MODELS = {
    "forest": _forest,
    "boosting": _boosting,
    "network": _network,
    "shop": _shop,
    "machine": _machine,
    "one row": _one_row,
    "one class": _one_class,
}


@pytest.fixture(scope="module", params=MODELS)
def given(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param]()


@pytest.fixture(scope="module", params=plugins.BUILT_IN["methods"])
def method(request: pytest.FixtureRequest) -> Method:
    options = {"student": "linear"} if request.param == "distill" else {}  # others train for as long as there is time
    found = plugins.load("methods", request.param)(**options)
    assert isinstance(found, Method)
    return found


@dataclass(frozen=True)
class Proposed:
    """What a method proposed, and the model that it builds on as it was before."""

    candidates: list[Candidate]
    before: bytes


@pytest.fixture(scope="module")
def proposed(method: Method, given: Any) -> Proposed:
    base, task = given
    before = base.model.SerializeToString()
    return Proposed(list(method.propose(base, task)) if method.advise(base, task).applies else [], before)


def test_its_advice_is_one_clause(method: Method, given: Any) -> None:
    advice = method.advise(*given)
    assert advice.why.strip()
    assert "\n" not in advice.why
    assert not advice.why.endswith(".")


def test_it_leaves_the_model_that_it_builds_on_alone(proposed: Proposed, given: Any) -> None:
    assert given[0].model.SerializeToString() == proposed.before


def test_inputs_and_outputs_stay_as_they_are(proposed: Proposed, given: Any) -> None:
    for candidate in proposed.candidates:
        for ends in ("input", "output"):
            assert _ends(candidate.model, ends) == _ends(given[0].model, ends)
        onnx.checker.check_model(candidate.model)


def test_candidates_have_names_of_their_own_and_run(proposed: Proposed, given: Any) -> None:
    task: Task = given[1]
    assert len({candidate.name for candidate in proposed.candidates}) == len(proposed.candidates)
    for candidate in proposed.candidates:
        session = Session(candidate.model.SerializeToString(), Settings(**candidate.settings))
        answers = session.run(session.feed(task.judge.inputs))
        assert all(len(values) == len(task.judge) for values in answers.values())


def test_what_calls_itself_lossless_is(proposed: Proposed, given: Any) -> None:
    from mlship.golden import Golden
    from mlship.parity import tolerance_of

    task: Task = given[1]
    golden = Golden(dict(task.judge.inputs), dict(task.judge.outputs), ("sample",) * len(task.judge))
    for candidate in proposed.candidates:
        if candidate.lossless:
            verdict = runtime.parity(candidate.model.SerializeToString(), golden, tolerance_of(task.signature))
            assert verdict.passed, (candidate.name, verdict.sentence())


def test_it_proposes_alike_each_time(method: Method, proposed: Proposed, given: Any) -> None:
    first = proposed.candidates
    again = list(method.propose(*given)) if first else []
    assert [item.name for item in again] == [item.name for item in first]
    same = [a.model.SerializeToString() == b.model.SerializeToString() for a, b in zip(again, first, strict=True)]
    assert all(same)


def test_its_options_are_described(method: Method) -> None:
    assert (type(method).__doc__ or "").strip()
    assert [name for name, field in type(method).model_fields.items() if not field.description] == []


def _ends(model: onnx.ModelProto, ends: str) -> list[tuple[str, int]]:
    return [(item.name, item.type.tensor_type.elem_type) for item in getattr(model.graph, ends)]
