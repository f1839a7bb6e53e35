"""Templates are held against types, with no property that these do not know."""

from enum import StrEnum
from typing import Any, Required, TypedDict

import pytest

from mlship.targets.checks.arm import problems


class Colour(StrEnum):
    RED = "red"


class Inner(TypedDict, total=False):
    size: int
    share: float


class Outer(TypedDict, total=False):
    name: Required[str]
    inner: "Inner"
    many: "list[Inner]"
    tags: dict[str, str]
    colour: "str | Colour"
    on: bool


NAMES = {"Inner": Inner, "Colour": Colour}
FITS: dict[str, Any] = {"name": "iris", "inner": {"size": 1}, "many": [{"size": 2}], "tags": {"a": "b"}, "on": True}


def test_what_fits_has_no_problems() -> None:
    assert list(problems(Outer, FITS, "app", NAMES)) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"nmae": "x"}, "app.nmae: there is no such property"),
        ({"inner": {"sizes": 1}}, "app.inner.sizes: there is no such property"),
        ({"many": [{"size": 1}, {"size": "2"}]}, "app.many[1].size: '2' is not of type int"),
        ({"tags": {"a": 1}}, "app.tags.a: 1 is not of type str"),
        ({"colour": "blue"}, "app.colour: 'blue' is none of red"),
        ({"on": "true"}, "app.on: 'true' is not of type bool"),
        ({"inner": {"size": True}}, "app.inner.size: True is not of type int"),
        ({"inner": [1]}, "app.inner: [1] is not an object"),
    ],
    ids=["property", "deeper", "list", "values", "words", "boolean", "integer", "object"],
)
def test_what_does_not_fit_is_named_with_its_place(more: dict[str, Any], said: str) -> None:
    assert list(problems(Outer, FITS | more, "app", NAMES)) == [said]


def test_what_is_missing_is_named() -> None:
    assert list(problems(Outer, {}, "app", NAMES)) == ["app: name is missing"]


def test_an_expression_fits_everywhere() -> None:
    fits = FITS | {"inner": {"size": "[parameters('size')]"}, "on": "[parameters('on')]"}
    assert list(problems(Outer, fits, "app", NAMES)) == []


def test_a_whole_number_is_a_number() -> None:
    assert list(problems(Outer, FITS | {"inner": {"share": 1}}, "app", NAMES)) == []
