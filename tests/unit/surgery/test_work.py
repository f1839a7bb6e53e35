import numpy as np
import onnx
import onnx.parser
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from mlship.surgery import work
from tests.unit.optimize_support import task_for

PRODUCT = "g (double[{rows}, 3] x) => (double[{rows}, 1000] y) {{ y = MatMul (x, w) }}"
LOOKUP = "g (int64[n] x) => (double[n, 1000] y) { y = Gather (w, x) }"


def with_table(text: str) -> onnx.ModelProto:
    """Return the graph of ``text`` with a constant w of (3, 1000)."""
    model = onnx.parser.parse_model('<ir_version: 9, opset_import: ["" : 17]> ' + text)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones((3, 1000)), "w"))
    return model


def test_a_product_costs_its_weights_and_is_as_wide_as_its_widest_side() -> None:
    found = work.of(with_table(PRODUCT.format(rows="n")))
    assert found.wide == 8 * 1000
    assert 1e-8 < found.seconds < 1e-6


def test_a_table_that_is_looked_up_is_no_product() -> None:
    found = work.of(with_table(LOOKUP))
    assert (found.wide, found.seconds) == (0, 0)


@pytest.mark.parametrize(("rows", "free"), [("n", True), ("5", False)])
def test_rows_are_free_where_their_number_is_not_told(rows: str, free: bool) -> None:
    assert work.of(with_table(PRODUCT.format(rows=rows))).rows_are_free is free


def test_trees_are_counted_and_cost_more_the_deeper_they_are() -> None:
    rows, labels = load_iris(return_X_y=True)
    forests = [RandomForestClassifier(7, max_depth=depth, random_state=0).fit(rows, labels > 0) for depth in (2, 6)]
    shallow, deep = (work.of(task_for(forest, rows)[0].model) for forest in forests)
    assert shallow.trees == deep.trees == 7
    assert 0 < shallow.seconds < deep.seconds < 1e-5


def test_a_linear_model_has_next_to_nothing_to_do() -> None:
    rows, labels = load_iris(return_X_y=True)
    found = work.of(task_for(LogisticRegression(max_iter=500).fit(rows, labels), rows)[0].model)
    assert found.trees == 0
    assert 0 < found.seconds < 1e-8
