"""From a fitted scikit-learn estimator to an ONNX graph in double; one small module a family of estimators.

To support one more estimator, write one function in its family's module and add one row to ``table.py``.
"""

from mlship.graphs.conversion import Conversion, convert
from mlship.graphs.outputs import outputs_of
from mlship.graphs.table import planned_route

__all__ = ["Conversion", "convert", "outputs_of", "planned_route"]
