import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mlship.reports import schema, writing
from tests.unit.reports import samples

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"


def test_the_published_schema_is_that_of_the_model() -> None:
    assert PUBLISHED.read_text("utf-8") == schema.text(), "nox -s docs"


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(PUBLISHED.read_bytes()))


@pytest.mark.parametrize("name", samples.everything())
def test_what_is_written_validates(name: str, tmp_path: Path) -> None:
    writing.write(samples.everything()[name], tmp_path)
    Draft202012Validator(schema.schema()).validate(json.loads((tmp_path / "report.json").read_bytes()))


def test_what_has_another_field_does_not_validate() -> None:
    document = {**samples.minimal().model_dump(mode="json"), "speed": 1}
    assert not Draft202012Validator(schema.schema()).is_valid(document)
