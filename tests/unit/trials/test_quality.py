from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlship.golden import Golden
from mlship.quality import Rows
from mlship.signature import Column, Output, Signature, Tensor
from mlship.trials.models import Model
from mlship.trials.quality import known_rows, scores


def signature(task: str, *outputs: Output) -> Signature:
    return Signature(
        model="Test",
        task=task,  # type: ignore[arg-type]
        named=False,
        columns=(Column(name="x0", type="number", tensor="features", index=0),),
        tensors=(Tensor(name="features", kind="number", width=1),),
        outputs=outputs,
    )


LABELS = signature(
    "classifier",
    Output(name="prediction", type="string"),
    Output(name="probabilities", type="number", width=2, classes=("no", "yes")),
)
NUMBERS = signature("regressor", Output(name="prediction", type="number"))


def golden(prediction: list[Any], target: list[Any], probabilities: Any = None) -> Golden:
    outputs = {"prediction": np.array(prediction, dtype=object if isinstance(prediction[0], str) else float)}
    if probabilities is not None:
        outputs["probabilities"] = np.array([[1 - each, each] for each in probabilities])
    count = len(prediction)
    inputs = {"features": np.arange(count + 1, dtype=float)[:, None]}
    stressed = {name: np.concatenate([values, values[:1]]) for name, values in outputs.items()}
    return Golden(inputs, stressed, ("sample",) * count + ("stress: x0 missing",), np.array(target, dtype=object))


def values(rows: Golden, described: Signature) -> dict[str, float]:
    known = known_rows(rows, described, None, None)
    assert known is not None
    found, notes = scores({}, known, described, rows)
    assert notes == []
    assert {each.of for each in found} <= {"original"}
    return {each.metric: each.value for each in found}


def test_labels_have_accuracy_f1_and_auc() -> None:
    rows = golden(["no", "yes", "yes", "yes"], ["no", "no", "yes", "yes"], [0.1, 0.6, 0.55, 0.9])
    found = values(rows, LABELS)
    assert found["accuracy"] == 0.75
    assert found["f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["auc"] == 0.75  # of four pairs of a no and a yes, one is the wrong way round


def test_numbers_have_r2_and_mae() -> None:
    found = values(golden([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), NUMBERS)
    assert found == {"r2": pytest.approx(0.5), "mae": pytest.approx(1 / 3)}


def test_without_probabilities_there_is_no_auc() -> None:
    assert "auc" not in values(golden(["no", "yes"], ["no", "yes"]), LABELS)


def test_where_all_true_answers_are_alike_there_is_no_auc() -> None:
    assert "auc" not in values(golden(["no", "yes"], ["no", "no"], [0.1, 0.9]), LABELS)


@pytest.mark.parametrize("missing", ["nan", "None", "<NA>"])
def test_rows_without_a_true_answer_are_left_out(missing: str) -> None:
    assert values(golden(["no", "yes"], ["no", missing]), LABELS)["accuracy"] == 1.0


def test_a_class_that_is_called_none_is_no_missing_answer() -> None:
    own = signature(
        "classifier",
        Output(name="prediction", type="string"),
        Output(name="scores", type="number", classes=("None", "yes")),
    )
    assert values(golden(["None", "yes"], ["None", "None"]), own)["accuracy"] == 0.5


def test_whole_numbers_with_a_gap_are_labels_all_the_same() -> None:
    own = signature("classifier", Output(name="prediction", type="integer"))
    rows = golden([0.0, 1.0, 1.0], [])
    outputs = {"prediction": rows.outputs["prediction"].astype(np.int64)}
    rows = replace(rows, outputs=outputs, target=np.array([0.0, np.nan, 1.0]))
    assert values(rows, own)["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("described", "target"),
    [(LABELS, None), (signature("transformer", Output(name="transformed", type="number", width=1)), ["no", "no"])],
    ids=["no target", "no prediction"],
)
def test_without_true_answers_there_is_no_quality(described: Signature, target: Any) -> None:
    rows = golden(["no", "yes"], target or [])
    rows = replace(rows, target=np.array(target, dtype=object) if target else None)
    if described is not LABELS:
        rows = replace(rows, outputs={"transformed": np.zeros((3, 1))})
    assert known_rows(rows, described, None, None) is None


def test_models_are_judged_beside_the_original(cases: Mapping[str, Any], tmp_path: Path) -> None:
    case = cases["numeric"]
    iris = load_iris()
    right = LogisticRegression(max_iter=1000).fit(iris.data, iris.target).score(iris.data, iris.target)
    paths = case.write(tmp_path)
    rows = replace(case.golden, target=iris.target)
    known = known_rows(rows, case.signature, None, None)
    assert known is not None
    found, _ = scores({"converted": Model(paths["onnx"])}, known, case.signature, rows)
    assert {each.of: each.value for each in found if each.metric == "accuracy"} == {
        "original": pytest.approx(right),
        "converted": pytest.approx(right),
    }


def test_the_sample_serves_where_the_golden_set_has_no_true_answers(cases: Mapping[str, Any], tmp_path: Path) -> None:
    case, sample = cases["numeric"], tmp_path / "sample.csv"
    load_iris(as_frame=True).frame.to_csv(sample, index=False)
    paths = case.write(tmp_path)
    known = known_rows(case.golden, case.signature, sample, "target")
    assert isinstance(known, Rows)
    found, notes = scores({"converted": Model(paths["onnx"])}, known, case.signature, case.golden)
    assert len(known) == 150
    assert {each.of for each in found} == {"original", "converted"}
    assert notes == ["the original was not asked about these rows: its quality is that of the converted model"]


def test_where_the_golden_set_was_written_anew_its_answers_are_not_the_originals() -> None:
    rows = golden(["no", "yes"], ["no", "yes"])
    known = known_rows(rows, LABELS.model_copy(update={"loss": "int8"}), None, None)
    assert known is not None
    assert known.outputs == {}
