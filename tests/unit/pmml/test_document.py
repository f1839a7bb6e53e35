import numpy as np
import pytest
from lxml import etree
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from mlship import __version__, pmml
from mlship.errors import UnsupportedModelError
from mlship.signature import Column

ROWS = np.array([[0.0, 1.0], [1.0, 0.1], [2.0, 5.0], [3.0, -1.0]])


def columns(*names: str, **options: object) -> list[Column]:
    given = {"type": "number", **options}
    return [Column(name=name, tensor="features", index=i, **given) for i, name in enumerate(names)]


def test_the_same_model_is_the_same_file() -> None:
    model = DecisionTreeClassifier(random_state=0).fit(ROWS, [0, 1, 0, 1])
    first, second = ("".join(pmml.convert(model, columns("a", "b")).pieces) for _ in range(2))
    assert first == second


def test_the_header_names_mlship_and_no_time(schema: etree.XMLSchema) -> None:
    root = etree.fromstring(
        "".join(pmml.convert(LinearRegression().fit(ROWS, ROWS[:, 0]), columns("a", "b")).pieces).encode()
    )
    schema.assertValid(root)
    (application,) = root.iterfind("{*}Header/{*}Application")
    assert dict(application.attrib) == {"name": "mlship", "version": __version__}
    assert root.find("{*}Header/{*}Timestamp") is None


def test_a_column_called_as_the_target_keeps_its_name() -> None:
    model = LogisticRegression().fit(ROWS, [0, 1, 0, 1])
    root = etree.fromstring("".join(pmml.convert(model, columns("target", "step_1")).pieces).encode())
    names = [item.get("name") for item in root.iterfind("{*}DataDictionary/{*}DataField")]
    assert names == ["target", "step_1", "target_"]


def test_numbers_are_written_with_all_their_digits() -> None:
    model = LinearRegression().fit(ROWS, [0.1, 1 / 3, 2e-300, 4.0])
    text = "".join(pmml.convert(model, columns("a", "b")).pieces)
    assert all(f'coefficient="{float(weight)!r}"' in text for weight in model.coef_)


def test_text_that_xml_cannot_hold_is_refused_by_name() -> None:
    encoder = OneHotEncoder().fit(np.array([["a\x00b"], ["c"]], dtype=object))
    with pytest.raises(UnsupportedModelError, match="x00"):
        list(pmml.convert(encoder, columns("a", type="string")).pieces)


def test_what_nobody_can_write_is_refused_with_the_way_to_onnx() -> None:
    model = NearestNeighbors().fit(ROWS)
    with pytest.raises(UnsupportedModelError):
        pmml.convert(model, columns("a", "b"))
