"""One check for all families: the file is valid PMML 4.4, and two evaluators score it as the original does."""

import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mlship.pmml import scoring

Alike = Callable[[Any, Any], etree._Element]


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """PMML 4.4 as JPMML's jars carry it."""
    import jpmml_evaluator

    jars = Path(jpmml_evaluator.__file__).parent.glob("dependencies/pmml-model-[0-9]*.jar")
    with zipfile.ZipFile(next(iter(jars))) as jar, jar.open("pmml.xsd") as stream:
        return etree.XMLSchema(etree.parse(stream))


@pytest.fixture(scope="session", autouse=True)
def java_ends() -> Iterator[None]:
    """Stop JPMML's Java; that of pypmml ends with this process."""
    yield
    if "benchmarks.conversion.pmml" in sys.modules:
        sys.modules["benchmarks.conversion.pmml"].end_java()


@pytest.fixture
def scores_alike(schema: etree.XMLSchema, tmp_path: Path) -> Alike:
    """Call it with a fitted model and rows to hold its PMML against it; returns the file's root."""
    assert scoring.available(), "scoring PMML needs Java: install a JRE, 11 or newer"
    from benchmarks.conversion import pmml as figures

    def check(model: Any, rows: Any) -> etree._Element:
        verdicts = figures.score(model, rows, tmp_path)
        tree = etree.parse(tmp_path / "model.pmml")
        schema.assertValid(tree)
        for evaluator, verdict in zip(("pypmml", "JPMML"), verdicts, strict=True):
            assert verdict.passed, f"{evaluator}: {verdict.sentence()}"
        return tree.getroot()

    return check
