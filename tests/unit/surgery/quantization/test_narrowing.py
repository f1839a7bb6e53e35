"""A graph in double whose matrix products compute in float32."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlship.runtime import Session
from mlship.surgery.quantization.narrowing import narrow
from tests.unit.optimize_support import task_for
from tests.unit.surgery.quantization.networks import answers, graph_of, perceptron, rows

DIGITS, NUMBERS = load_digits(return_X_y=True)
DIGITS, NUMBERS = DIGITS[:300], NUMBERS[:300]
QUICK = {"max_iter": 5, "tol": 1.0, "random_state": 0}
FOREST = RandomForestClassifier(3, random_state=0)
NETWORK = MLPClassifier((30,), **QUICK)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_the_weights_take_half_the_room() -> None:
    model = perceptron()
    assert narrow(model).ByteSize() < 0.52 * model.ByteSize()


def test_inputs_and_outputs_keep_names_and_types() -> None:
    model = perceptron()
    narrowed = narrow(model)
    assert narrowed.graph.input == model.graph.input
    assert narrowed.graph.output == model.graph.output
    assert answers(narrowed, rows()).dtype == np.float64


def test_the_model_that_it_is_made_of_stays_as_it_is() -> None:
    model = perceptron()
    before = model.SerializeToString()
    narrow(model)
    assert model.SerializeToString() == before


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), NETWORK),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), NETWORK),
        StackingClassifier([("trees", FOREST), ("network", NETWORK)], LogisticRegression(max_iter=1000), cv=2),
        MLPRegressor(hidden_layer_sizes=(30,), **QUICK),
    ],
    ids=["scaled", "one-hot", "stacked", "regressor"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_converted_model_answers_alike(model: object) -> None:
    base, task = task_for(model.fit(DIGITS, NUMBERS), DIGITS)  # type: ignore[attr-defined]
    session = Session(narrow(base.model).SerializeToString())
    found = session.run(session.feed(task.fit.inputs))
    for name, wanted in task.fit.outputs.items():
        assert found[name].dtype == wanted.dtype
        np.testing.assert_allclose(found[name], wanted, rtol=1e-4, atol=1e-5)


def test_a_scaler_stays_in_double() -> None:
    """Seconds since 1970 would be rounded to minutes before their mean is taken off."""
    constants = {"mean": np.full((1, 64), 1.7e9), "w": np.eye(64)}
    nodes = [helper.make_node("Sub", ["x", "mean"], ["s"]), helper.make_node("MatMul", ["s", "w"], ["y"])]
    x = 1.7e9 + rows()
    np.testing.assert_allclose(answers(narrow(graph_of(nodes, constants)), x), x - 1.7e9, rtol=1e-6)


def test_what_merely_moves_numbers_is_narrowed_with_the_product() -> None:
    constants = {"two": np.array(2.0), "w": np.ones((64, 3))}
    nodes = [
        helper.make_node("Greater", ["x", "two"], ["g"]),
        helper.make_node("Cast", ["g"], ["c"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["c", "w"], ["y"]),
    ]
    narrowed = narrow(graph_of(nodes, constants))
    assert kinds(narrowed) == ["Greater", "Cast", "MatMul", "Cast"]


def test_a_value_that_others_read_is_there_in_both_types() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Scale", ["m"], ["y"], domain="custom"),
    ]
    narrowed = narrow(graph_of(nodes, {"w": np.ones((64, 3))}, imports=[("", 21), ("custom", 1)]))
    assert kinds(narrowed) == ["Cast", "MatMul", "Cast", "Scale"]
    assert narrowed.graph.node[-1].input[0] == narrowed.graph.node[-2].output[0] == "m"


def test_a_body_reads_the_double_that_it_was_written_for() -> None:
    number = helper.make_tensor_value_info("b", TensorProto.DOUBLE, None)
    body = helper.make_graph([helper.make_node("Neg", ["m"], ["b"])], "body", [], [number])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("If", ["true"], ["y"], then_branch=body, else_branch=body),
    ]
    model = graph_of(nodes, {"w": np.ones((64, 3)), "true": np.array(True)})
    np.testing.assert_allclose(answers(narrow(model), rows()), answers(model, rows()), atol=1e-4)


@pytest.mark.parametrize("model", [perceptron(dtype=np.float32), graph_of([helper.make_node("Neg", ["x"], ["y"])], {})])
def test_there_is_nothing_to_narrow_without_a_product_in_double(model: onnx.ModelProto) -> None:
    assert narrow(model) is None


def test_a_forest_is_not_narrowed() -> None:
    base, _ = task_for(RandomForestClassifier(3, random_state=0).fit(DIGITS, NUMBERS), DIGITS)
    assert narrow(base.model) is None
