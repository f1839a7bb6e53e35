"""A model that no ONNX file can hold is refused by its size."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from mlship.errors import UnsupportedModelError
from mlship.graphs import conversion
from tests.unit.graphs.conftest import Agrees


def test_a_graph_beyond_what_protobuf_holds_is_refused_with_the_way_on(
    agrees: Agrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered instead of a model of 2 GB being trained."""
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(400, 5)), rng.integers(0, 3, 400)
    model = RandomForestClassifier(40, random_state=0).fit(rows, labels)
    size = len(agrees(model, rows).conversion.content)
    monkeypatch.setattr(conversion, "MOST_BYTES", size)
    agrees(model, rows)
    monkeypatch.setattr(conversion, "MOST_BYTES", size - 1)
    with pytest.raises(UnsupportedModelError, match="the ONNX file would have") as caught:
        agrees(model, rows)
    assert "--to native" in caught.value.hint
